"""The one assembly point: settings in, an application out, with the modules that are switched
on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from puqpanel import web
from puqpanel.host import calls, registry
from puqpanel.host.containment import crash_markers
from puqpanel.infra import addresses, crypto, events, links, queue
from puqpanel.infra.db import db, release
from puqpanel.infra.queue_server import connection_url
from puqpanel.operations.listeners import LISTENERS
from puqpanel.operations.modules import crashes, hooks, modules
from puqpanel.operations.system import keys
from puqpanel.web import converters
from puqpanel.web import modules as blueprints

if TYPE_CHECKING:
    from puqpanel.infra.settings import Settings


class Panel(Flask):
    """The application of one generation of modules."""

    url_map_class = converters.Addresses
    generation: int
    registry: registry.Registry
    settings: Settings


def connect(settings: Settings) -> None:
    """Points this process at its keys, its queue server and its own address.

    Raises:
        KeyFileError: the keys are missing or not those of this database.
    """
    keys.open_keys(settings.keys_dir, settings.database_url)
    queue.use_server(settings.redis_url or connection_url(settings.instance))
    links.use_base(settings.address)
    crashes.tidy(settings.instance)
    crash_markers.open_marker(crashes.folder(settings.instance))
    calls.limit_slow_processes(settings.web_processes - 1)
    addresses.allow(settings.monitoring_allow)
    events.bind(LISTENERS, hooks.record)


def create_app(settings: Settings) -> Panel:
    """Builds the panel.

    Args:
        settings: where everything is.

    Returns:
        An app whose routes are fixed; `live` swaps it whole when the set of active modules changes.

    Raises:
        KeyFileError: see `connect`.
    """
    connect(settings)
    app = Panel("puqpanel.web", instance_path=str(settings.instance))
    app.settings = settings
    app.config.update(
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SECRET_KEY=crypto.session_key(settings.keys_dir),
        MAX_CONTENT_LENGTH=16 * 1024 * 1024,
        TEMPLATES_AUTO_RELOAD=settings.dev,
    )
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    db.init_app(app)
    with app.app_context():
        modules.count_deaths(settings.modules_dir, settings.instance)
        app.generation = modules.generation()
        wanted = modules.wanted()
        deadly = crashes.deadly(settings.modules_dir, wanted)
        release()
        app.registry = registry.load(settings.modules_dir, wanted, app.generation, deadly)
        registry.install(app.registry)
        modules.record_load(app.registry)
        web.register(app, settings)
        blueprints.register(app, app.registry)
    return app
