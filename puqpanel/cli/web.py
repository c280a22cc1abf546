"""`puqpanel web`: the pages, served by gunicorn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import structlog

from puqpanel.cli.context import load_settings, overrides, ready_to_serve
from puqpanel.host.containment import output_redaction
from puqpanel.infra.settings import Settings

if TYPE_CHECKING:
    from puqpanel.live import Live

log = structlog.get_logger(__name__)


@click.command("web")
@click.option(
    "--host", metavar="ADDRESS", help="Where to listen.  [default: PUQPANEL_HOST or 127.0.0.1]"
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="N",
    help="Which port.  [default: PUQPANEL_PORT or 8000]",
)
@click.option(
    "--processes",
    type=click.IntRange(1, 256),
    metavar="N",
    help="How many.  [default: PUQPANEL_WEB_PROCESSES or 2]",
)
@click.option("--fd", type=int, hidden=True, help="An open socket to accept connections on.")
@click.option("--quiet", is_flag=True, hidden=True, help="Say only what went wrong.")
def command(
    host: str | None, port: int | None, processes: int | None, fd: int | None, quiet: bool
) -> None:
    """Serve the pages.

    Each process answers one request at a time, so start about two for every core. Put nginx or
    Caddy in front on a real host, and say so in PUQPANEL_TRUSTED_PROXIES. The database must be up
    to date: run `puqpanel db upgrade` first.
    """
    settings = load_settings(overrides(host=host, port=port))
    ready_to_serve(settings)
    output_redaction.install()
    # The code is imported here, once and before the fork; the app itself is built in each worker
    # process (see gunicorn_worker.py).
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
    """The app of one worker process, built ahead of the first request; where that fails now,
    each request tries again.
    """
    from puqpanel.live import Live

    live = Live(settings)
    try:
        live.ensure()
    except Exception:
        log.exception("the app could not be built yet")
    return live
