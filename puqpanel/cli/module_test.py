"""`puqpanel module test`: the contract suite of a module's type, as a score card."""

from __future__ import annotations

import click

from puqpanel.cli.context import instance_option
from puqpanel.infra.settings import Settings


@click.command("test")
@click.argument("name")
@instance_option
def test(settings: Settings, name: str) -> int:
    """Try a module against the contract of its type."""
    raise click.UsageError("not yet")
