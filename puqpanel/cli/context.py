"""Settings and application setup that commands share."""

from __future__ import annotations

import contextlib
import logging
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from puqpanel.domain.errors import UserError
from puqpanel.infra import log
from puqpanel.infra.processes import environment
from puqpanel.infra.settings import Settings

if TYPE_CHECKING:
    from flask import Flask


def overrides(
    *,
    instance: Path | None = None,
    host: str | None = None,
    port: int | None = None,
    dev: bool = False,
) -> dict[str, str]:
    """Return options as environment variables, so that child processes inherit them."""
    values = {
        "PUQPANEL_INSTANCE": str(instance.expanduser().absolute()) if instance else None,
        "PUQPANEL_HOST": host,
        "PUQPANEL_PORT": str(port) if port is not None else None,
        "PUQPANEL_DEV": "yes" if dev else None,
    }
    return {name: value for name, value in values.items() if value is not None}


def load_settings(changes: Mapping[str, str] | None = None) -> Settings:
    """Load the settings; `changes` override the environment.

    Raises:
        SettingsError: A value is invalid.
    """
    return Settings.load(environment(changes or {}))


instance_option = click.option(
    "--instance",
    "settings",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Instance directory.  [default: instance]",
    callback=lambda ctx, option, instance: load_settings(overrides(instance=instance)),
)
"""Adds `--instance` to a command and passes it the loaded `settings`."""


def ensure_writable(directory: Path) -> None:
    """Create the directory if it does not exist, and check that it is writable.

    Other users of the machine lose access to it: it holds the database and the keys.

    Raises:
        UserError: It is not writable.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
        mode = stat.S_IMODE(directory.stat().st_mode)
        if mode & stat.S_IRWXO:
            with contextlib.suppress(PermissionError):  # it belongs to somebody else
                directory.chmod(mode & ~stat.S_IRWXO)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UserError(
            f"Cannot write to {directory}: {reason}. Choose another directory with --instance DIR."
        ) from None


@contextlib.contextmanager
def panel(settings: Settings) -> Iterator[Flask]:
    """Push the context of an application with the active modules, without pages.

    Raises:
        UserError: Migrations are pending.
    """
    from puqpanel.app import create_app

    # Commands print their own results, so log only warnings.
    log.configure(json=settings.log_json, level=logging.WARNING)
    require_migrated(settings)
    app = create_app(settings, pages=False)
    with app.app_context():
        yield app


def require_migrated(settings: Settings) -> None:
    """Check that no migrations are pending.

    Raises:
        UserError: The database schema is older than the code, or newer.
    """
    from puqpanel.infra import schema_revision
    from puqpanel.infra.db import engine_for

    if schema_revision.is_latest(engine_for(settings.database_url)):
        return
    applied, head = revisions(settings)
    refuse_newer(applied, head)
    if applied != head:
        raise UserError("The database schema is out of date. Run: puqpanel db upgrade")


def refuse_newer(applied: str | None, head: str | None) -> None:
    """Check that this code knows the schema.

    Args:
        applied: The revision of the schema.
        head: The latest one that this code has.

    Raises:
        UserError: A newer version of the panel has upgraded the schema.
    """
    from puqpanel.infra import migrate

    if applied and not migrate.knows(applied):
        raise UserError(
            f"The database schema ({applied}) is newer than this version of the panel ({head})."
            " Install the version that upgraded the schema."
        )


def revisions(settings: Settings) -> tuple[str | None, str | None]:
    """Return the revision of the schema, or None before the first migration, and the latest one.

    Does not create a missing SQLite file.
    """
    from puqpanel.infra import migrate, schema_revision
    from puqpanel.infra.db import engine_for

    engine = engine_for(settings.database_url)
    if schema_revision.is_missing(engine):
        return None, migrate.head()
    return migrate.current(engine), migrate.head()


def prepare_server(settings: Settings) -> None:
    """Configure logging, check the keys and the schema, and mask secrets in what it prints.

    Closes all database connections, because the caller forks.

    Raises:
        UserError: Migrations are pending, or the instance directory is not writable.
        KeyFileError: The keys are missing or belong to another database.
    """
    from puqpanel.host.containment import output_redaction
    from puqpanel.infra.db import dispose_engines
    from puqpanel.operations.system.keys import open_keys

    log.configure(json=settings.log_json)
    ensure_writable(settings.instance)
    open_keys(settings.keys_dir, settings.database_url)
    require_migrated(settings)
    dispose_engines()
    output_redaction.install()


def client_row(execute: Callable[..., Any], text: str) -> Any:
    """Return the id and UUID of the client with a UUID or e-mail address.

    Args:
        execute: of a session or a connection.
        text: what was entered.

    Raises:
        BadParameter: there is none, or more than one.
    """
    import sqlalchemy as sa

    from puqpanel.models import Client

    either = sa.or_(Client.uuid == text, Client.email == text)
    found = execute(sa.select(Client.id, Client.uuid).where(either).limit(2)).all()
    if len(found) != 1:
        problem = "Several clients match" if found else "No client matches"
        raise click.BadParameter(f"{problem} “{text[:80]}”.", param_hint="--client")
    return found[0]


def company_uuid(text: str) -> str:
    """Return the UUID of a company with a name or UUID; requires a panel."""
    from puqpanel.operations.billing import companies

    for company in companies.companies():
        if text in (company.uuid, company.name):
            return company.uuid
    raise click.BadParameter(f"There is no company “{text[:80]}”.", param_hint="--company")
