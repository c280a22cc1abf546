"""Translatable texts: a gettext message with its values, rendered in the language of the viewer.

    raise ConflictError(_("%(name)s is in use.", name=product.name))
    flash(_n("%(num)s task retried.", "%(num)s tasks retried.", len(tasks)))

A `Text` is translated when it is shown (`str(text)`), not when it is created, so that one text can
be shown to several people and stored. Placeholders are named, `%(name)s` or `%(name)d`; a percent
sign is `%%`. A stored text can come from anybody: showing a text never raises and never pads.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from gettext import NullTranslations
from typing import Any, Protocol, runtime_checkable

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal


@dataclass(frozen=True, slots=True)
class Language:
    """A language in which texts, numbers and dates are shown.

    Args:
        tag: the tag of its catalog, `pl` or `pt-BR`.
        locale: its formats, with a region if one is known.
        translations: its catalog.
    """

    tag: str
    locale: Locale
    translations: NullTranslations = field(compare=False, default_factory=NullTranslations)


SOURCE = Language("en", Locale("en", territory="150"))
"""The language in which texts are written; without a region, with European formats."""
UNUSABLE = (ArithmeticError, KeyError, TypeError, ValueError)
"""What a translation with other placeholders, or a wrong plural rule, raises."""
_VERBATIM = "%(text)s"
_MARKER = '{"text": '
"""How a stored text begins, unless it is stored as it is."""
_PLACEHOLDER = re.compile(r"%(?:\((\w+)\)[sd]|%)")
_viewer: ContextVar[Language | None] = ContextVar("language", default=None)


def _source() -> Language:
    return SOURCE


_default: Callable[[], Language] = _source


def language() -> Language:
    """Return the language of the current viewer, or the default without one."""
    return _viewer.get() or _default()


def set_default(default: Callable[[], Language]) -> None:
    """Set the language of texts without a viewer, such as those that a worker sends.

    Args:
        default: returns it; called again for every text, because staff can change it.
    """
    global _default
    _default = default


def set_viewer(viewer: Language | None) -> None:
    """Set the language of the current viewer, until it is set again in this context."""
    _viewer.set(viewer)


@contextmanager
def using(viewer: Language) -> Iterator[None]:
    """Show texts in a language inside the block."""
    token = _viewer.set(viewer)
    try:
        yield
    finally:
        _viewer.reset(token)


@runtime_checkable
class Localized(Protocol):
    """A value that is written differently in each locale, such as an amount of money."""

    def in_locale(self, locale: Locale) -> str:
        """Return the value as text."""


@dataclass(frozen=True, slots=True)
class Text:
    """A translatable text.

    Args:
        source: the English text, which is also the key in the catalogs.
        values: the value of each placeholder: text, numbers, dates, `Text` or `Localized`. A date
            and a number with decimals are written in the viewer's locale, an int (often a port or
            a code) as it is.
        plural: the English text for other numbers than one; empty if there is none.
        number: the number that selects the plural form.
        context: tells texts apart that are the same in English only, such as the status “Active” of
            a service and of a module.
    """

    source: str
    values: Mapping[str, Any] = field(default_factory=dict)
    plural: str = ""
    number: int = 1
    context: str = ""

    def __str__(self) -> str:
        return self.translated(language())

    def translated(self, viewer: Language) -> str:
        """Return the text in a language; in English if the translation is unusable."""
        values = {name: _shown(value, viewer) for name, value in self.values.items()}
        if self.plural:
            values["num"] = _formatted(self.number, viewer)
        try:
            return fill(self._message(viewer.translations), values)
        except UNUSABLE:
            return fill(self._message(SOURCE.translations), values, strict=False)

    def _message(self, translations: NullTranslations) -> str:
        if self.plural:
            return translations.ngettext(self.source, self.plural, self.number)
        if self.context:
            return translations.pgettext(self.context, self.source)
        return translations.gettext(self.source)

    def __bool__(self) -> bool:
        return self.source != _VERBATIM or bool(self.values.get("text", True))

    def __mod__(self, values: Mapping[str, Any]) -> Text:
        """Return the text with further values; WTForms fills its messages this way."""
        return replace(self, values={**self.values, **values})

    def __hash__(self) -> int:
        return hash((self.source, self.plural, self.number, self.context))


def _(source: str, **values: Any) -> Text:
    """Return a translatable text."""
    return Text(source, values)


def _n(singular: str, plural: str, number: int, **values: Any) -> Text:
    """Return a translatable text whose form depends on a number, shown by `%(num)s`."""
    return Text(singular, values, plural, number)


def _c(context: str, source: str, **values: Any) -> Text:
    """Return a translatable text that needs a context to be translated."""
    return Text(source, values, context=context)


def verbatim(text: str) -> Text:
    """Return a text that is shown as it is, such as the answer of a provider."""
    return Text(_VERBATIM, {"text": text})


def named(source: str) -> Text:
    """Return a text that is stored packed or as its English source, such as the title of a task."""
    text = unpacked(source)
    return text if text.source != _VERBATIM else Text(source.replace("%", "%%"))


def fill(message: str, values: Mapping[str, Any], *, strict: bool = True) -> str:
    """Return a message with its placeholders replaced.

    Args:
        message: the message.
        values: the value of each placeholder.
        strict: whether an unknown placeholder is an error; otherwise it stays.

    Raises:
        KeyError: the message has a placeholder without a value.
    """
    if "%" not in message:
        return message

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name is None:
            return "%"
        return str(values[name]) if strict or name in values else found[0]

    return _PLACEHOLDER.sub(value, message)


def _shown(value: Any, viewer: Language) -> Any:
    if isinstance(value, str):
        return value  # before the slow check for Localized
    if isinstance(value, Text):
        return value.translated(viewer)
    if isinstance(value, float | Decimal):
        return _formatted(value, viewer)
    if _is_day(value):
        return format_date(value, "medium", viewer.locale)
    return value.in_locale(viewer.locale) if isinstance(value, Localized) else value


def _is_day(value: Any) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)


def _formatted(value: float | Decimal, viewer: Language) -> str:
    try:
        return format_decimal(value, locale=viewer.locale)
    except UNUSABLE:  # infinite, or too long
        return str(value)


def packed(text: Text | str) -> str:
    """Return a text in the form in which the database stores it, to be shown in any language.

    A text without a translation, such as the answer of a provider, is stored as it is, unless it
    looks like a stored text.
    """
    if isinstance(text, str):
        text = verbatim(text)
    values = {name: _plain(value) for name, value in text.values.items()}
    if text.source == _VERBATIM:
        plain = str(values.get("text", _VERBATIM))
        if not plain.startswith(_MARKER):
            return plain
    content: dict[str, Any] = {"text": text.source}
    if values:
        content["values"] = values
    if text.plural:
        content |= {"plural": text.plural, "number": text.number}
    if text.context:
        content["context"] = text.context
    return json.dumps(content, ensure_ascii=False)


def unpacked(stored: str) -> Text:
    """Return a stored text."""
    if stored.startswith(_MARKER):
        try:
            return _text(json.loads(stored))
        except (*UNUSABLE, AttributeError, RecursionError):
            pass  # the answer of a provider that looks like a stored text
    return verbatim(stored)


def _plain(value: Any) -> Any:
    if isinstance(value, Text):
        return {"text": packed(value)}
    if _is_day(value):
        return {"day": value.isoformat()}
    return value if isinstance(value, str | int | float | None) else str(value)


def _text(content: Mapping[str, Any]) -> Text:
    values = {
        str(name): _value(value) if isinstance(value, dict) else value
        for name, value in content.get("values", {}).items()
    }
    return Text(
        str(content["text"]),
        values,
        str(content.get("plural", "")),
        int(content.get("number", 1)),
        str(content.get("context", "")),
    )


def _value(stored: Mapping[str, str]) -> Text | date:
    return date.fromisoformat(stored["day"]) if "day" in stored else unpacked(stored["text"])
