"""CSV lines that a spreadsheet does not evaluate as formulas."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from datetime import datetime

_FORMULA = re.compile(r"(^|[;\t\r\n])(\s*+)(?=[=+\-@＝＋－＠])")
"""The beginning of a formula, also of one behind a separator that a spreadsheet may split at."""


def csv_line(values: Sequence[object]) -> str:
    """Return one line of CSV; what looks like a formula gets a leading apostrophe."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow([cell(value) for value in values])
    return line.getvalue()


def cell(value: object) -> str:
    """Return a value as text; what looks like a formula gets a leading apostrophe."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    text = str(value)
    number = isinstance(value, int | float) or (
        text[:1] == "-" and text[1:].replace(".", "", 1).isdecimal()
    )
    if number:
        return text
    escaped = _FORMULA.sub(r"\1\2'", text)
    return f"'{escaped}" if escaped[:1] in ("\t", "\r") else escaped
