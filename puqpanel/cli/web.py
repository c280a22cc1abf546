"""`puqpanel web`: the web server."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import click
import structlog

from puqpanel.cli.context import load_settings, overrides, prepare_server
from puqpanel.cli.listening import listen
from puqpanel.infra.settings import Settings

if TYPE_CHECKING:
    from puqpanel.live import Live

log = structlog.get_logger(__name__)


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
    # Import the code once before the fork. Each process builds its own app.
    import puqpanel.live
    import puqpanel.web.register  # noqa: F401
    from puqpanel.cli.web_process import Limits
    from puqpanel.cli.web_server import WebServer
    from puqpanel.web import assets, precompressed

    precompressed.prepare(settings.instance, assets.compressible())
    if fd is None:
        listener = listen(settings.host, settings.port)
        log.info("web server listens", address=settings.host, port=listener.getsockname()[1])
    else:
        listener = socket.socket(fileno=fd)
        listener.set_inheritable(False)  # by what modules start
    WebServer(
        lambda: _live(settings),
        listener,
        processes=processes or settings.web_processes,
        limits=Limits(threads=settings.web_threads),
        reload=settings.dev,
    ).run()


def _live(settings: Settings) -> Live:
    """Build the app before the first request; on failure, each request tries again."""
    from puqpanel.live import Live

    live = Live(settings)
    try:
        live.ensure()
    except Exception:
        log.exception("app could not be built")
    return live
