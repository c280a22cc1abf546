"""CSV files of banks: no two are alike, so staff say once per account what the columns mean."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Any, Self

from puqpanel.sdk import __

from . import texts
from .parsed import Parsed, ParsedLine, StatementError, one_line

DELIMITERS = {";": ";", ",": ",", "tab": "\t", "|": "|"}
INCOMING = frozenset({"c", "cr", "credit", "h", "haben", "+", "in", "uznanie", "crdt"})
MOST_ROWS = 50_000


@dataclass(frozen=True)
class Layout:
    """How the files of an account are read. Columns are named by their headings.

    An empty encoding, delimiter, decimal mark or date format is detected in each file.
    """

    day: str = ""
    amount: str = ""
    direction: str = ""
    currency: str = ""
    payer: str = ""
    payer_account: str = ""
    text: Sequence[str] = field(default_factory=list)
    bank_id: str = ""
    encoding: str = ""
    delimiter: str = ""
    mark: str = ""
    dates: str = ""

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Return the layout of a form or of a stored row."""
        known = {one.name for one in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known and value})

    @property
    def columns(self) -> set[str]:
        """The headings that a file must have."""
        single = (self.day, self.amount, self.direction, self.currency, self.payer)
        return {*single, self.payer_account, self.bank_id, *self.text} - {""}


def table(content: bytes, encoding: str = "", delimiter: str = "") -> list[list[str]]:
    """Return the rows of a file.

    Raises:
        StatementError: it is not a CSV file.
    """
    text = texts.decode(content, encoding)
    reader = csv.reader(io.StringIO(text), delimiter=DELIMITERS.get(delimiter) or detect(text))
    try:
        rows = [[one_line(cell) for cell in row] for row in reader]
    except csv.Error as error:
        problem = {"number": reader.line_num, "problem": str(error)}
        raise StatementError(__("Line :number of the file: :problem", problem)) from None
    if len(rows) > MOST_ROWS:
        raise StatementError(__("The file has too many lines. Export a shorter period."))
    if not any(len(row) > 2 for row in rows):
        raise StatementError(__("The file has no columns. Check that it is a CSV file."))
    return rows


def detect(text: str) -> str:
    """Return the delimiter that most lines have the most often."""
    lines = [line for line in text.splitlines() if line.strip()][:200]

    def score(mark: str) -> int:
        common = Counter(line.count(mark) for line in lines if mark in line).most_common(1)
        return common[0][0] * common[0][1] if common else 0

    return max(DELIMITERS.values(), key=score)


def headings(
    rows: Sequence[Sequence[str]], wanted: set[str] | None = None
) -> tuple[int, list[str]]:
    """Return the index of the row of headings, and the headings, each of them once.

    Args:
        rows: the file.
        wanted: headings that the row has; without them, the first of the widest rows is returned.

    Raises:
        StatementError: there is no such row.
    """
    widest = max((sum(bool(cell) for cell in row) for row in rows), default=0)
    for at, row in enumerate(rows):
        names = _distinct(row)
        if wanted <= set(names) if wanted else sum(bool(cell) for cell in row) == widest:
            return at, names
    raise StatementError(
        __("The file has other columns than the last one. Choose what its columns mean.")
    )


def read(content: bytes, layout: Layout, account_currency: str) -> Parsed:
    """Return the incoming lines of a file.

    Raises:
        StatementError: it cannot be read so.
    """
    rows = table(content, layout.encoding, layout.delimiter)
    start, names = headings(rows, layout.columns)
    records = [
        (number, dict(zip(names, row, strict=False)))
        for number, row in enumerate(rows[start + 1 :], start + 2)
    ]
    # lines after the last date are totals and notes, unless they begin like a date
    days = [_day_format(record.get(layout.day, ""), layout) for _, record in records]
    if records and not any(days):
        text = __("The column “:column” has no dates.", {"column": layout.day[:60]})
        raise StatementError(text)
    last = max((at for at, day in enumerate(days, 1) if day), default=0)
    for number, record in records[last:]:
        value = record.get(layout.day, "")
        if record.get(layout.amount) and re.match(r"\d{1,4}[ ./-]", value):
            raise _unreadable(number, layout.day, value)
    records = records[:last]
    filled = [(number, one) for number, one in records if one.get(layout.amount)]
    form = layout.dates or texts.date_format(one.get(layout.day, "") for _, one in filled)
    mark = layout.mark or texts.decimal_mark(one[layout.amount] for _, one in filled)
    parsed = Parsed(skipped=len(records) - len(filled))
    for number, record in filled:
        amount = _amount(record, layout, mark, number)
        if amount <= 0:
            parsed.skipped += 1
            continue
        day = texts.parse_day(record.get(layout.day, ""), form)
        if day is None:
            raise _unreadable(number, layout.day, record.get(layout.day, ""))
        parsed.lines.append(
            ParsedLine(
                day,
                amount,
                record.get(layout.currency, "").upper() or account_currency,
                record.get(layout.payer, ""),
                record.get(layout.payer_account, "").replace(" ", "").strip("'"),
                one_line(*(record.get(name, "") for name in layout.text)),
                record.get(layout.bank_id, ""),
            )
        )
    return parsed


def _distinct(row: Sequence[str]) -> list[str]:
    """Return headings, repeated ones with a number."""
    seen: Counter[str] = Counter()
    names = []
    for cell in row:
        seen[cell] += 1
        names.append(f"{cell} ({seen[cell]})" if cell and seen[cell] > 1 else cell)
    return names


def _day_format(text: str, layout: Layout) -> str:
    forms = (layout.dates,) if layout.dates else texts.DATE_FORMATS
    return next((form for form in forms if texts.parse_day(text, form)), "")


def _amount(record: Mapping[str, str], layout: Layout, mark: str, number: int) -> Decimal:
    try:
        amount = texts.parse_amount(record[layout.amount], mark)
    except ValueError:
        raise _unreadable(number, layout.amount, record[layout.amount]) from None
    if layout.direction:
        incoming = record.get(layout.direction, "").casefold() in INCOMING
        return abs(amount) if incoming else -abs(amount)
    return amount


def _unreadable(number: int, column: str, value: str) -> StatementError:
    text = __(
        "Line :number of the file: “:value” in the column “:column” could not be read.",
        {"number": number, "value": value[:60], "column": column[:60]},
    )
    return StatementError(text)
