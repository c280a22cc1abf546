"""URL converters that reject values no database accepts, so that views need not check."""

from __future__ import annotations

from typing import Any

from werkzeug.datastructures import ImmutableDict
from werkzeug.routing import IntegerConverter, Map, PathConverter, UnicodeConverter

LARGEST = 2**63 - 1
"""The largest integer that an ID column can be compared with."""


class Text(UnicodeConverter):
    """One path segment without NUL, which PostgreSQL rejects in text."""

    def __init__(self, map: Map, *args: Any, **options: Any) -> None:
        super().__init__(map, *args, **options)
        self.regex = self.regex.replace("[^/]", r"[^/\x00]")


class Path(PathConverter):
    """Several path segments without NUL."""

    regex = r"[^/\x00][^\x00]*?"


class Number(IntegerConverter):
    """An integer that fits an ID column."""

    def __init__(
        self,
        map: Map,
        fixed_digits: int = 0,
        min: int | None = None,
        max: int | None = None,
        signed: bool = False,
    ) -> None:
        super().__init__(map, fixed_digits, min, LARGEST if max is None else max, signed)


class Addresses(Map):
    """The URL map of the panel and its modules; a rejected value is a 404."""

    default_converters = ImmutableDict(
        {**Map.default_converters, "default": Text, "string": Text, "path": Path, "int": Number}
    )
