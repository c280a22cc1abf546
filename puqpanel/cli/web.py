"""`puqpanel web`: the web server."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import click
import structlog

from puqpanel.cli.context import load_settings, overrides, prepare_server
from puqpanel.cli.listening import listen

if TYPE_CHECKING:
    from puqpanel.live import Live

log = structlog.get_logger(__name__)
WARMED = ("/health", "/admin/signin", "/client/signin")


@click.command("web")
@click.option(
    "--host",
    metavar="ADDRESS",
    help="Address to listen on.  [default: PUQPANEL_HOST or 127.0.0.1]",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="N",
    help="Port to listen on.  [default: PUQPANEL_PORT or 8000]",
)
@click.option(
    "--processes",
    type=click.IntRange(1, 256),
    metavar="N",
    help="Number of processes.  [default: PUQPANEL_WEB_PROCESSES or 2]",
)
@click.option("--fd", type=int, hidden=True, help="File descriptor of a listening socket.")
def command(host: str | None, port: int | None, processes: int | None, fd: int | None) -> None:
    """Run the web server.

    Start one process per CPU core, and at least two. Each handles PUQPANEL_WEB_THREADS requests at
    a time, of which half may wait for the same module. In production, run it behind nginx or Caddy
    and set PUQPANEL_TRUSTED_PROXIES. Run `puqpanel db upgrade` first.
    """
    settings = load_settings(overrides(host=host, port=port))
    prepare_server(settings)
    from puqpanel.cli import shared_app
    from puqpanel.cli.web_process import Limits
    from puqpanel.cli.web_server import WebServer
    from puqpanel.infra.db import dispose_engines
    from puqpanel.live import Live
    from puqpanel.web import assets, precompressed

    precompressed.prepare(settings.instance, assets.compressible())
    if fd is None:
        listener = listen(settings.host, settings.port)
        log.info("web server listens", address=settings.host, port=listener.getsockname()[1])
    else:
        listener = socket.socket(fileno=fd)
        listener.set_inheritable(False)  # by what modules start
    live = Live(settings)
    if shared_app.build(live):
        _warm(live)
        dispose_engines()
    WebServer(
        lambda: _adopted(live),
        listener,
        processes=processes or settings.web_processes,
        limits=Limits(threads=settings.web_threads),
        reload=settings.dev,
    ).run()


def _warm(live: Live) -> None:
    """Request some pages, so that the processes share what their first requests would load."""
    from werkzeug.test import Client

    assert live.app is not None
    client = Client(live.app)
    for path in WARMED:
        try:
            client.get(path).close()
        except Exception:
            log.exception("page could not be prepared", path=path)


def _adopted(live: Live) -> Live:
    """Return the app that a process shares with its parent, or its own if modules have changed."""
    from puqpanel.cli import shared_app

    shared_app.adopt(live)
    try:
        live.ensure()
    except Exception:
        log.exception("app could not be built; each request tries again")
    return live
