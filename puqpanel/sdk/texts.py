"""Translations, tag stripping and version comparison."""

import operator
import re
import sys
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
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
    """Return text without HTML tags and comments; other values are returned unchanged.

    This does not make text safe to embed in HTML: templates escape.
    """
    if not isinstance(text, str) or "<" not in text:
        return text
    parser = _Text()
    parser.feed(text)
    rest = parser.rawdata
    # the parser keeps back an unclosed tag at the end
    return "".join(parser.parts) + re.sub(r"<[/!?a-zA-Z].*", "", rest, flags=re.DOTALL)


def __(text: str, replace: Mapping[str, Any] | None = None) -> str:
    """Translate a text with the module's `lang/` into the language of the current user.

        __("Hello :name", {"name": self.service_data["name"]})

    Args:
        text: the text, which is also the key in `lang/`; returned if there is no translation.
        replace: values for the placeholders; each `:name` in the text becomes the value of `name`.
    """
    return languages.translate(
        _folder(sys._getframe(1).f_globals.get("__name__", "")), text, replace
    )


def n__(singular: str, plural: str, number: int, replace: Mapping[str, Any] | None = None) -> str:
    """Translate a text whose form depends on a number, with the module's `lang/`.

        n__(":count server deleted.", ":count servers deleted.", len(servers))

    Args:
        singular: the text for one, which is also the key in `lang/`.
        plural: the text for other numbers.
        number: selects the plural form; `:count` shows it in the locale of the current user.
        replace: values for the other placeholders, as in `__`.
    """
    return languages.translate_plural(
        _folder(sys._getframe(1).f_globals.get("__name__", "")), singular, plural, number, replace
    )


def noop__(text: str) -> str:
    """Return a text unchanged, and mark it for translation with `__()` where it is shown.

        STATES = {"up": noop__("Up"), "down": noop__("Down")}

    Args:
        text: the text, which is also the key in `lang/`.
    """
    return text


def format_number(number: float | Decimal) -> str:
    """Return a number in the locale of the current user: `1,234.5`, in Polish `1 234,5`.

    Args:
        number: the number.
    """
    return languages.format_number(number)


def format_date(at: date, skeleton: str = "yMMMd") -> str:
    """Return a day or a moment in the format of the current user: `9 Nov 2025`.

    Args:
        at: the day, or the moment in the time zone in which it is shown.
        skeleton: the parts to show, a CLDR skeleton such as `yMMM`, `MMMd` or `Hm`.
    """
    return languages.format_date(at, skeleton)


def _folder(module_path: str) -> Path | None:
    """Return the folder of the calling module; for other code, of the module being called."""
    call = context.current()
    return importer.folder_of(importer.package_of(module_path)) or (
        importer.folder_of(call.package) if call else None
    )


def version_compare(first: str, second: str, how: str | None = None) -> Any:
    """Compare two versions.

    Args:
        first: a version, `1.10.0`.
        second: another version.
        how: `<`, `<=`, `>`, `>=`, `==` or `!=`, or PHP's words for them.

    Returns:
        Whether `how` holds; -1, 0 or 1 without it.
    """
    left, right = version_order(first), version_order(second)
    return (left > right) - (left < right) if how is None else _COMPARE[how](left, right)
