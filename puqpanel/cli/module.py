"""`puqpanel module`: commands for module authors and operators."""

from __future__ import annotations

import json

import click

from puqpanel.cli.context import instance_option, panel
from puqpanel.cli.module_check import check
from puqpanel.cli.module_new import new
from puqpanel.cli.module_test import test
from puqpanel.cli.module_texts import texts
from puqpanel.cli.modules_on_disk import key_of
from puqpanel.domain.errors import UserError
from puqpanel.domain.principals import CLI
from puqpanel.infra.settings import Settings


@click.group("module")
def command() -> None:
    """Create, check, test and manage modules.

    NAME is the module's directory below modules/, such as Product/MyCloudService. The type can be
    left out if the name is unique.
    """


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@instance_option
def list_(settings: Settings, as_json: bool) -> None:
    """List installed modules with their status.

    The last column explains why a module is not available.
    """
    from puqpanel.operations.modules import module_list

    with panel(settings):
        rows = module_list.list_modules(settings.modules_dir)
    if as_json:
        objects = [
            {
                "type": row.type,
                "name": row.name,
                "title": row.title,
                "status": row.status.value,
                "version": row.disk,
                "recorded_version": row.recorded,
                "services": row.services,
                "reason": row.reason,
            }
            for row in rows
        ]
        click.echo(json.dumps(objects, indent=2, default=str))
        return
    if not rows:
        click.echo(f"No modules in {settings.modules_dir}.")
    width = max((len(row.key) for row in rows), default=0)
    for row in rows:
        line = f"{row.key:<{width}}  {row.status.value:<10}  {row.disk or '-':<8}  {row.reason}"
        click.echo(line.rstrip())


@command.command("activate")
@click.argument("name")
@instance_option
def activate(settings: Settings, name: str) -> None:
    """Activate a module.

    All running processes load it at their next request or task.
    """
    _change(settings, name, "activate")


@command.command("deactivate")
@click.argument("name")
@instance_option
def deactivate(settings: Settings, name: str) -> None:
    """Deactivate a module.

    All running processes unload it at their next request or task. Its data is kept.
    """
    _change(settings, name, "deactivate")


@command.command("update")
@click.argument("name")
@instance_option
def update(settings: Settings, name: str) -> None:
    """Update a module to the installed version."""
    _change(settings, name, "update")


@command.command("resume")
@click.argument("name")
@instance_option
def resume(settings: Settings, name: str) -> None:
    """Resume a module whose circuit breaker is open.

    Resets its failure count and queues its parked tasks again.
    """
    from puqpanel.operations.modules import parking

    with panel(settings):
        key = _key(settings, name)
        module_type, _, folder = key.partition("/")
        parking.resume(actor=CLI, module_type=module_type, name=folder)
    click.echo(f"{key} resumed.")


@command.command("reload")
@click.argument("name", required=False)
@instance_option
def reload(settings: Settings, name: str | None) -> None:
    """Reload a module's files, or those of all active modules.

    Web processes reload at their next request, workers at their next task. A module that no longer
    loads is not reloaded, and the command fails with the reason.
    """
    from puqpanel.operations.modules import loading, module_list

    with panel(settings):
        rows = module_list.list_modules(settings.modules_dir)
        if name:
            keys = [key_of(name, [row.key for row in rows])]
        else:
            keys = [row.key for row in rows if row.on]
        refused: dict[str, str] = {}
        for key in keys:
            module_type, _, folder = key.partition("/")
            try:
                loading.prove(settings.modules_dir, module_type, folder)
                loading.reload(
                    actor=CLI,
                    modules_dir=settings.modules_dir,
                    module_type=module_type,
                    name=folder,
                )
            except UserError as error:
                refused[key] = str(error)
    reloaded = [key for key in keys if key not in refused]
    if reloaded or not keys:
        click.echo(f"Reloaded {', '.join(reloaded)}." if keys else "No active modules.")
    if refused:
        raise click.ClickException(
            "\n".join(f"{key} was not reloaded: {text}" for key, text in refused.items())
        )


@command.command("log")
@click.argument("name")
@click.option(
    "--level",
    type=click.Choice(["info", "error", "debug"]),
    help="Show only entries of this level.",
)
@click.option(
    "-n",
    "count",
    type=click.IntRange(1, 10_000),
    default=20,
    show_default=True,
    metavar="N",
    help="Number of entries.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON, including requests and responses."
)
@instance_option
def log(settings: Settings, name: str, level: str | None, count: int, as_json: bool) -> None:
    """Show the most recent log entries of a module, oldest first.

    The log records requests to the provider and their responses. Secrets are masked.
    """
    from puqpanel.operations.modules import module_log

    with panel(settings):
        key = _key(settings, name)
        entries = module_log.newest(key, level=level or "", limit=count)
    if as_json:
        objects = [
            {
                "at": entry.at.isoformat(),
                "level": entry.level,
                "action": entry.action,
                "request": entry.request,
                "response": entry.response,
                "duration_ms": entry.duration_ms,
                "service": entry.service_uuid,
                "task": entry.task_id,
            }
            for entry in entries
        ]
        click.echo(json.dumps(objects, indent=2, default=str))
        return
    if not entries:
        click.echo(f"No log entries for {key}.")
    for entry in entries:
        response = " ".join(entry.response.split())[:80]
        line = f"{entry.at:%Y-%m-%d %H:%M:%S}  {entry.level:<5}  {entry.action}  {response}"
        click.echo(line.rstrip())


def _key(settings: Settings, name: str) -> str:
    from puqpanel.operations.modules import module_list

    return key_of(name, [row.key for row in module_list.list_modules(settings.modules_dir)])


def _change(settings: Settings, name: str, verb: str) -> None:
    from puqpanel.operations.modules import lifecycle, loading

    operations = {
        "activate": lifecycle.activate,
        "deactivate": lifecycle.deactivate,
        "update": lifecycle.update,
    }
    with panel(settings):
        key = _key(settings, name)
        module_type, _, folder = key.partition("/")
        if verb != "deactivate":
            loading.prove(settings.modules_dir, module_type, folder)
        result = operations[verb](
            actor=CLI, modules_dir=settings.modules_dir, module_type=module_type, name=folder
        )
    click.echo(result.message or f"{key} {verb}d.")


command.add_command(check)
command.add_command(new)
command.add_command(test)
command.add_command(texts)
