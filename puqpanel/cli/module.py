"""`puqpanel module`: what a module's author and an operator do with modules from a shell."""

from __future__ import annotations

import json

import click

from puqpanel.cli.context import instance_option, panel
from puqpanel.domain.errors import UserError
from puqpanel.infra.settings import Settings


@click.group("module")
def command() -> None:
    """Modules: list, switch on and off, update, check.

    A module is named by its folder under modules/, as in Product/MyCloudService; the name alone will do where it is unique.
    """


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="As a JSON list.")
@instance_option
def list_(settings: Settings, as_json: bool) -> None:
    """Show every module that was found, with its state and the reason where one is refused."""
    from puqpanel.operations import modules

    with panel(settings):
        shown = modules.list_modules(settings.modules_dir)
    if as_json:
        rows = [
            {"type": each.type, "name": each.name, "title": each.title, "status": each.status.value, "version": each.disk,
             "recorded_version": each.recorded, "services": each.services, "reason": each.reason}
            for each in shown
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    if not shown:
        click.echo(f"No modules in {settings.modules_dir}.")
    width = max((len(each.key) for each in shown), default=0)
    for each in shown:
        click.echo(f"{each.key:<{width}}  {each.status.value:<10}  {each.disk or '-':<8}" + (f"  {each.reason}" if each.reason else ""))


@command.command("activate")
@click.argument("name")
@instance_option
def activate(settings: Settings, name: str) -> None:
    """Switch a module on, in every process at once."""
    _switch(settings, name, "activate")


@command.command("deactivate")
@click.argument("name")
@instance_option
def deactivate(settings: Settings, name: str) -> None:
    """Switch a module off, in every process at once. Its data stays."""
    _switch(settings, name, "deactivate")


@command.command("update")
@click.argument("name")
@instance_option
def update(settings: Settings, name: str) -> None:
    """Bring a module to the version on disk."""
    _switch(settings, name, "update")


@command.command("check")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--all", "everything", is_flag=True, help="Every module in the modules folder.")
@click.option("--json", "as_json", is_flag=True, help="As a JSON list.")
@instance_option
def check(settings: Settings, names: tuple[str, ...], everything: bool, as_json: bool) -> int:
    """Say what a module would be refused for, and what is worth a second look. Needs no database.

    Exit code 1 when a module would be refused; warnings do not count.
    """
    from puqpanel.host import discover
    from puqpanel.host.loader import Refused, load_module, unload

    found = {each.key: each for each in discover.scan(settings.modules_dir)}
    if not names and not everything:
        raise click.UsageError("Name a module, or say --all.")
    wanted = list(found) if everything else [_key(name, list(found)) for name in names]
    rows = []
    for key in wanted:
        refused, warnings = found[key].error, []
        if not refused:
            try:
                loaded = load_module(found[key].folder, found[key].type, found[key].name)
            except Refused as refusal:
                refused = str(refusal)
            else:
                warnings = list(loaded.warnings)
                unload(loaded.package)
        rows.append({"module": key, "ok": not refused, "refused": refused, "warnings": warnings})
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    else:
        for row in rows:
            click.echo(f"{row['module']}: " + (f"refused: {row['refused']}" if row["refused"] else "would be activated."))
            for warning in row["warnings"] if isinstance(row["warnings"], list) else []:
                click.echo(f"  warning: {warning}")
    return int(not all(row["ok"] for row in rows))


def _switch(settings: Settings, name: str, verb: str) -> None:
    from puqpanel.domain.actors import SHELL
    from puqpanel.operations import modules

    with panel(settings):
        shown = [each.key for each in modules.list_modules(settings.modules_dir)]
        module_type, _, folder = _key(name, shown).partition("/")
        act = {"activate": modules.activate, "deactivate": modules.deactivate, "update": modules.update}[verb]
        result = act(actor=SHELL, modules_dir=settings.modules_dir, module_type=module_type, name=folder)
    click.echo(result.message or f"{module_type}/{folder}: {verb}d.")


def _key(name: str, known: list[str]) -> str:
    """The `Type/Name` that a person means.

    Raises:
        UserError: there is none, or there are several.
    """
    matches = [key for key in known if name in (key, key.partition("/")[2])]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise UserError(f"{name} could be {' or '.join(matches)}; name the type too.")
    near = [key for key in known if key.lower().endswith(name.lower().rpartition("/")[2])]
    raise UserError(f"There is no module {name}." + (f" Do you mean {near[0]}?" if near else ""))
