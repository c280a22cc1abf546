"""Routes: converters that reject values no database accepts, and rules that are compiled late."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from werkzeug.datastructures import ImmutableDict
from werkzeug.routing import IntegerConverter, Map, PathConverter, Rule, UnicodeConverter

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


class LateRule(Rule):
    """A rule that compiles its URL builder at the first `url_for` of its endpoint.

    Werkzeug compiles two functions for each rule when it is added, which is most of the time that
    building an app takes. Few of them are used.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compile_now = super()._compile_builder

        def build(rule: LateRule, /, **values: Any) -> tuple[str, str]:
            builder: Callable[..., tuple[str, str]] = compile_now(append_unknown).__get__(rule)
            setattr(rule, "_build_unknown" if append_unknown else "_build", builder)
            return builder(**values)

        return build
