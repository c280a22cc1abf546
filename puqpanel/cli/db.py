"""`puqpanel db`: the panel's migrations."""

from __future__ import annotations

import json

import click

from puqpanel.cli.context import instance_option, revision, writable
from puqpanel.infra.settings import Settings


@click.group("db")
def command() -> None:
    """The database: its migrations.

    Modules' own tables are brought up to date when a module is activated or updated.
    """


@command.command("upgrade")
@instance_option
def upgrade(settings: Settings) -> None:
    """Bring the tables up to date; all of a step or nothing of it.

    Run it once before new code starts. Several hosts may do so at the same time: one works, the
    others wait.
    """
    before, after = bring_up_to_date(settings)
    click.echo(
        f"Up to date already ({after})."
        if before == after
        else f"Upgraded from {before or 'nothing'} to {after}."
    )


@command.command("current")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@instance_option
def current(settings: Settings, as_json: bool) -> int:
    """Say where the tables are; exit code 1 when they are behind the code."""
    from puqpanel.infra import migrate

    at, newest = revision(settings), migrate.head()
    if as_json:
        click.echo(json.dumps({"current": at, "head": newest, "pending": at != newest}))
    else:
        click.echo(
            f"{at or 'nothing'}"
            + ("" if at == newest else f", and the code needs {newest}: run `puqpanel db upgrade`")
        )
    return int(at != newest)


def bring_up_to_date(settings: Settings) -> tuple[str | None, str | None]:
    """Makes the keys where there are none, and runs what is missing.

    Returns:
        The revisions before and after.

    Raises:
        UserError: the instance folder cannot be written.
        KeyFileError: the keys are not the ones that this database was written with.
        MigrationError: a step failed.
    """
    writable(settings.instance)
    from puqpanel.infra import migrate
    from puqpanel.infra.db import engine_for
    from puqpanel.operations.system.keys import open_keys, plant_canary

    open_keys(settings.keys_dir, settings.database_url)
    engine = engine_for(settings.database_url)
    before = migrate.current(engine)
    migrate.upgrade(engine)
    plant_canary(settings.database_url)
    return before, migrate.current(engine)
