"""`puqpanel module`: what a module's author and an operator do with modules from a shell."""

from __future__ import annotations

import json

import click

from puqpanel.cli.context import instance_option, panel
from puqpanel.cli.module_check import check
from puqpanel.cli.module_new import new
from puqpanel.cli.module_test import test
from puqpanel.cli.modules_on_disk import key_of
from puqpanel.infra.settings import Settings


@click.group("module")
def command() -> None:
    """Modules: list, switch on and off, update; begin, check and test one.

    A module is named by its folder under modules/, as in Product/MyCloudService; the name alone
    will do where it is unique.
    """


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="As a JSON list.")
@instance_option
def list_(settings: Settings, as_json: bool) -> None:
    """Show every module that was found, with its state and the reason where one is refused."""
    from puqpanel.operations.modules import module_list

    with panel(settings):
        shown = module_list.list_modules(settings.modules_dir)
    if as_json:
        rows = [
            {
                "type": each.type,
                "name": each.name,
                "title": each.title,
                "status": each.status.value,
                "version": each.disk,
                "recorded_version": each.recorded,
                "services": each.services,
                "reason": each.reason,
            }
            for each in shown
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    if not shown:
        click.echo(f"No modules in {settings.modules_dir}.")
    width = max((len(each.key) for each in shown), default=0)
    for each in shown:
        click.echo(
            f"{each.key:<{width}}  {each.status.value:<10}  {each.disk or '-':<8}"
            + (f"  {each.reason}" if each.reason else "")
        )


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


@command.command("resume")
@click.argument("name")
@instance_option
def resume(settings: Settings, name: str) -> None:
    """Let a module that was stopped after repeated failures go on, and its parked tasks with it."""
    from puqpanel.domain.actors import SHELL
    from puqpanel.operations.modules import module_list, modules

    with panel(settings):
        module_type, _, folder = key_of(
            name, [each.key for each in module_list.list_modules(settings.modules_dir)]
        ).partition("/")
        modules.let_go_on(actor=SHELL, module_type=module_type, name=folder)
    click.echo(f"{module_type}/{folder} goes on.")


@command.command("reload")
@click.argument("name", required=False)
@instance_option
def reload(settings: Settings, name: str | None) -> None:
    """Read the files of a module anew, or of all that are switched on, in every process at once.

    The pages take it at their next request, the workers at their next task. A module that does not
    load any more is shown with the reason.
    """
    from puqpanel.domain.actors import SHELL
    from puqpanel.operations.modules import module_list, modules

    with panel(settings):
        shown = module_list.list_modules(settings.modules_dir)
        keys = (
            [key_of(name, [each.key for each in shown])]
            if name
            else [each.key for each in shown if each.on]
        )
        for key in keys:
            module_type, _, folder = key.partition("/")
            modules.load_again(
                actor=SHELL, modules_dir=settings.modules_dir, module_type=module_type, name=folder
            )
    click.echo(f"{', '.join(keys)}: read anew." if keys else "No module is switched on.")


@command.command("log")
@click.argument("name")
@click.option("--level", type=click.Choice(["info", "error", "debug"]), help="Only these.")
@click.option(
    "-n",
    "count",
    type=click.IntRange(1, 10_000),
    default=20,
    show_default=True,
    help="How many lines.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="As a JSON list, with what was asked and answered."
)
@instance_option
def log(settings: Settings, name: str, level: str | None, count: int, as_json: bool) -> None:
    """Show what a module asked and was answered, the newest last. Secrets are masked."""
    from puqpanel.operations.modules import module_list, module_log

    with panel(settings):
        key = key_of(name, [each.key for each in module_list.list_modules(settings.modules_dir)])
        lines = module_log.newest(key, level=level or "", limit=count)
    if as_json:
        rows = [
            {
                "at": line.at.isoformat(),
                "level": line.level,
                "action": line.action,
                "request": line.request,
                "response": line.response,
                "duration_ms": line.duration_ms,
                "service": line.service_uuid,
                "task": line.task_id,
            }
            for line in lines
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    if not lines:
        click.echo(f"{key} has logged nothing yet.")
    for line in lines:
        first = " ".join(line.response.split())[:80]
        click.echo(
            f"{line.at:%Y-%m-%d %H:%M:%S}  {line.level:<5}  {line.action}"
            + (f"  {first}" if first else "")
        )


def _switch(settings: Settings, name: str, verb: str) -> None:
    from puqpanel.domain.actors import SHELL
    from puqpanel.operations.modules import module_list, modules

    with panel(settings):
        shown = [each.key for each in module_list.list_modules(settings.modules_dir)]
        module_type, _, folder = key_of(name, shown).partition("/")
        if verb != "deactivate":
            modules.prove(settings.modules_dir, module_type, folder)
        act = {
            "activate": modules.activate,
            "deactivate": modules.deactivate,
            "update": modules.update,
        }[verb]
        result = act(
            actor=SHELL, modules_dir=settings.modules_dir, module_type=module_type, name=folder
        )
    click.echo(result.message or f"{module_type}/{folder}: {verb}d.")


command.add_command(check)
command.add_command(new)
command.add_command(test)
