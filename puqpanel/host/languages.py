"""Translates texts of modules into the language of the current viewer.

A text is looked up in the viewer's languages in order, `pl-PL`, then `pl`, then `en`; without a
translation it is shown as it is.
"""

import contextlib
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.dates import format_skeleton
from babel.numbers import format_decimal

from puqpanel.domain import texts as viewer
from puqpanel.host import language_files
from puqpanel.host.language_files import TAG, Translations

SOURCE = "en"
"""The language in which texts are written; languages that a viewer prefers less are ignored."""
CHECK_SECONDS = 1.0
"""How long translations are used before their files are checked for changes."""
MAX_SUBTAGS = 4
_PLACEHOLDER = re.compile(r":([A-Za-z_]\w*)")
_State = tuple[tuple[str, int, int], ...]

locale: ContextVar[tuple[str, ...]] = ContextVar("locale", default=())
"""The current viewer's languages, the most preferred first; if empty, the panel's are used."""


def _source() -> str:
    return SOURCE


_panel_language: Callable[[], str] = _source


def set_panel_language(language: Callable[[], str]) -> None:
    """Set the language of texts without a viewer, such as those that a worker writes.

    Args:
        language: returns its tag; called again for every text, because staff can change it.
    """
    global _panel_language
    _panel_language = language


@contextlib.contextmanager
def using(*languages: str) -> Iterator[None]:
    """Use these languages for what runs inside."""
    token = locale.set(lookup_order(languages))
    try:
        yield
    finally:
        locale.reset(token)


def lookup_order(languages: Iterable[str]) -> tuple[str, ...]:
    """Return the languages to look up, in order: `["pl-PL"]` becomes pl-pl, pl, en.

    `zh-TW` becomes zh-tw, zh-hant, zh, en: a region implies the script in which it writes.

    Args:
        languages: language tags; anything else is ignored.
    """
    order: list[str] = []
    for language in languages:
        match = TAG.fullmatch(language.strip())
        if match is None:
            continue
        primary = match[1].lower()
        parts = language.strip().replace("_", "-").lower().split("-")[:MAX_SUBTAGS]
        order += ["-".join(parts[:end]) for end in range(len(parts), 1, -1)]
        with contextlib.suppress(ValueError, UnknownLocaleError):
            script = Locale.parse("-".join(parts), sep="-").script
            order += [f"{primary}-{script.lower()}"] if script else []
        order.append(primary)
        if primary == SOURCE:
            break
    return tuple(dict.fromkeys([*order, SOURCE]))


def translate(folder: Path | None, text: Any, replace: Mapping[str, Any] | None = None) -> str:
    """Return a text of a module in the current viewer's language.

    Args:
        folder: the module's folder; None if it is unknown.
        text: the text as it is in the code.
        replace: the value of each `:name` in the text.
    """
    shown = text if isinstance(text, str) else str(text)
    if folder is not None and shown:
        texts = _translations(folder).texts
        for language in _order():
            if shown in texts.get(language, {}):
                shown = texts[language][shown]
                break
    return _filled(shown, replace)


def _order() -> tuple[str, ...]:
    return locale.get() or lookup_order([_panel_language()])


def translate_plural(
    folder: Path | None,
    singular: Any,
    plural: Any,
    number: int,
    replace: Mapping[str, Any] | None = None,
) -> str:
    """Return a text of a module in the plural form for a number.

    Args:
        folder: the module's folder; None if it is unknown.
        singular: the text for one, as it is in the code.
        plural: the text for other numbers.
        number: selects the form, and is the value of `:count` in the viewer's locale.
        replace: the value of each other `:name` in the text.
    """
    shown = str(singular if number == 1 else plural)
    if folder is not None:
        catalogs = _translations(folder).catalogs
        for language in _order():
            catalog = catalogs.get(language)
            if catalog and (forms := catalog.plurals.get(str(singular))):
                shown = forms[catalog.form(abs(int(number)))]
                break
            if language == SOURCE:
                break
    return _filled(shown, {"count": format_number(number), **(replace or {})})


def format_number(number: float | Decimal) -> str:
    """Return a number in the viewer's locale."""
    return format_decimal(number, locale=viewer.language().locale)


def format_date(at: date, skeleton: str) -> str:
    """Return the parts of a date or time that a CLDR skeleton names, in the viewer's locale."""
    return format_skeleton(skeleton, at, tzinfo=None, locale=viewer.language().locale)


def _filled(shown: str, replace: Mapping[str, Any] | None) -> str:
    if not replace:
        return shown
    values = {str(name): value for name, value in replace.items()}
    # in one pass, so that a `:name` inside a value is kept
    return _PLACEHOLDER.sub(lambda match: _value(match, values), shown)


def _value(match: re.Match[str], values: Mapping[str, Any]) -> str:
    """Return a placeholder's value; with `name` given, `:names` becomes the value and an “s”."""
    name = match[1]
    for end in range(len(name), 0, -1):
        if name[:end] in values:
            return f"{values[name[:end]]}{name[end:]}"
    return match[0]


def read(folder: Path) -> Translations:
    """Read a module's language files as they are now.

    Args:
        folder: the module's.
    """
    _cache.pop(folder, None)
    return _translations(folder)


@dataclass
class _Cached:
    translations: Translations
    state: _State
    checked: float


_cache: dict[Path, _Cached] = {}


def _translations(folder: Path) -> Translations:
    cached, now = _cache.get(folder), time.monotonic()
    if cached is not None and now - cached.checked < CHECK_SECONDS:
        return cached.translations
    state = tuple(_files(folder))
    if cached is not None and cached.state == state:
        cached.checked = now
        return cached.translations
    translations = language_files.read(folder, [name for name, *_ in state])
    _cache[folder] = _Cached(translations, state, now)
    return translations


def _files(folder: Path) -> Iterator[tuple[str, int, int]]:
    """Yield name, modification time and size of each language file."""
    try:
        entries = sorted(
            os.scandir(language_files.language_folder(folder)), key=lambda entry: entry.name
        )
    except OSError:
        return
    for entry in entries:
        with contextlib.suppress(OSError):
            if (
                entry.name.endswith((".py", ".po"))
                and entry.name != "__init__.py"
                and entry.is_file()
            ):
                status = entry.stat()
                yield entry.name, status.st_mtime_ns, status.st_size
