"""The argument `at` of lists: the position of a page, as the row before or after it."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, date, datetime

from puqpanel.infra.redact import storable
from puqpanel.web.list_page import Cursor, Query, Row


def pack(query: Query, row: Row, forward: bool, first: int) -> str:
    """Return the argument for the page before or after a row.

    Args:
        query: the list's query.
        row: the row.
        forward: whether the page follows the row.
        first: the number of the page's first row.
    """
    value = row._sort
    if isinstance(value, datetime):
        value = value.astimezone(UTC).isoformat()
    elif isinstance(value, date):
        value = value.isoformat()
    text = json.dumps([query.order, int(forward), value, row._key, first], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def unpack(text: str, value_type: type, nullable: bool, order: str) -> Cursor | None:
    """Return the position of an argument; None if it is invalid or of another order.

    Its values are bound as parameters, so a forged argument only shows another page.
    """
    if not text or len(text) > 2000:
        return None
    try:
        its_order, forward, value, key, first = json.loads(
            base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        )
        if value_type is datetime and value is not None:
            value = datetime.fromisoformat(value).astimezone(UTC)
        elif value_type is date and value is not None:
            value = date.fromisoformat(value)
    except (ValueError, TypeError, OverflowError, binascii.Error, RecursionError):
        return None
    numbers = (key, first, value) if type(value) is int else (key, first)
    valid = (
        its_order == order
        and forward in (0, 1)
        and (type(value) is value_type or (value is None and nullable))
        and all(type(number) is int and -(2**62) < number < 2**62 for number in numbers)
        and min(key, first) >= 0
        and storable(str(value)) == str(value)
    )
    return Cursor(bool(forward), value, key, max(first, 1)) if valid else None
