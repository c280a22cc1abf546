"""`puqpanel web`: the web server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import structlog

from puqpanel.cli.context import load_settings, overrides, prepare_server
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
@click.option("--quiet", is_flag=True, hidden=True, help="Log only warnings and errors.")
def command(
    host: str | None, port: int | None, processes: int | None, fd: int | None, quiet: bool
) -> None:
    """Run the web server.

    Each process handles one request at a time; start about two per CPU core. In production, run it
    behind nginx or Caddy and set PUQPANEL_TRUSTED_PROXIES. Run `puqpanel db upgrade` first.
    """
    settings = load_settings(overrides(host=host, port=port))
    prepare_server(settings)
    # Import the code once before the fork. Each worker process builds its own app.
    import puqpanel.live  # noqa: F401
    from puqpanel.cli.gunicorn_worker import WebServer

    address = f"[{settings.host}]" if ":" in settings.host else settings.host
    WebServer(
        lambda: _live(settings),
        bind=f"{address}:{settings.port}" if fd is None else f"fd://{fd}",
        workers=processes or settings.web_processes,
        loglevel="warning" if quiet else "info",
        reload=settings.dev,
        proc_name="puqpanel",
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
