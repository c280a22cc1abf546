"""`puqpanel doctor`: a look at everything, with what to do."""

from __future__ import annotations

import json

import click

from puqpanel.cli.context import instance_option
from puqpanel.infra.settings import Settings

MARKS = {"ok": ("green", "ok  "), "warn": ("yellow", "warn"), "fail": ("red", "FAIL")}


@click.command("doctor")
@click.option("--only", metavar="NAME,…", help="Only these checks, separated by commas.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@instance_option
def command(settings: Settings, only: str | None, as_json: bool) -> int:
    """Look whether everything is well, and say what to do.

    Looks at the database, its migrations, the keys, the queue server, the workers, the scheduler
    and the disk. Exit code 0 when nothing fails (warnings do not count), else 1. GET /health tells
    a monitor the same.
    """
    from puqpanel.infra import queue, queue_server
    from puqpanel.operations.oversight import health

    names = only.split(",") if only else list(health.CHECKS)
    if unknown := [name for name in names if name not in health.CHECKS]:
        raise click.UsageError(
            f"There is no check {', '.join(unknown)}; there are {', '.join(health.CHECKS)}."
        )
    queue.use_server(settings.redis_url or queue_server.connection_url(settings.instance))
    report = health.look(settings, names)
    if as_json:
        click.echo(json.dumps(report.full(), indent=2))
    else:
        for check in report.checks:
            colour, mark = MARKS[check.state]
            click.echo(f"{click.style(mark, fg=colour)}  {check.name:<11} {check.text}")
            if check.remedy:
                click.echo(f"      {'':<11} → {check.remedy}")
    return int(not report.ok)
