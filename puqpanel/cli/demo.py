"""`puqpanel demo`: people, products and services to play with, and a provider for them."""

from __future__ import annotations

import json
import signal
import socket
from pathlib import Path
from types import FrameType

import click

from puqpanel.cli.context import instance_option
from puqpanel.infra.settings import Settings


@click.group("demo")
def command() -> None:
    """Things to try the panel with. `puqpanel up --demo` does both."""


@command.command("seed")
@click.option(
    "--cloud-port",
    type=click.IntRange(1, 65535),
    required=True,
    metavar="N",
    help="Where the demo cloud listens on 127.0.0.1.",
)
@click.option("--json", "as_json", is_flag=True, help="The sign-ins as one JSON list.")
@instance_option
def seed_command(settings: Settings, cloud_port: int, as_json: bool) -> None:
    """Fill in what is missing of the demo, and say how to sign in.

    Running it again changes nothing.
    """
    from puqpanel.cli.demo_seed import seed

    sign_ins = seed(settings, cloud_port)
    if as_json:
        click.echo(json.dumps(sign_ins))
    else:
        for line in sign_ins:
            click.echo(f"{line['who']:<10} {line['path']:<8} {line['email']}   {line['password']}")


@command.command("cloud")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    metavar="N",
    help="Where to listen on 127.0.0.1.  [default: a free port]",
)
@click.option("--fd", type=int, hidden=True, help="An open socket to accept connections on.")
@instance_option
def cloud_command(settings: Settings, port: int, fd: int | None) -> int:
    """Run the demo cloud: a provider with accounts, plans, usage and files behind a plain HTTP
    API on this machine alone.
    """
    from puqpanel.cli.demo_cloud import DemoCloud

    listener = (
        socket.socket(fileno=fd) if fd is not None else socket.create_server(("127.0.0.1", port))
    )
    token = cloud_token(settings.instance)
    server = DemoCloud(settings.instance / "demo", token, listener)

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    if fd is None:
        click.echo(
            f"The demo cloud listens on http://127.0.0.1:{server.port}, its token is in"
            f" {settings.instance / 'demo' / 'cloud.token'}."
        )
    try:
        server.serve_forever()
    finally:
        server.close()
    return 0


def cloud_token(instance: Path) -> str:
    """What the demo cloud wants to hear from its users; made on first use."""
    import secrets

    from puqpanel.infra.crypto import write_private

    path = instance / "demo" / "cloud.token"
    if not path.exists():
        write_private(path, secrets.token_urlsafe(24) + "\n")
    return path.read_text().strip()
