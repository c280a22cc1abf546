"""`puqpanel db`: schema migrations."""

from __future__ import annotations

import json

import click

from puqpanel.cli.context import ensure_writable, instance_option, refuse_newer, revisions
from puqpanel.infra.program import as_typed
from puqpanel.infra.settings import Settings


@click.group("db")
def command() -> None:
    """Manage the database schema.

    Tables that belong to modules are migrated when a module is activated or updated.
    """


@command.command("upgrade")
@instance_option
def upgrade(settings: Settings) -> None:
    """Apply pending migrations.

    Run this once before starting new code. It is safe to run on several hosts at the same time:
    one applies the migrations while the others wait. Each migration is applied completely or not
    at all; in MariaDB, one that stopped half way is continued by the next run.
    """
    before, after = upgrade_schema(settings)
    if before == after:
        click.echo(f"Already up to date ({after}).")
    elif before is None:
        click.echo(f"Created the schema ({after}).")
    else:
        click.echo(f"Upgraded from {before} to {after}.")


@command.command("current")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@instance_option
def current(settings: Settings, as_json: bool) -> int:
    """Show the schema revision.

    Exits with code 1 if migrations are pending, or if the schema is newer than this version.
    """
    applied, head = revisions(settings)
    refuse_newer(applied, head)
    pending = applied != head
    if as_json:
        click.echo(json.dumps({"current": applied, "head": head, "pending": pending}))
    elif pending:
        click.echo(as_typed(f"{applied or 'none'} (latest: {head}). Run: puqpanel db upgrade"))
    else:
        click.echo(applied)
    return int(pending)


def upgrade_schema(settings: Settings) -> tuple[str | None, str | None]:
    """Create missing keys and apply pending migrations.

    Returns:
        The revisions before and after.

    Raises:
        UserError: The instance directory is not writable, or the schema is newer than the code.
        KeyFileError: The keys belong to another database.
        MigrationError: A migration failed.
    """
    ensure_writable(settings.instance)
    from puqpanel.infra import migrate
    from puqpanel.infra.db import engine_for
    from puqpanel.operations.system.keys import open_keys, plant_canary

    open_keys(settings.keys_dir, settings.database_url)
    engine = engine_for(settings.database_url)
    before = migrate.current(engine)
    refuse_newer(before, migrate.head())
    migrate.upgrade(engine)
    plant_canary(settings.database_url)
    return before, migrate.current(engine)
