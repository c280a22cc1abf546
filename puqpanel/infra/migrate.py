"""Schema migrations of the panel and of each module, run with Alembic.

A tree is a directory with `versions/`. Each tree has its own version table and its own set of
tables, so that trees do not affect each other.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from sqlalchemy.engine import Connection, Engine

from puqpanel.infra import migration_steps, online_indexes, schema_revision, trigrams
from puqpanel.infra.migration_steps import MigrationError

COLLATION = "utf8mb4_bin"
"""Collation of every text in MariaDB."""
TABLE_OPTIONS: dict[str, Any] = {
    f"{dialect}_{option}": value
    for dialect in ("mysql", "mariadb")
    for option, value in (("charset", "utf8mb4"), ("collate", COLLATION))
}
"""Options of a new table, for connections that may have another default."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A directory of revisions.

    Args:
        folder: The directory that contains `versions/`.
        version_table: Table that stores the current revision.
        owns: Returns whether a table belongs to this tree.
    """

    folder: Path
    version_table: str
    owns: Callable[[str], bool]


PANEL = Tree(
    schema_revision.FOLDER,
    schema_revision.TABLE,
    lambda name: not name.startswith(("mod_", trigrams.PREFIX)),
)


def _options(tree: Tree, **options: Any) -> dict[str, Any]:
    def include(
        _object: object, name: str | None, kind: str, _reflected: bool, _other: object
    ) -> bool:
        if kind == "index":
            return not (name or "").startswith(trigrams.PREFIX)
        return kind != "table" or (
            name is not None
            and name not in (tree.version_table, migration_steps.TABLE.name)
            and tree.owns(name)
        )

    return {
        "version_table": tree.version_table,
        "include_object": include,
        "include_name": lambda name, kind, _: kind != "table" or tree.owns(name or ""),
        "render_as_batch": True,
        "transactional_ddl": True,
        "compare_type": True,
        **options,
    }


def head(tree: Tree = PANEL) -> str | None:
    """Return the latest revision of a tree, or None if it is empty.

    Raises:
        MigrationError: The tree has several heads or a missing revision.
    """
    try:
        return ScriptDirectory(tree.folder).get_current_head()
    except Exception as error:
        raise MigrationError(f"The migrations in {tree.folder} cannot be read: {error}") from error


def current(engine: Engine, tree: Tree = PANEL) -> str | None:
    """Return the revision of the database, or None before the first migration."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection, opts=_options(tree)).get_current_revision()


def knows(revision: str, tree: Tree = PANEL) -> bool:
    """Return whether a tree contains a revision; one of a newer version is unknown.

    Args:
        revision: Of the database.
        tree: The tree.
    """
    return any(
        script.revision == revision for script in ScriptDirectory(tree.folder).walk_revisions()
    )


def pending(engine: Engine, tree: Tree = PANEL) -> bool:
    """Return whether the database needs migrations."""
    return current(engine, tree) != head(tree)


def upgrade(engine: Engine, tree: Tree = PANEL, to: str = "head") -> None:
    """Apply pending migrations up to a revision.

    They run in one transaction if the database supports transactional DDL. In MariaDB, which does
    not, a migration that stopped half way is completed first. Online indexes are created before the
    migrations, and missing trigram indexes after them.

    Raises:
        MigrationError: A migration failed.
    """
    _run(engine, tree, lambda script, revision: script._upgrade_revs(to, revision), online=True)
    if tree is PANEL:
        trigrams.create_missing(engine)


def downgrade(engine: Engine, tree: Tree, to: str = "base") -> None:
    """Revert migrations down to a revision.

    Raises:
        MigrationError: A migration failed.
    """
    if tree is PANEL:
        trigrams.drop(engine)
    _run(engine, tree, lambda script, revision: script._downgrade_revs(to, revision))


def differences(engine: Engine, metadata: sa.MetaData, tree: Tree = PANEL) -> list[Any]:
    """Return the differences between the database and the models, as Alembic detects them."""
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts=_options(tree, target_metadata=metadata)
        )
        return list(compare_metadata(context, metadata))


