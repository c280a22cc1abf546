"""The viewer's language and time zone.

The language is the account's, else that of the cookie `lang`, else the best of Accept-Language,
else the panel's setting. The time zone is the account's, else that of the cookie `zone`, which a
script sets to the browser's, else the panel's setting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextvars import ContextVar
from datetime import UTC, tzinfo
from functools import lru_cache
from gettext import NullTranslations
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.numbers import format_decimal
from flask import Flask, g, has_request_context, request
from flask.json.provider import DefaultJSONProvider
from flask_login import current_user
from markupsafe import Markup, escape

from puqpanel.domain import texts
from puqpanel.domain.texts import Language, Text
from puqpanel.host import languages
from puqpanel.infra import catalogs
from puqpanel.operations.system import settings

LANGUAGE_COOKIE = "lang"
ZONE_COOKIE = "zone"
MAX_ACCEPTED = 8
_viewer_zone: ContextVar[tzinfo | None] = ContextVar("time_zone", default=None)
"""The time zone of the viewer, once it is known in a request."""
MAX_HEADER_LENGTH = 400


def install(app: Flask) -> None:
    """Set the language before each request, and make it available in templates.

    Args:
        app: the application being built.
    """
    texts.set_default(_panel_language)
    languages.set_panel_language(lambda: settings.text("region.locale"))
    app.before_request(lambda: use(""))
    app.teardown_request(_end)
    app.json.default = _json_value  # type: ignore[attr-defined]
    environment = app.jinja_env
    environment.add_extension("jinja2.ext.i18n")
    environment.newstyle_gettext = True  # type: ignore[attr-defined]
    environment.globals.update(_=_gettext, gettext=_gettext, ngettext=_ngettext, pgettext=_pgettext)


def follow_account(app: Flask) -> None:
    """Use the language and time zone of the signed-in person; after access control."""
    app.before_request(_follow_account)


def _follow_account() -> None:
    person = getattr(current_user, "person", None)
    if person is not None:
        g.zone = person.zone
        _viewer_zone.set(None)
        if person.language:
            use(person.language)


def use(account: str) -> None:
    """Set the language of this request.

    Args:
        account: language tag of the signed-in person; empty if there is none.
    """
    preferred = [tag for tag in (account, request.cookies.get(LANGUAGE_COOKIE, "")) if tag]
    accepted = list(_accepted())
    chosen = catalogs.choose([*preferred, *accepted])
    texts.set_viewer(_regional(chosen, accepted) if chosen else None)
    tags = [tag[: catalogs.MAX_TAG_LENGTH] for tag in (*preferred, *accepted)]
    # modules may have languages that the panel has not; an empty chain selects the panel's default
    languages.locale.set(languages.lookup_order(tags) if tags else ())


def viewer_locale() -> Locale:
    """Return the locale in which the viewer reads dates, numbers and names."""
    return texts.language().locale


def viewer_zone() -> tzinfo:
    """Return the viewer's time zone; the panel's if none is known."""
    return _viewer_zone.get() or _find_zone()


def _find_zone() -> tzinfo:
    if not has_request_context():
        return _zone(settings.text("region.time_zone")) or UTC
    name = g.get("zone") or request.cookies.get(ZONE_COOKIE, "")
    found = _zone(name) or _zone(settings.text("region.time_zone")) or UTC
    _viewer_zone.set(found)
    return found


def _panel_language() -> Language:
    found = catalogs.find(settings.text("region.locale")) or texts.SOURCE
    if has_request_context():
        texts.set_viewer(found)  # looked up once in a request: pages ask for hundreds of texts
    return found


def _json_value(value: Any) -> Any:
    """Return a value in JSON; a text in the language of the viewer."""
    return str(value) if isinstance(value, Text) else DefaultJSONProvider.default(value)


def _gettext(source: str, **values: Any) -> Markup:
    """Translate a text in a template; values are escaped."""
    return _filled(lambda translations: translations.gettext(source), values)


def _pgettext(context: str, source: str, **values: Any) -> Markup:
    """Translate a text in a template that needs a context to be translated."""
    return _filled(lambda translations: translations.pgettext(context, source), values)


def _ngettext(singular: str, plural: str, num: int, **values: Any) -> Markup:
    """Translate a text in a template whose form depends on a number, shown by `%(num)s`."""
    values["num"] = format_decimal(num, locale=texts.language().locale)
    return _filled(lambda translations: translations.ngettext(singular, plural, num), values)


def _filled(message: Callable[[NullTranslations], str], values: dict[str, Any]) -> Markup:
    """Return a message with its values; in English if the translation is unusable."""
    escaped = {name: escape(value) for name, value in values.items()}
    try:
        filled = texts.fill(message(texts.language().translations), escaped)
    except texts.UNUSABLE:
        filled = texts.fill(message(texts.SOURCE.translations), escaped, strict=False)
    return Markup(filled)  # noqa: S704 - the values are escaped


def _accepted() -> Iterator[str]:
    if len(request.headers.get("Accept-Language", "")) <= MAX_HEADER_LENGTH:
        for tag in list(request.accept_languages.values())[:MAX_ACCEPTED]:
            if tag != "*":
                yield tag


def _regional(language: Language, accepted: list[str]) -> Language:
    """Return a language without a region with that of the browser, if it has one for it."""
    if language.locale.territory is None or language == texts.SOURCE:
        for tag in accepted:
            other = catalogs.find(tag)
            if other and other.tag == language.tag and other.locale.territory:
                return other
    return language


def _end(_: BaseException | None) -> None:
    texts.set_viewer(None)
    _viewer_zone.set(None)
    languages.locale.set(())


@lru_cache(maxsize=512)
def _zone(name: str) -> tzinfo | None:
    if not name or len(name) > 64 or name.startswith(("/", ".")):
        return None
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # the name of a folder, an invalid key, an unknown zone
        return None
