"""What modules say, brought into a form that every page, log and database can take."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

DEPTH = 60
# Control characters but tab and the ends of lines, and halves of surrogate pairs: PostgreSQL
# refuses the first, UTF-8 the second.
_ODD = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_ODD_JSON = re.compile("\\\\u00[01]|[\x7f\ud800-\udfff]")


def plain(text: str, most: int = 4000) -> str:
    """Return text without control characters and lone surrogates.

    Args: most characters that are kept.
    """
    text = text if len(text) <= most else f"{text[: most - 1]}…"
    return _ODD.sub("�", text)


def sentence(text: str, most: int = 600) -> str:
    """Return the same on one line."""
    return plain(" ".join(text[: most * 4].split()), most)


def jsonable(value: Any) -> Any:
    """Return a copy that JSON carries whatever was given.

    Circles and what lies too deep become “…”, NaN nothing, other things their text.
    """
    try:
        # C code for the plain case, which is nearly every case
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return _copy(value, 0, frozenset())
    return _copy(value, 0, frozenset()) if _ODD_JSON.search(text) else json.loads(text)


def _copy(value: Any, depth: int, seen: frozenset[int]) -> Any:
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return plain(value, len(value))
    if isinstance(value, (Mapping, list, tuple, set, frozenset)):
        if depth > DEPTH or id(value) in seen:
            return "…"
        within = seen | {id(value)}
        if isinstance(value, Mapping):
            return {plain(str(key)): _copy(one, depth + 1, within) for key, one in value.items()}
        return [_copy(one, depth + 1, within) for one in value]
    return plain(str(value))
