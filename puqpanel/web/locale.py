"""The language of a visitor, for what modules translate: the cookie `lang`, else what the
browser asks for, else the panel's own.
"""

from __future__ import annotations

from flask import Flask, g, request

from puqpanel.host import languages

COOKIE = "lang"
_MOST = 8


def install(app: Flask, language: str) -> None:
    """Tells the modules, for each request, whom they speak to.

    Args:
        app: the application being built.
        language: the panel's own.
    """
    languages.use_panels(language)
    app.before_request(_begin)
    app.teardown_request(_end)


def _begin() -> None:
    asked = [request.cookies.get(COOKIE, "")[:20], *list(request.accept_languages.values())[:_MOST]]
    wanted = [one for one in asked if one and one != "*"]
    # nothing asked for is the panel's language, which an empty chain stands for
    g.locale_token = languages.locale.set(languages.chain(wanted) if wanted else ())


def _end(_: BaseException | None) -> None:
    token = g.pop("locale_token", None)
    if token is not None:
        languages.locale.set(())
