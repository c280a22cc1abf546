"""Alembic without its command line: the panel's own tree and each module's, run by the same few
functions.

A tree is a folder with `versions/`. Its version table and the tables that it may touch keep the
trees out of each other's way.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from sqlalchemy.engine import Connection, Engine

from puqpanel.domain.errors import PanelError
from puqpanel.infra.settings import ROOT


class MigrationError(PanelError):
    """A tree of migrations cannot be read or did not run through; nothing of the failed step
    was kept.
    """


@dataclass(frozen=True, slots=True)
class Tree:
    """A folder of revisions.

    Args:
        folder: holds `versions/`.
        version_table: where the tree's place is kept.
        owns: whether a table, by name, belongs to this tree.
    """

    folder: Path
    version_table: str
    owns: Callable[[str], bool]


PANEL = Tree(ROOT / "migrations", "alembic_version", lambda table: not table.startswith("mod_"))


def _script(tree: Tree) -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(tree.folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config)


def _options(tree: Tree, **more: Any) -> dict[str, Any]:
    def include(
        _object: object, name: str | None, kind: str, _reflected: bool, _other: object
    ) -> bool:
        return kind != "table" or (
            name is not None and name != tree.version_table and tree.owns(name)
        )

    return {
        "version_table": tree.version_table,
        "include_object": include,
        "render_as_batch": True,
        "transactional_ddl": True,
        "compare_type": True,
        **more,
    }


def head(tree: Tree = PANEL) -> str | None:
    """The newest revision on disk; None for an empty tree.

    Raises:
        MigrationError: the tree has two heads or a broken link.
    """
    try:
        return _script(tree).get_current_head()
    except Exception as error:
        raise MigrationError(f"The migrations in {tree.folder} cannot be read: {error}") from error


def current(engine: Engine, tree: Tree = PANEL) -> str | None:
    """The revision that the database is at; None before the first."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection, opts=_options(tree)).get_current_revision()


def pending(engine: Engine, tree: Tree = PANEL) -> bool:
    """Whether the database is behind the files."""
    return current(engine, tree) != head(tree)


def upgrade(engine: Engine, tree: Tree = PANEL, to: str = "head") -> None:
    """Runs what is missing, all of it or nothing where the database can undo DDL.

    Raises:
        MigrationError: a revision failed; the text names the cause.
    """
    _run(engine, tree, lambda script: lambda revision, _context: script._upgrade_revs(to, revision))


def downgrade(engine: Engine, tree: Tree, to: str = "base") -> None:
    """Undoes revisions down to `to`.

    Raises:
        MigrationError: as for `upgrade`.
    """
    _run(
        engine, tree, lambda script: lambda revision, _context: script._downgrade_revs(to, revision)
    )


def differences(engine: Engine, metadata: sa.MetaData, tree: Tree = PANEL) -> list[Any]:
    """What alembic would still change so that the database matches the models; empty when they
    agree.
    """
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts=_options(tree, target_metadata=metadata)
        )
        return list(compare_metadata(context, metadata))


def _run(engine: Engine, tree: Tree, steps: Callable[[ScriptDirectory], Any]) -> None:
    script = _script(tree)
    try:
        with rebuilding(engine) as connection:
            context = MigrationContext.configure(connection, opts=_options(tree, fn=steps(script)))
            with Operations.context(context):
                context.run_migrations()
    except (sa.exc.SQLAlchemyError, RevisionError) as error:
        cause = getattr(error, "orig", None) or error
        raise MigrationError(
            f"The migration in {tree.folder.parent.name} failed: {cause}"
        ) from error


@contextlib.contextmanager
def rebuilding(engine: Engine) -> Iterator[Connection]:
    """A transaction in which tables may be made anew, as SQLite needs it to change them.

    Yields:
        Its connection; on SQLite foreign keys are not enforced until the end, and checked there.

    Raises:
        MigrationError: rows would refer to nothing; all of it was undone.
    """
    sqlite = engine.dialect.name == "sqlite"
    with engine.connect() as connection:
        try:
            if sqlite:
                _foreign_keys(connection, on=False)
            with connection.execution_options(panel_write=True).begin():
                _lock(connection)
                yield connection
                if sqlite and (
                    broken := connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
                ):
                    raise MigrationError(
                        f"After the migration {len(broken)} rows refer to nothing; it was undone."
                    )
        finally:
            if sqlite:
                _foreign_keys(connection, on=True)
            _unlock(connection)


def _foreign_keys(connection: Connection, *, on: bool) -> None:
    # a batch migration drops and makes tables anew: with the checks on, rows that refer to them are
    # silently deleted. The switch is ignored inside a transaction, so it goes to the driver's
    # connection, which is in autocommit.
    raw = connection.connection.dbapi_connection
    assert raw is not None
    raw.execute(f"PRAGMA foreign_keys={'ON' if on else 'OFF'}")


def _lock(connection: Connection) -> None:
    """Two hosts that start together must not migrate at once; SQLite's write lock and this do
    the same.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7461)")
    elif connection.dialect.name in ("mysql", "mariadb"):
        connection.exec_driver_sql("SELECT GET_LOCK('puqpanel_migrate', 60)")


def _unlock(connection: Connection) -> None:
    """MariaDB's lock belongs to the connection and would go back to the pool with it;
    PostgreSQL's ends with the transaction.
    """
    if connection.dialect.name in ("mysql", "mariadb"):
        connection.exec_driver_sql("SELECT RELEASE_LOCK('puqpanel_migrate')")
        connection.commit()
