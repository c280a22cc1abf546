"""Fields with a search: country, language, time zone and currency, named in the viewer's language.

Each is a select, which works without JavaScript; a script adds the search. A region is a text with
suggestions.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any
from zoneinfo import available_timezones

from babel import Locale, UnknownLocaleError
from babel.dates import get_timezone, get_timezone_location
from markupsafe import Markup
from wtforms import SelectField, StringField
from wtforms.widgets import TextInput

from puqpanel.domain.countries import country_codes
from puqpanel.infra import catalogs
from puqpanel.operations.billing import tax_regions
from puqpanel.operations.system import currencies
from puqpanel.web.locale import viewer_locale

Pairs = Sequence[tuple[str, str]]
_NOT_DECOMPOSED = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ß": "ss", "æ": "ae"})


class SearchField(SelectField):
    """A select with a search.

    A saved value that is no longer offered remains an option, so that it is not lost unnoticed; the
    operation decides whether it is accepted.

    Args:
        label: the label.
        validators: the validators.
        blank: the label of the empty option, a text or translatable; empty if a value is required.
        options: values and labels of the form; by default those of the class.
        settings: as for SelectField.
    """

    def __init__(
        self,
        label: str,
        validators: Sequence[Any] = (),
        *,
        blank: object = "",
        options: Callable[[], Pairs] | None = None,
        **settings: Any,
    ) -> None:
        self._blank = blank
        self._options = options or self.options
        settings["render_kw"] = {"data-search": True, **settings.get("render_kw", {})}
        super().__init__(label, [*validators], choices=self._offered, **settings)

    def options(self) -> Pairs:
        """Return (value, label) pairs in the order in which they are shown."""
        return ()

    def _offered(self) -> list[tuple[str, str]]:
        blank = [("", str(self._blank))] if self._blank else []
        return [*blank, *self._options()]

    def process_data(self, value: Any) -> None:
        """Add the saved value to the options if it is not one of them."""
        super().process_data(value)
        if self.data is None and self._blank:
            self.data = ""  # a form that leaves the field out selects the empty option
        choices = self._offered()
        if self.data and self.data not in dict(choices):
            self.choices = [(self.data, self.data), *choices]


class CountryField(SearchField):
    """A country; its value is an ISO 3166 alpha-2 code."""

    def options(self) -> Pairs:
        """Return all countries by name."""
        return countries()


class _RegionInput(TextInput):
    """An input with a list of the regions that have tax rates or rules."""

    def __call__(self, field: Any, **attributes: Any) -> Markup:
        """Return the input, and the list if it has entries."""
        found = tax_regions.regions()
        if not found:
            return super().__call__(field, **attributes)
        key = f"{field.id}-regions"
        entries = Markup().join(
            Markup('<option value="{}">{}</option>').format(region, country_name(code))
            for code, region in found
        )
        shown = super().__call__(field, list=key, **attributes)
        return Markup('{}<datalist id="{}">{}</datalist>').format(shown, key, entries)


class RegionField(StringField):
    """A state or province: any text; those that taxes depend on are suggested."""

    widget = _RegionInput()


class LanguageField(SearchField):
    """A language of the panel; its value is the tag of the catalog."""

    def options(self) -> Pairs:
        """Return the languages that have a catalog, each also in its own words."""
        viewer = viewer_locale()
        return _sorted(
            (language.tag, _both(language.locale, viewer)) for language in catalogs.available()
        )


class TimeZoneField(SearchField):
    """A time zone; its value is a name of the IANA database."""

    def options(self) -> Pairs:
        """Return the time zones by place."""
        return _time_zones(viewer_locale())


class CurrencyField(SearchField):
    """An enabled currency; its value is an ISO 4217 code."""

    def options(self) -> Pairs:
        """Return the enabled currencies, the base currency first."""
        return named_currencies(currencies.enabled_codes())


def currency_name(code: str) -> str:
    """Return the name of a currency in the viewer's language; the code if it is unknown."""
    return str(viewer_locale().currencies.get(code, code))


def named_currencies(codes: Iterable[str]) -> Pairs:
    """Return currencies as options with their names."""
    return [(code, f"{code} – {currency_name(code)}") for code in codes]


def countries() -> Pairs:
    """Return code and name of all countries, in the viewer's language."""
    return _countries(viewer_locale())


def country_name(code: str) -> str:
    """Return a country's name in the viewer's language; the code if it is unknown."""
    return viewer_locale().territories.get(code, code) if code in country_codes() else code


@lru_cache(maxsize=64)
def _countries(locale: Locale) -> Pairs:
    names = locale.territories
    return _sorted((code, names.get(code, code)) for code in country_codes())


@lru_cache(maxsize=64)
def _time_zones(locale: Locale) -> Pairs:
    zones = [("UTC", "UTC")]
    for name in available_timezones():
        if "/" in name and not name.startswith(("Etc/", "SystemV/", "posix/", "right/")):
            place = get_timezone_location(get_timezone(name), locale=locale)
            zones.append((name, f"{place} ({name.replace('_', ' ')})"))
    return _sorted(zones)


def _both(locale: Locale, viewer: Locale) -> str:
    try:
        own = Locale.parse(str(locale)).language_name or ""
    except (UnknownLocaleError, ValueError):
        own = ""
    shown = locale.get_language_name(viewer) or str(locale)
    return f"{shown} ({own})" if own and own != shown else shown


def _sorted(pairs: Iterable[tuple[str, str]]) -> Pairs:
    """Sort by label, letters with accents next to those without."""

    def order(pair: tuple[str, str]) -> str:
        decomposed = unicodedata.normalize("NFD", pair[1].casefold())
        letters = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
        return letters.translate(_NOT_DECOMPOSED)

    return tuple(sorted(pairs, key=order))