def _run(
    engine: Engine,
    tree: Tree,
    steps: Callable[[ScriptDirectory, Any], Any],
    *,
    online: bool = False,
) -> None:
    script = ScriptDirectory(tree.folder)
    try:
        stopped = migration_steps.stopped(engine, tree.version_table)
        if stopped:
            _apply(engine, tree, lambda current: _completion(script, stopped, current))
        before = current(engine, tree)
        if online and before:
            modules = (step.revision.module for step in steps(script, before))
            declared = (getattr(module, "ONLINE_INDEXES", {}) for module in modules)
            online_indexes.create_declared(engine, declared)
        _apply(engine, tree, lambda current: steps(script, current))
    except (sa.exc.SQLAlchemyError, RevisionError) as error:
        cause = getattr(error, "orig", None) or error
        raise MigrationError(
            f"The migration in {tree.folder.parent.name} failed: {cause}"
        ) from error


def _completion(script: ScriptDirectory, stopped: migration_steps.Stopped, current: Any) -> Any:
    if stopped.is_upgrade:
        return script._upgrade_revs(stopped.revision, current)
    before: Any = script.get_revision(stopped.revision).down_revision
    return script._downgrade_revs(before or "base", current)


def _apply(engine: Engine, tree: Tree, steps: Callable[[Any], Any]) -> None:
    def numbered(current: Any, context: MigrationContext) -> Any:
        found = steps(current)
        if found and migration_steps.is_needed(engine.dialect.name):
            return migration_steps.Steps(context, tree.version_table).numbered(found)
        return found

    with rebuilding(engine) as connection:
        context = MigrationContext.configure(connection, opts=_options(tree, fn=numbered))
        with Operations.context(context):
            context.run_migrations()


@contextlib.contextmanager
def rebuilding(engine: Engine) -> Iterator[Connection]:
    """Open a transaction in which tables can be rebuilt, which SQLite needs to alter them.

    Yields:
        The connection. On SQLite, foreign keys are not enforced but checked at the end.

    Raises:
        MigrationError: Rows have dangling references; everything was rolled back.
    """
    sqlite = engine.dialect.name == "sqlite"
    with engine.connect() as connection:
        try:
            if sqlite:
                _foreign_keys(connection, on=False)
            with connection.execution_options(panel_write=True).begin():
                _lock(connection)
                _set_collation(connection)
                yield connection
                if sqlite:
                    _check_references(connection)
        finally:
            if sqlite:
                _foreign_keys(connection, on=True)
            _unlock(connection)


def _foreign_keys(connection: Connection, *, on: bool) -> None:
    # A batch migration drops and re-creates tables. With foreign keys on, this would delete the
    # rows that reference them. The pragma has no effect inside a transaction, so it is sent to the
    # driver's connection, which is in autocommit mode.
    raw = connection.connection.dbapi_connection
    assert raw is not None
    raw.execute(f"PRAGMA foreign_keys={'ON' if on else 'OFF'}")


def _check_references(connection: Connection) -> None:
    rows = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if rows:
        raise MigrationError(
            f"The migration leaves {len(rows)} rows with dangling references; it was rolled back."
        )


def _lock(connection: Connection) -> None:
    """Prevent concurrent migrations from several hosts; SQLite's write lock already does."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7461)")
    elif connection.dialect.name in ("mysql", "mariadb"):
        taken = connection.exec_driver_sql("SELECT GET_LOCK('puqpanel_migrate', 600)").scalar()
        if not taken:
            raise MigrationError("Another migration of this database has been running for minutes.")


def _set_collation(connection: Connection) -> None:
    """Make utf8mb4_bin the default of new tables in MariaDB, of modules too.

    With MariaDB's own default, `A@x` equals `a@x` and `é` equals `e`, and a foreign key to a text
    requires the collation of that text.
    """
    if connection.dialect.name in ("mysql", "mariadb"):
        # A connection keeps the default that it has read, so each one may need the statement.
        default = connection.exec_driver_sql("SELECT @@collation_database").scalar()
        if default != COLLATION:
            connection.exec_driver_sql(f"ALTER DATABASE CHARACTER SET utf8mb4 COLLATE {COLLATION}")


def _unlock(connection: Connection) -> None:
    """Release MariaDB's lock, which belongs to the connection; PostgreSQL's ends by itself."""
    if connection.dialect.name in ("mysql", "mariadb"):
        connection.exec_driver_sql("SELECT RELEASE_LOCK('puqpanel_migrate')")
        connection.commit()
