"""What a parameter of an address may be: nothing that a database refuses, so that no view has
to look.
"""

from __future__ import annotations

from typing import Any

from werkzeug.datastructures import ImmutableDict
from werkzeug.routing import IntegerConverter, Map, PathConverter, UnicodeConverter

LARGEST = 2**63 - 1
"""The largest number that a row's id can be compared with."""


class Text(UnicodeConverter):
    """One part of the path, without NUL: PostgreSQL knows no such text."""

    part_isolating = True

    def __init__(self, map: Map, *args: Any, **options: Any) -> None:
        super().__init__(map, *args, **options)
        self.regex = self.regex.replace("[^/]", r"[^/\x00]")


class Path(PathConverter):
    """Several parts, without NUL."""

    part_isolating = False
    regex = r"[^/\x00][^\x00]*?"


class Number(IntegerConverter):
    """A whole number that fits into a column."""

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
    """The routes of the panel and of its modules; what fits no parameter is a page that is not
    there.
    """

    default_converters = ImmutableDict(
        {**Map.default_converters, "default": Text, "string": Text, "path": Path, "int": Number}
    )
