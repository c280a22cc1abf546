"""Responses that are not as their vendor describes them."""

from __future__ import annotations

import random
from typing import Any

SHAPES: tuple[Any, ...] = (None, 7, -1, "²", "\ufffd", [], [None], {}, True, 1e300, {"v4": 7})


def garble(value: Any, chance: random.Random) -> Any:
    """Return a copy of a JSON value in which something has another shape."""
    if isinstance(value, (dict, list)) and value and chance.random() < 0.85:
        copy = dict(value) if isinstance(value, dict) else list(value)
        place: Any = chance.choice(list(value) if isinstance(value, dict) else range(len(value)))
        copy[place] = garble(value[place], chance)
        return copy
    return chance.choice(SHAPES)
