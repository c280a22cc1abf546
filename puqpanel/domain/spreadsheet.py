"""CSV lines that a spreadsheet does not evaluate as formulas."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import datetime


def csv_line(values: Sequence[object]) -> str:
    """Return one line of CSV; values that look like formulas get a leading apostrophe."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow([_cell(value) for value in values])
    return line.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    text = str(value)
    number = isinstance(value, int | float) or (
        text[:1] == "-" and text[1:].replace(".", "", 1).isdecimal()
    )
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r") and not number else text
