"""What many commands begin with: the settings, and the assembled panel."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from puqpanel.domain.errors import UserError
from puqpanel.infra.processes import environment
from puqpanel.infra.settings import Settings

if TYPE_CHECKING:
    from flask import Flask

F = TypeVar("F", bound=Callable[..., Any])


def overrides(
    *,
    instance: Path | None = None,
    host: str | None = None,
    port: int | None = None,
    dev: bool = False,
) -> dict[str, str]:
    """Options as the environment variables they stand for, so that child processes hear them
    too.
    """
    values = {
        "PUQPANEL_INSTANCE": str(instance.expanduser().absolute()) if instance else None,
        "PUQPANEL_HOST": host,
        "PUQPANEL_PORT": str(port) if port is not None else None,
        "PUQPANEL_DEV": "yes" if dev else None,
    }
    return {name: value for name, value in values.items() if value is not None}


def load_settings(changes: Mapping[str, str] | None = None) -> Settings:
    """The settings, with a command's options over the environment.

    Raises:
        UserError: a setting cannot be used.
    """
    return Settings.load(environment(changes or {}))


def instance_option(function: F) -> F:
    """Gives a command `--instance`; it receives `settings`."""

    @click.option(
        "--instance",
        type=click.Path(path_type=Path, file_okay=False),
        metavar="DIR",
        help="The instance folder.",
    )
    @click.pass_context
    def wrapped(ctx: click.Context, /, instance: Path | None, **arguments: Any) -> Any:
        return ctx.invoke(
            function, settings=load_settings(overrides(instance=instance)), **arguments
        )

    wrapped.__name__, wrapped.__doc__ = function.__name__, function.__doc__
    wrapped.__click_params__ = getattr(function, "__click_params__", []) + wrapped.__click_params__  # type: ignore[attr-defined]
    return wrapped  # type: ignore[return-value]


def writable(folder: Path) -> None:
    """Makes the folder if need be.

    Raises:
        UserError: it cannot be written.
    """
    probe = folder / ".probe"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UserError(
            f"Cannot write to {folder}: {(error.strerror or str(error)).lower()}. Choose another"
            " with --instance DIR."
        ) from None


@contextlib.contextmanager
def panel(settings: Settings) -> Iterator[Flask]:
    """The assembled panel, inside its app context.

    Raises:
        UserError: migrations are pending.
    """
    import logging

    from puqpanel.infra import log
    from puqpanel.live import Live

    # a command says itself what it did
    log.configure(json=settings.log_json, level=logging.WARNING)
    require_migrated(settings)
    app = Live(settings).ensure()
    with app.app_context():
        yield app


def require_migrated(settings: Settings) -> None:
    """Raises UserError when the database is behind the files."""
    from puqpanel.infra import migrate

    if revision(settings) != migrate.head():
        raise UserError("The database is not up to date; run: puqpanel db upgrade")


def revision(settings: Settings) -> str | None:
    """Where the tables are; None before the first migration. Makes no SQLite file by looking."""
    from puqpanel.infra import migrate
    from puqpanel.infra.db import engine_for

    engine = engine_for(settings.database_url)
    if (
        engine.dialect.name == "sqlite"
        and engine.url.database
        and not Path(engine.url.database).exists()
    ):
        return None
    return migrate.current(engine)


def ready_to_serve(settings: Settings) -> None:
    """What a process that serves looks at before it starts: its log, the keys, the tables.

    Leaves no connection open: it will fork.

    Raises:
        UserError: migrations are pending, or the instance folder cannot be written.
        KeyFileError: the keys are missing or not those of this database.
    """
    from puqpanel.infra import log
    from puqpanel.infra.db import dispose_engines
    from puqpanel.operations.system.keys import open_keys

    log.configure(json=settings.log_json)
    writable(settings.instance)
    open_keys(settings.keys_dir, settings.database_url)
    require_migrated(settings)
    dispose_engines()
