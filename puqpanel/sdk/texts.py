"""Small text tools that the contract names."""

import operator
import re
import sys
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from puqpanel.domain.module_states import version_order
from puqpanel.host import context, importer, languages

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "lt": operator.lt,
    "<=": operator.le,
    "le": operator.le,
    ">": operator.gt,
    "gt": operator.gt,
    ">=": operator.ge,
    "ge": operator.ge,
    "==": operator.eq,
    "eq": operator.eq,
    "!=": operator.ne,
    "ne": operator.ne,
}


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)

    def handle_entityref(self, name: str) -> None:
        self.parts.append(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self.parts.append(f"&#{name};")


def strip_tags(text: Any) -> Any:
    """Text without its tags and comments; what is no text comes back as it is.

    This is no protection: templates escape.
    """
    if not isinstance(text, str) or "<" not in text:
        return text
    parser = _Text()
    parser.feed(text)
    rest = parser.rawdata
    # An unclosed tag at the end is what the parser keeps back.
    return "".join(parser.parts) + re.sub(r"<[/!?a-zA-Z].*", "", rest, flags=re.DOTALL)


def __(text: str, replace: Mapping[str, Any] | None = None) -> str:
    """The translation of a text, from the module's `lang/`, for whoever is served; without one, the
    text itself.

    Args: replace, name → value: each `:name` in the text is replaced by its value.
    """
    return languages.translate(
        _folder(sys._getframe(1).f_globals.get("__name__", "")), text, replace
    )


def _folder(where: str) -> Path | None:
    """The folder of the module whose code asks, or which is being called where a helper of
    somebody else's asks.
    """
    call = context.current()
    return importer.folder_of(importer.package_of(where)) or (
        importer.folder_of(call.package) if call else None
    )


def version_compare(first: str, second: str, how: str | None = None) -> Any:
    """Compares two versions by version order: -1, 0 or 1, or whether `how` (`<`, `>=` …) holds."""
    one, two = version_order(first), version_order(second)
    return (one > two) - (one < two) if how is None else _COMPARE[how](one, two)
