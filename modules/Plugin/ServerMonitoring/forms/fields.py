"""Filters of the forms."""

from __future__ import annotations

from typing import Any


def trim(value: Any) -> Any:
    """Return a text without leading and trailing spaces."""
    return value.strip() if isinstance(value, str) else value
