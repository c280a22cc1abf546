"""Adds the web layer to an app: routes, templates, sessions, access control, error handlers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, update_wrapper
from types import SimpleNamespace
from typing import Any

from flask import Flask
from flask_bootstrap import Bootstrap5
from flask_wtf.csrf import CSRFProtect
from jinja2 import pass_context
from jinja2.runtime import Context

from puqpanel import __version__
from puqpanel.domain import texts
from puqpanel.domain.task_states import CANCELLABLE, RETRYABLE
from puqpanel.host import registry
from puqpanel.infra.compiled_templates import CompiledTemplates
from puqpanel.infra.settings import Settings
from puqpanel.web import (
    admin,
    assets,
    attention,
    brand,
    charts,
    client,
    compression,
    errors,
    fields,
    guard,
    hosts,
    impersonation,
    limits,
    locale,
    look,
    metrics,
    modules,
    navigation,
    numbers,
    parts,
    preferences,
    prices,
    public,
    refusals,
    security,
    sessions,
    shop,
    statuses,
    times,
    timing,
    tracebacks,
)
from puqpanel.web.public.modules import module_assets, webhooks

_compiled = CompiledTemplates()


def register(app: Flask, settings: Settings) -> None:
    """Register routes, templates, sessions, access control and error handlers.

    The order matters: metrics, compression, request ID, host, then access control, then CSRF
    protection and rate limits.

    Args:
        app: the application being built, with its database and secret key in place.
        settings: the panel's settings.
    """
    app.config.update(
        BOOTSTRAP_SERVE_LOCAL=True,
        MAX_FORM_MEMORY_SIZE=2 * 1024 * 1024,
        # a CSRF token is valid as long as its session: a page left open overnight still works
        WTF_CSRF_TIME_LIMIT=None,
    )
    metrics.install(app)
    if settings.dev:
        timing.install(app)
    compression.install(app)
    tracebacks.install(app)
    security.protect(app)
    sessions.install(app, secure=settings.secure_cookies)
    locale.install(app)
    hosts.install(app)
    app.before_request(impersonation.check)
    app.after_request(impersonation.record)
    guard.protect(app)
    locale.follow_account(app)
    CSRFProtect(app)
    limits.install(app)
    errors.install(app)
    refusals.install(app)
    Bootstrap5(app)
    for endpoint in {"static", "bootstrap.static"} & set(app.view_functions):
        # bound methods, which take no attributes
        view: Any = app.view_functions[endpoint]
        app.view_functions[endpoint] = guard.public(update_wrapper(partial(view), view))
    for blueprint in (
        assets.bp,
        public.bp,
        module_assets.bp,
        webhooks.bp,
        admin.blueprint(),
        client.blueprint(),
        shop.blueprint(),
    ):
        app.register_blueprint(blueprint)
    _configure_templates(app)
    app.extensions["puqpanel-module-links"] = navigation.module_links(registry.current())
    modules.register(app, registry.current())


def _configure_templates(app: Flask) -> None:
    # globals are visible in imported macros, and cost nothing on pages that do not use them
    app.jinja_env.globals.update(
        actor_label=look.actor_label,
        asset=assets.asset,
        can=guard.can,
        cancellable=CANCELLABLE,
        brand=brand,
        charts=charts,
        event_tone=statuses.event_tone,
        initials=look.initials,
        module_home=navigation.module_home,
        nonce=security.nonce,
        parts=parts,
        notice_icons=statuses.NOTICE_ICONS,
        per=prices.PER,
        price=prices.price,
        retryable=RETRYABLE,
        scripts=assets.SCRIPTS,
        split_action=look.split_action,
        subject_label=look.subject_label,
        task_title=look.task_title,
        title_of=look.title_of,
        actor_name=look.actor_name,
        health_label=look.health_label,
        units=look.UNITS,
        verb_label=look.verb_label,
        verb_permission=look.verb_permission,
        status=statuses.status,
        times=times,
        viewer=SimpleNamespace(
            staff=guard.find_staff,
            user=guard.find_user,
            impersonation=impersonation.banner,
            client=guard.current_client,
            memberships=guard.memberships,
            groups=navigation.sidebar,
            links=navigation.customer_links,
            visitor_links=navigation.visitor_links,
            attention=attention.attention,
            theme=look.theme,
            language=lambda: texts.language().tag,
            languages=preferences.languages,
            locale=locale.viewer_locale,
            version=__version__,
        ),
    )
    app.jinja_env.filters["money"] = _for_viewer(prices.money)
    app.jinja_env.filters["filesizeformat"] = _for_viewer(numbers.size)
    app.jinja_env.filters["country"] = _for_viewer(fields.country_name)
    app.jinja_env.filters["named"] = _for_viewer(texts.named)
    app.jinja_env.filters["number"] = _for_viewer(numbers.shown)
    app.jinja_env.bytecode_cache = _compiled
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True


def _for_viewer(shown: Callable[..., object]) -> Callable[..., object]:
    """Keep Jinja from applying a filter to a constant once, in the language of one viewer."""

    @pass_context
    def filtered(_: Context, *args: object, **options: object) -> object:
        return shown(*args, **options)

    return filtered
