"""The encoding of files, and amounts and dates as banks write them."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal

from puqpanel.sdk import __

from .parsed import StatementError

ENCODINGS = ("utf-8", "cp1250", "latin-1")
DATE_FORMATS = ("%Y-%m-%d", "%d.%m.%Y", "%d.%m.%y", "%d-%m-%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y%m%d")
# ą, ę, ł, ż … of Windows-1250 beside a letter: in Latin-1 these bytes are symbols such as ³ and ¿
_CENTRAL = re.compile(
    rb"[\x80-\x9f]|[A-Za-z][\xa3\xa5\xaf\xb3\xb9\xbf]|[\xa3\xa5\xaf\xb3\xb9\xbf][a-z]"
)
_AMOUNT = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


def decode(content: bytes, encoding: str = "") -> str:
    """Return the text of a file.

    Args:
        content: the file.
        encoding: one of ENCODINGS; detected if it is empty.

    Raises:
        StatementError: it is not text, or not in this encoding.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        content, encoding = content.decode("utf-16", "replace").encode(), "utf-8"
    if b"\0" in content or content.startswith((b"PK\x03\x04", b"%PDF")):
        raise StatementError(
            __("This is not a text file. Download the statement as CSV, CAMT.053 or MT940.")
        )
    try:
        return content.decode("utf-8-sig" if encoding in ("", "utf-8") else encoding)
    except UnicodeDecodeError:
        if encoding:
            text = __("The file is not in the encoding :encoding.", {"encoding": encoding})
            raise StatementError(text) from None
    found = "cp1250" if _CENTRAL.search(content) else "latin-1"
    try:
        return content.decode(found)
    except UnicodeDecodeError:
        raise StatementError(
            __("The encoding of the file could not be detected. Choose it, or save it as UTF-8.")
        ) from None


def decimal_mark(amounts: Iterable[str]) -> str:
    """Return the decimal mark of a column of amounts.

    Raises:
        StatementError: it could be a comma or a point.
    """
    found: set[str] = set()
    unclear = False
    for amount in amounts:
        marks = re.findall(r"[.,]", amount)
        if not marks:
            continue
        decimals = len(re.sub(r"\D+$", "", amount).rpartition(marks[-1])[2])
        if len(set(marks)) > 1 or decimals != 3:
            found.add(marks[-1])
        else:
            unclear = True
    if len(found) == 1:
        return found.pop()
    if found or unclear:
        raise StatementError(__("Choose whether decimals follow a comma or a point."))
    return "."


def parse_amount(text: str, mark: str) -> Decimal:
    """Return an amount: `1 234,50`, `1.234,50 EUR`, `(5.00)` or `5,00-`.

    Raises:
        ValueError: it is none.
    """
    bare = re.sub(r"[\s'’]|[A-Z]{3}|[€$£]|zł", "", text).replace("−", "-")
    other = "," if mark == "." else "."
    negative = bare.endswith("-") or (bare.startswith("(") and bare.endswith(")"))
    bare = bare.strip("()").removesuffix("-")
    if other in bare and not re.fullmatch(rf"[+-]?\d{{1,3}}(\{other}\d{{3}})+(\{mark}\d*)?", bare):
        raise ValueError(text)
    bare = bare.replace(other, "").replace(mark, ".")
    if not _AMOUNT.fullmatch(bare) or len(bare) > 18:
        raise ValueError(text)
    return -Decimal(bare) if negative else Decimal(bare)


def date_format(days: Iterable[str]) -> str:
    """Return the format that most dates of a column have; empty if none fits any.

    Raises:
        StatementError: more than one fits as many, such as 02/03/2026.
    """
    texts = [text for text in days if text]
    counts = {one: sum(bool(parse_day(text, one)) for text in texts) for one in DATE_FORMATS}
    most = max(counts.values(), default=0)
    fitting = [one for one, count in counts.items() if count == most and most]
    if len(fitting) > 1:
        raise StatementError(__("Choose the format of the dates: more than one is possible."))
    return fitting[0] if fitting else ""


def parse_day(text: str, form: str) -> date | None:
    """Return the day of a date or a time; None if it is none."""
    word = re.split(r"[\sT]", text.strip(), maxsplit=1)[0]
    try:
        return datetime.strptime(word, form).date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        return None
