"""Continue a migration that stopped half way in MariaDB, which commits at each DDL statement.

The number of each DDL statement of a revision is written to a table before the statement, which
commits it together with all changes before. So a later run leaves out the statements before that
one and repeats only it, which may have been executed or not. Digests tell whether the revision
still has the same statements. Other databases roll a failed migration back as a whole.

Only what a revision does with `op` is numbered. Changes that it makes with its connection are made
again, so they must give the same result when they are repeated.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext, RevisionStep
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.schema import ExecutableDDLElement

from puqpanel.domain.errors import PanelError

TABLE = sa.Table(
    "alembic_steps",
    sa.MetaData(),
    sa.Column("version_table", sa.String(100), primary_key=True),
    sa.Column("revision", sa.String(100), nullable=False),
    sa.Column("is_upgrade", sa.Boolean, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("before", sa.String(64), nullable=False),
    sa.Column("statement", sa.String(64), nullable=False),
)
_DDL = ("ALTER", "CREATE", "DROP", "RENAME", "TRUNCATE")
_DONE = frozenset({1005, 1022, 1050, 1051, 1054, 1060, 1061, 1068, 1091, 1146, 1826})
"""Errors of a DDL statement that was executed already: the table exists, and so on."""


class MigrationError(PanelError):
    """Migrations cannot be read, or one failed."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """A revision that stopped half way, and the DDL statement before or after which it did.

    Args:
        revision: The revision.
        is_upgrade: False if it was being reverted.
        number: Number of the statement among those of the revision.
        before: Digest of the statements before it.
        statement: Digest of the statement; empty if it failed, so that it was not executed.
    """

    revision: str
    is_upgrade: bool
    number: int
    before: str
    statement: str


def is_needed(dialect: str) -> bool:
    """Return whether a database commits at each DDL statement."""
    return dialect in ("mysql", "mariadb")


def stopped(engine: Engine, version_table: str) -> Stopped | None:
    """Return the revision of a tree that stopped half way, or None."""
    if not is_needed(engine.dialect.name):
        return None
    with engine.connect() as connection:
        return _read(connection, version_table)


def _read(connection: Connection, version_table: str) -> Stopped | None:
    if not sa.inspect(connection).has_table(TABLE.name):
        return None
    columns = [column for column in TABLE.columns if column.name != "version_table"]
    row = connection.execute(
        sa.select(*columns).where(TABLE.c.version_table == version_table)
    ).one_or_none()
    return None if row is None else Stopped(*row)


class Steps:
    """Numbers the statements of revisions, and leaves out those that are done.

    Args:
        context: The context in which the revisions are run.
        version_table: The version table of the tree.
    """

    def __init__(self, context: MigrationContext, version_table: str) -> None:
        assert context.connection is not None
        self.connection = context.connection
        self.version_table = version_table
        self.stopped: Stopped | None = None
        self.revision: tuple[str, bool] = ("", True)
        self.number = 0
        self.digest = ""
        self._execute = context.impl._exec
        context.impl._exec = self._run_statement  # type: ignore[method-assign]

    def numbered(self, steps: Iterable[RevisionStep]) -> Iterator[RevisionStep]:
        """Yield each revision to run, and forget its statements when it is complete.

        Raises:
            MigrationError: Another revision has to be completed first.
        """
        TABLE.create(self.connection, checkfirst=True)
        self.stopped = _read(self.connection, self.version_table)
        mine = TABLE.c.version_table == self.version_table
        for step in steps:
            self.revision = (step.revision.revision, step.is_upgrade)
            self.number, self.digest = 0, ""
            last = self.stopped
            if last and (last.revision, last.is_upgrade) != self.revision:
                raise MigrationError(f"The migration {last.revision} is not complete.")
            yield step
            self.stopped = None
            self.connection.execute(TABLE.delete().where(mine))  # together with the new version
        if not self.connection.scalar(sa.select(sa.func.count()).select_from(TABLE)):
            TABLE.drop(self.connection)

    def _run_statement(self, construct: Any, *args: Any, **options: Any) -> Any:
        number, before, last = self.number, self.digest, self.stopped
        statement = self._digest(construct)
        self.number += 1
        self.digest = hashlib.sha256(f"{before}{statement}".encode()).hexdigest()
        if last and number < last.number:
            return None
        if last and number == last.number and before != last.before:
            raise MigrationError(
                f"The migration {last.revision} stopped half way, and its file was changed since."
                " Restore the file. Or undo by hand what it has done so far, and delete the row"
                f" of {self.version_table} from {TABLE.name}."
            )
        if not _is_ddl(construct):
            return self._execute(construct, *args, **options)
        repeated = last is not None and number == last.number
        if not repeated:
            self._write(Stopped(*self.revision, number, before, statement))
        try:
            return self._execute(construct, *args, **options)
        except sa.exc.DBAPIError as error:
            if error.connection_invalidated:
                raise  # the statement may have been executed
            if not repeated:
                self._write(Stopped(*self.revision, number, before, ""))
                self.connection.exec_driver_sql("COMMIT")
            elif last and statement == last.statement and _code(error) in _DONE:
                return None
            raise

    def _digest(self, construct: Any) -> str:
        text = (
            construct
            if isinstance(construct, str)
            else str(construct.compile(dialect=self.connection.dialect))
        )
        return hashlib.sha256(text.encode()).hexdigest()

    def _write(self, state: Stopped) -> None:
        values = {name: getattr(state, name) for name in Stopped.__slots__}
        mine = TABLE.c.version_table == self.version_table
        if not self.connection.execute(TABLE.update().where(mine).values(values)).rowcount:
            self.connection.execute(
                TABLE.insert().values(version_table=self.version_table, **values)
            )


def _code(error: sa.exc.DBAPIError) -> Any:
    return error.orig.args[0] if error.orig is not None and error.orig.args else None


def _is_ddl(construct: Any) -> bool:
    if isinstance(construct, ExecutableDDLElement):
        return True
    return str(construct).lstrip().upper().startswith(_DDL)
