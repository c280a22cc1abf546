"""Turns what modules return into text and JSON that every page, log and database accepts."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

MAX_DEPTH = 60
# Control characters except tab and line ends, which PostgreSQL rejects, and lone surrogates, which
# UTF-8 cannot encode.
_INVALID = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_INVALID_JSON = re.compile("\\\\u00[01]|[\x7f\ud800-\udfff]")


def plain(text: str, max_length: int = 4000) -> str:
    """Return text without control characters and lone surrogates.

    Args:
        text: any text.
        max_length: in characters; a longer text is cut and ends with “…”.
    """
    text = text if len(text) <= max_length else f"{text[: max_length - 1]}…"
    return _INVALID.sub("�", text)


def sentence(text: str, max_length: int = 600) -> str:
    """Return text on one line, without control characters and lone surrogates.

    Args:
        text: any text.
        max_length: in characters; a longer text is cut and ends with “…”.
    """
    return plain(" ".join(text[: max_length * 4].split()), max_length)


def jsonable(value: Any) -> Any:
    """Return a copy that JSON can represent.

    Cycles and what is nested too deeply become “…”, NaN and infinity become None, and other objects
    their text.

    Args:
        value: any object.
    """
    try:
        # fast, and enough for nearly every value
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return _copy(value, 0, frozenset())
    return _copy(value, 0, frozenset()) if _INVALID_JSON.search(text) else json.loads(text)


def _copy(value: Any, depth: int, parents: frozenset[int]) -> Any:
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return plain(value, len(value))
    if isinstance(value, (Mapping, list, tuple, set, frozenset)):
        if depth > MAX_DEPTH or id(value) in parents:
            return "…"
        parents = parents | {id(value)}
        if isinstance(value, Mapping):
            return {plain(str(key)): _copy(item, depth + 1, parents) for key, item in value.items()}
        return [_copy(item, depth + 1, parents) for item in value]
    return plain(str(value))
