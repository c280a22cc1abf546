"""The application factory: assembles the panel with the active modules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from puqpanel.host import registry
from puqpanel.host.containment import bulkheads, crash_markers
from puqpanel.infra import (
    addresses,
    catalogs,
    code_cache,
    collector,
    crypto,
    events,
    links,
    metrics,
    queue,
)
from puqpanel.infra.db import db, release
from puqpanel.infra.queue_server import connection_url
from puqpanel.jobs import maintenance
from puqpanel.operations.automation import suspensions
from puqpanel.operations.billing import vat_numbers
from puqpanel.operations.modules import crashes, generation, hooks, loading
from puqpanel.operations.ordering import changes, endings, orders, prepaid_orders
from puqpanel.operations.system import currencies, keys
from puqpanel.operations.system import settings as panel_settings
from puqpanel.web import converters, incoming
from puqpanel.web.forwarded import ClientAddress

if TYPE_CHECKING:
    from puqpanel.infra.settings import Settings


class Panel(Flask):
    """The Flask application for one generation of modules."""

    url_map_class = converters.Addresses
    url_rule_class = converters.LateRule
    json_provider_class = incoming.IncomingJson
    generation: int
    registry: registry.Registry
    settings: Settings


def connect(settings: Settings) -> None:
    """Configure the keys, the queue server and the other services of this process.

    Raises:
        KeyFileError: The keys are missing or belong to another database.
    """
    metrics.use(settings.instance / "metrics" if settings.metrics_token else None)
    keys.open_keys(settings.keys_dir, settings.database_url)
    queue.use_server(settings.redis_url or connection_url(settings.instance))
    catalogs.use(settings.instance)
    code_cache.use(settings.instance)
    panel_settings.override(settings.overrides)
    links.use_base(lambda: panel_settings.text("site.base_url") or settings.address)
    crashes.tidy(settings.instance)
    crash_markers.open_marker(crashes.folder(settings.instance))
    bulkheads.limit(settings.web_threads // 2)
    addresses.allow(settings.monitoring_allow)
    events.bind(
        [
            hooks.record,
            orders.provision_paid,
            prepaid_orders.release_topped_up,
            changes.apply_paid,
            endings.record_cancelled,
            suspensions.lift_paid,
            vat_numbers.check_changed,
        ]
    )
    maintenance.use(settings)


@collector.paused()
def create_app(settings: Settings, *, pages: bool = True) -> Panel:
    """Create the application.

    Args:
        settings: The settings.
        pages: Whether the app gets routes and templates. Commands need none, and start faster.

    Returns:
        An app with fixed routes. When the set of active modules changes, `live` replaces it.

    Raises:
        KeyFileError: The keys are missing or belong to another database.
    """
    connect(settings)
    app = Panel("puqpanel.web", instance_path=str(settings.instance))
    app.settings = app.extensions["puqpanel-settings"] = settings
    app.config.update(
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SECRET_KEY=crypto.session_key(settings.keys_dir),
        MAX_CONTENT_LENGTH=16 * 1024 * 1024,
        TEMPLATES_AUTO_RELOAD=settings.dev,
    )
    hops = settings.trusted_proxies
    if hops:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=0, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    app.wsgi_app = ClientAddress(app.wsgi_app, hops)  # type: ignore[method-assign]
    db.init_app(app)
    with app.app_context():
        currencies.pin_stored_exponents()
        loading.count_crashes(settings.modules_dir, settings.instance)
        app.generation = generation.current()
        active = generation.wanted()
        crashed = crashes.crashed_modules(settings.modules_dir, active)
        release()
        app.registry = registry.load(settings.modules_dir, active, app.generation, crashed)
        registry.install(app.registry)
        loading.record_load(app.registry)
        if pages:
            # imported here, because commands do without: it is most of the code
            from puqpanel.web import register

            register.register(app, settings)
    return app
