"""The commands of `puqpanel demo`."""

from __future__ import annotations

import json
import signal
import sys

import click

from puqpanel.cli.context import instance_option
from puqpanel.infra.settings import Settings


@click.group("demo", invoke_without_command=True, no_args_is_help=True)
@click.option(
    "--rows",
    type=click.IntRange(1),
    metavar="N",
    help="Add N sample services with clients, users, tasks and history, to benchmark pages.",
)
@instance_option
@click.pass_context
def command(context: click.Context, settings: Settings, rows: int | None) -> None:
    """Load demo data and run the demo cloud.

    `puqpanel up --demo` does both.

    With --rows, adds sample rows to an empty panel or a demo; any other panel is refused. A
    million services take several minutes.
    """
    if context.invoked_subcommand and rows:
        raise click.UsageError(f"--rows cannot be combined with {context.invoked_subcommand}.")
    if rows:
        from puqpanel.cli.demo.rows import add_rows

        for table, number in add_rows(settings, rows).items():
            click.echo(f"{number:>12,}  {table}")


@command.command("seed")
@click.option(
    "--cloud-port",
    type=click.IntRange(1, 65535),
    required=True,
    metavar="N",
    help="Port on 127.0.0.1 where the demo cloud listens.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@instance_option
def seed_command(settings: Settings, cloud_port: int, as_json: bool) -> None:
    """Load missing demo data and print the demo accounts.

    It is safe to run this more than once.
    """
    from puqpanel.cli.demo.seed import seed

    accounts = seed(settings, cloud_port)
    if as_json:
        click.echo(json.dumps(accounts))
        return
    for account in accounts:
        click.echo(
            f"{account['who']:<10} {account['path']:<8} {account['email']}   {account['password']}"
        )


@command.command("cloud")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    metavar="N",
    help="Port to listen on at 127.0.0.1.  [default: a free port]",
)
@click.option("--fd", type=int, hidden=True, help="File descriptor of a listening socket.")
@instance_option
def cloud_command(settings: Settings, port: int, fd: int | None) -> None:
    """Run the demo cloud, a hosting provider for trying the panel.

    It offers accounts, plans, usage and files through an HTTP API on 127.0.0.1.
    """
    from puqpanel.cli.demo.cloud import DemoCloud, cloud_token, token_path

    token = cloud_token(settings.instance)
    server = DemoCloud(settings.instance / "demo", token, port=port, fd=fd)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))
    if fd is None:
        click.echo(f"Demo cloud: http://127.0.0.1:{server.port}")
        click.echo(f"API token:  {token_path(settings.instance)}")
    try:
        server.serve_forever()
    finally:
        server.close()
