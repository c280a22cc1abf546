"""`puqpanel settings`: the settings that staff change on pages."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from puqpanel.cli.context import instance_option, panel
from puqpanel.domain.errors import UserError
from puqpanel.domain.principals import CLI
from puqpanel.domain.settings import Kind
from puqpanel.domain.settings_table import find, names
from puqpanel.infra.settings import Settings
from puqpanel.operations.system import settings as panel_settings


@click.group("settings")
def command() -> None:
    """List and change settings.

    NAME is a dotted name such as firm.name; `puqpanel settings list` shows them. Environment
    variables override what is saved here; see docs/reference/settings.md.
    """


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@instance_option
def list_settings(settings: Settings, as_json: bool) -> None:
    """List all settings with their values; secrets are masked."""
    with panel(settings):
        shown = [panel_settings.show(name) for name in names()]
        if as_json:
            rows = [
                {
                    "name": each.definition.name,
                    "value": each.text,
                    "source": each.source,
                    "problem": str(each.problem),
                }
                for each in shown
            ]
            click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
            return
        width = max(len(each.definition.name) for each in shown)
        for each in shown:
            value = each.text.replace("\n", " ") or "–"
            click.echo(f"{each.definition.name:<{width}}  {each.source:<11}  {value}")
            if each.problem:
                click.echo(
                    f"{each.definition.name}: the saved value is not valid. {each.problem}",
                    err=True,
                )


@command.command("get")
@click.argument("name")
@instance_option
def get_setting(settings: Settings, name: str) -> None:
    """Print the value of a setting; a secret is masked."""
    find(name)
    with panel(settings):
        click.echo(panel_settings.show(name).text)


@command.command("set")
@click.argument("name")
@click.argument("value", required=False)
@instance_option
def set_setting(settings: Settings, name: str, value: str | None) -> None:
    """Save a setting.

    Without VALUE, it is read from standard input, or asked for. A secret is always read that way,
    because other users of this machine can see the arguments of a command. The value of an image is
    the path of a file.
    """
    definition = find(name)
    if definition.secret and value is not None:
        raise UserError(
            f"{name} is a secret. Leave the value out and type it, or pass it on standard input."
        )
    content: object = value
    if value is None and sys.stdin.isatty():
        content = click.prompt(str(definition.label), hide_input=definition.secret, default="")
    elif value is None:
        content = sys.stdin.read().rstrip("\n")
    if definition.kind is Kind.IMAGE and content:
        content = _read_image(Path(str(content)))
    with panel(settings):
        changed = panel_settings.save(actor=CLI, values={name: content})
        click.echo(f"Saved {name}." if changed else f"{name} already has this value.")


@command.command("unset")
@click.argument("name")
@instance_option
def unset_setting(settings: Settings, name: str) -> None:
    """Return a setting to its default."""
    find(name)
    with panel(settings):
        removed = panel_settings.unset(actor=CLI, name=name)
        click.echo(f"{name} has its default again." if removed else f"{name} was not saved.")


def _read_image(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror}.") from None
