"""JSON from outside: valid by the standard, with texts that every database can store."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from puqpanel.infra.redact import storable


def parse_json(text: str | bytes) -> Any:
    """Parse JSON; NUL and unpaired surrogates in its texts are replaced.

    Raises:
        ValueError: It is not JSON, which NaN and Infinity are not, or cannot be handled: it is
            nested too deeply, or has a number that is infinite (1e999) or has thousands of digits.
    """
    try:
        value = json.loads(text, parse_constant=_refuse, parse_float=_finite)
        # text can contain such characters as escapes only, bytes also in their encoding
        return _storable(value) if isinstance(text, bytes) or "\\u" in text else value
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(text)
    return number


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {storable(name): _storable(item) for name, item in value.items()}
    return value
