"""The visitor's language for module translations.

Taken from the cookie `lang`, else from Accept-Language, else the panel's default.
"""

from __future__ import annotations

from flask import Flask, g, request

from puqpanel.host import languages

COOKIE = "lang"
MAX_ACCEPTED = 8


def install(app: Flask, language: str) -> None:
    """Set the modules' language for each request.

    Args:
        app: the application being built.
        language: the panel's default.
    """
    languages.set_panel_language(language)
    app.before_request(_begin)
    app.teardown_request(_end)


def _begin() -> None:
    accepted = list(request.accept_languages.values())[:MAX_ACCEPTED]
    preferred = [request.cookies.get(COOKIE, "")[:20], *accepted]
    preferred = [language for language in preferred if language and language != "*"]
    # an empty chain selects the panel's default
    g.locale_token = languages.locale.set(languages.lookup_order(preferred) if preferred else ())


def _end(_: BaseException | None) -> None:
    if g.pop("locale_token", None) is not None:
        languages.locale.set(())
