"""The module's own tables: declarative models, `session` and `transaction()`.

A module's tables have a MetaData of their own. They refer to the panel's tables through the columns
`service_uuid` and `client_uuid`; rows of the panel never reach a module.
"""

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Self

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Session

from puqpanel.domain.errors import UserError
from puqpanel.host import context, importer
from puqpanel.infra import db as panel
from puqpanel.infra.db import NAMING, UtcDateTime
from puqpanel.models.accounts.clients import Client
from puqpanel.models.provisioning.services import Service
from puqpanel.sdk.errors import SchemaError
from puqpanel.tasks import fence

__all__ = [
    "DeclarativeBase",
    "Tables",
    "UtcDateTime",
    "client_uuid",
    "declarative_base",
    "service_uuid",
    "session",
    "transaction",
]

service_uuid: Any = Service.__table__.c.uuid
client_uuid: Any = Client.__table__.c.uuid


class Tables:
    """A mixin for the module's declarative base: `class Base(db.Tables, db.DeclarativeBase): pass`.

    Adds the module's prefix to table names, and to foreign keys that name the module's own tables.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        if DeclarativeBase in cls.__bases__:
            cls._prefix = cls.__dict__.get("_prefix") or _prefix_of(cls.__module__)
            if "metadata" not in cls.__dict__:
                cls.metadata = sa.MetaData(naming_convention=NAMING)  # type: ignore[attr-defined]
        else:
            _prefix_names(cls, cls._prefix)
        super().__init_subclass__(**options)

    _prefix: ClassVar[str]


def declarative_base() -> Any:
    """Return a declarative base for the module's models; call it once, in a file of the module.

    Use `Tables` instead if a type checker should know the base.

        Base = db.declarative_base()

        class Server(Base):
            __tablename__ = "servers"
            id = sa.Column(sa.Integer, primary_key=True)
            service_uuid = sa.Column(sa.ForeignKey(db.service_uuid))

    Raises:
        SchemaError: called by code outside a module.
    """
    caller = sys._getframe(1).f_globals.get("__name__", "")
    # defined in the module's file, so that unloading the module disposes of the mappings
    attributes = {"__module__": caller, "_prefix": _prefix_of(caller)}
    return type("Base", (Tables, DeclarativeBase), attributes)


def _prefix_of(module_path: str) -> str:
    package = importer.package_of(module_path)
    if package:
        return context.table_prefix(*package.split(".")[1:3])
    call = context.current()
    if call is None:
        raise SchemaError("A declarative base can only be created in a file of a module.")
    return call.prefix


def _prefix_names(cls: type, prefix: str) -> None:
    name = cls.__dict__.get("__tablename__")
    if isinstance(name, str) and not name.startswith(prefix):
        cls.__tablename__ = f"{prefix}{name}"  # type: ignore[attr-defined]
    for value in list(vars(cls).values()):
        column = getattr(value, "column", value)
        for key in getattr(column, "foreign_keys", None) or ():
            # names are resolved later, so the prefix can still be added; a column object already
            # has its table
            named = getattr(key, "_table_column", None) is None and getattr(
                key, "_given_tokens", None
            )
            if (
                named
                and named.schema is None
                and named.table_name
                and not named.table_name.startswith(prefix)
            ):
                key._given_tokens = named._replace(table_name=f"{prefix}{named.table_name}")


@contextlib.contextmanager
def transaction() -> Iterator[Session]:
    """Open a transaction; inside another one, a savepoint.

    Commits at the end of the block, and rolls back if it raises. In a task the lease is checked
    first, so that a task that lost it writes nothing.
    """
    with panel.transaction() as current:
        fence.check()
        yield current


class _ModuleSession:
    """The SQLAlchemy session of the current call.

    Reads need no transaction. A write outside `transaction()` opens one that `commit()` ends; it is
    rolled back if the call ends without a commit. `with db.session() as session:` rolls back at the
    end of the block instead.
    """

    def add(self, row: Any) -> None:
        """Add a row."""
        self._begin()
        panel.session().add(row)

    def add_all(self, rows: Any) -> None:
        """Add rows."""
        self._begin()
        panel.session().add_all(rows)

    def delete(self, row: Any) -> None:
        """Delete a row."""
        self._begin()
        panel.session().delete(row)

    def merge(self, row: Any) -> Any:
        """Copy a row's values into the session."""
        self._begin()
        return panel.session().merge(row)

    def execute(self, statement: Any, *args: Any, **kwargs: Any) -> Any:
        """Execute a statement."""
        if not getattr(statement, "is_select", False):
            self._begin()
        return panel.session().execute(statement, *args, **kwargs)

    def flush(self) -> None:
        """Send pending changes to the database."""
        self._begin()
        panel.session().flush()

    def commit(self) -> None:
        """Commit what was written since the last commit.

        Raises:
            UserError: called inside `transaction()`, whose block commits.
        """
        if not self._open():
            if panel.in_transaction():
                raise UserError(
                    "db.session.commit() was called inside db.transaction(), whose block commits."
                )
            # only attributes were changed: open the write transaction around them
            self._begin()
        panel.session().info.pop("module_transaction")(True)

    def rollback(self) -> None:
        """Roll back what was written since the last commit."""
        close = panel.session().info.pop("module_transaction", None)
        if close is not None:
            close(False)
        elif not panel.in_transaction():
            panel.session().rollback()

    def __call__(self) -> "_ModuleSession":
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.rollback()

    def begin(self) -> contextlib.AbstractContextManager[Session]:
        """Open a transaction; the same as `transaction()`."""
        return transaction()

    def _open(self) -> bool:
        return "module_transaction" in panel.session().info

    def _begin(self) -> None:
        current = panel.session()
        if panel.in_transaction():
            return
        # opening a write transaction ends the read snapshot, which would flush earlier changes
        changed = list(current.dirty)
        current.info["kind"] = "module" if changed else "panel"
        opened = transaction()
        try:
            opened.__enter__()
        finally:
            current.info.pop("kind", None)
        current.info["module_transaction"] = _closer(opened)

    def __getattr__(self, name: str) -> Any:
        return getattr(panel.session(), name)


class _Undo(Exception):
    """Rolls a transaction back."""


def _closer(opened: Any) -> Callable[[bool], None]:
    def close(keep: bool) -> None:
        if keep:
            opened.__exit__(None, None, None)
            return
        undo = _Undo()
        with contextlib.suppress(_Undo):
            opened.__exit__(_Undo, undo, None)

    return close


session = _ModuleSession()
