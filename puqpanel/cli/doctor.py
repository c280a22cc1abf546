"""`puqpanel doctor`: health checks with remedies."""

from __future__ import annotations

import json

import click

from puqpanel.cli.context import instance_option
from puqpanel.infra.settings import Settings

LABELS = {"ok": ("green", "ok  "), "warn": ("yellow", "warn"), "fail": ("red", "FAIL")}


@click.command("doctor")
@click.option("--only", metavar="NAME,…", help="Comma-separated list of checks to run.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@instance_option
def command(settings: Settings, only: str | None, as_json: bool) -> int:
    """Check the installation and suggest fixes.

    Checks the database, migrations, encryption keys, queue server, workers, scheduler, modules,
    translations and disk space. Exits with code 1 if a check fails; warnings do not count.
    Monitoring systems can read the same status from GET /health.
    """
    from puqpanel.infra import queue, queue_server
    from puqpanel.operations.oversight import health

    names = only.split(",") if only else list(health.CHECKS)
    if unknown := [name for name in names if name not in health.CHECKS]:
        raise click.UsageError(
            f"No such check: {', '.join(unknown)}. Available checks: {', '.join(health.CHECKS)}."
        )
    queue.use_server(settings.redis_url or queue_server.connection_url(settings.instance))
    report = health.look(settings, names)
    if as_json:
        click.echo(json.dumps(report.full(), indent=2, default=str))
    else:
        for check in report.checks:
            colour, label = LABELS[check.state]
            click.echo(f"{click.style(label, fg=colour)}  {check.name:<11} {check.text}")
            if check.remedy:
                click.echo(f"      {'':<11} → {check.remedy}")
    return int(not report.ok)
