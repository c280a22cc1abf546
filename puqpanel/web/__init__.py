"""The browser's door: staff's pages, customers' pages, public pages, one file a noun; templates and
static files.

Routes and forms belong here, rules do not: a view validates a form and calls an operation. Called
by puqpanel.app alone.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Flask
from flask_bootstrap import Bootstrap5
from flask_wtf.csrf import CSRFProtect

from puqpanel.domain.task_states import CANCELLABLE, RETRYABLE
from puqpanel.host import registry
from puqpanel.infra.settings import Settings
from puqpanel.web import (
    admin,
    assets,
    charts,
    client,
    errors,
    guard,
    limits,
    locale,
    look,
    navigation,
    public,
    security,
    sessions,
    times,
    viewer,
)
from puqpanel.web.public.modules import module_assets, webhooks
from puqpanel.web.public.oversight import health


def register(app: Flask, settings: Settings) -> None:
    """Gives the app everything a browser meets.

    Order matters: the request's id first, then the guard, then forgery and limits.

    Args:
        app: the application being built, its database and secret key in place.
        settings: the panel's settings.
    """
    app.config["BOOTSTRAP_SERVE_LOCAL"] = True
    app.config["WTF_CSRF_TIME_LIMIT"] = (
        None  # a token lives as long as its session: a page left open overnight still works
    )
    app.config.setdefault("MAX_CONTENT_LENGTH", 16 * 1024 * 1024)
    app.config.setdefault("MAX_FORM_MEMORY_SIZE", 2 * 1024 * 1024)
    app.extensions["puqpanel-settings"] = settings
    security.protect(app)
    sessions.install(app, secure=settings.secure_cookies)
    locale.install(app, settings.locale)
    guard.protect(app)
    CSRFProtect(app)
    limits.install(app)
    errors.install(app)
    Bootstrap5(app)
    for endpoint in {"static", "bootstrap.static"} & set(app.view_functions):
        app.view_functions[endpoint] = _opened(app.view_functions[endpoint])
    for blueprint in (
        assets.bp,
        public.bp,
        health.bp,
        module_assets.bp,
        webhooks.bp,
        admin.blueprint(),
        client.blueprint(),
    ):
        app.register_blueprint(blueprint)
    _teach_templates(app, settings)
    app.extensions["puqpanel-module-links"] = navigation.module_links(registry.current())


def _opened(view: Callable[..., Any]) -> Callable[..., Any]:
    """A public view of one that takes no marks: a route for static files is a bound method."""

    @guard.public
    @wraps(view)
    def serve(**given: Any) -> Any:
        return view(**given)

    return serve


def _teach_templates(app: Flask, settings: Settings) -> None:
    # globals, not context processors: imported macros see them too, and a page that does not ask
    # pays nothing
    app.jinja_env.globals.update(
        asset=assets.asset,
        can=guard.can,
        cancellable=CANCELLABLE,
        charts=charts,
        event_tone=look.event_tone,
        initials=viewer.initials,
        module_home=navigation.module_home,
        nonce=security.nonce,
        notice_icons=look.NOTICE_ICONS,
        panel_name=settings.name,
        plain_kinds=look.PLAIN,
        retryable=RETRYABLE,
        status=look.status,
        times=times,
        told_action=look.told_action,
        viewer=viewer.Viewer(),
    )
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
