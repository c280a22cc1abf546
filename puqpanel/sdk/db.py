"""The module's own tables: models with `declarative_base()`, `session`, `transaction()`, and `DB`
as the texts write it.

A module's tables have a MetaData of their own and refer to the panel's through `service_uuid` and
`client_uuid`, the columns themselves; rows of the panel never reach a module.
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
    """What makes a declarative base a module's: `class Base(db.Tables, db.DeclarativeBase): pass`.

    Table names get the module's prefix, written or not, also where a foreign key names one of the
    module's own tables.
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
    """A base for the module's models; call it once, in a file of the module.

    `Tables` is the same for type checkers.

    Raises: SchemaError when code outside a module calls it.
    """
    where = sys._getframe(1).f_globals.get("__name__", "")
    # Its file is the module's, so that unloading the module disposes of the mappings.
    return type(
        "Base", (Tables, DeclarativeBase), {"__module__": where, "_prefix": _prefix_of(where)}
    )


def _prefix_of(where: str) -> str:
    package = importer.package_of(where)
    if package:
        return context.table_prefix(*package.split(".")[1:3])
    call = context.current()
    if call is None:
        raise SchemaError("A declarative base is for the files of a module.")
    return call.prefix


def _prefix_names(cls: type, prefix: str) -> None:
    name = cls.__dict__.get("__tablename__")
    if isinstance(name, str) and not name.startswith(prefix):
        cls.__tablename__ = f"{prefix}{name}"  # type: ignore[attr-defined]
    for value in list(vars(cls).values()):
        column = getattr(value, "column", value)
        for key in getattr(column, "foreign_keys", None) or ():
            # Names are resolved later, so they can still be completed; a column object already says
            # its table.
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
    """Writes what happens inside, all or nothing; inside another it is a savepoint.

    In a job the fence is checked first.
    """
    with panel.transaction() as current:
        fence.check()
        yield current


class _ModuleSession:
    """The session of the running call.

    Reading needs nothing. A write outside `transaction()` opens one that `commit()` ends; what is
    left open when the call ends is rolled back. `with db.session() as session:` is the same, with
    that end at the block's.
    """

    def add(self, row: Any) -> None:
        """Adds a row."""
        self._begin()
        panel.session().add(row)

    def add_all(self, rows: Any) -> None:
        """Adds rows."""
        self._begin()
        panel.session().add_all(rows)

    def delete(self, row: Any) -> None:
        """Removes a row."""
        self._begin()
        panel.session().delete(row)

    def merge(self, row: Any) -> Any:
        """Brings a row's values into the session."""
        self._begin()
        return panel.session().merge(row)

    def execute(self, statement: Any, *args: Any, **kwargs: Any) -> Any:
        """Runs a statement."""
        if not getattr(statement, "is_select", False):
            self._begin()
        return panel.session().execute(statement, *args, **kwargs)

    def flush(self) -> None:
        """Sends what is pending."""
        self._begin()
        panel.session().flush()

    def commit(self) -> None:
        """Keeps what was written since the last one."""
        if not self._open():
            if panel.in_transaction():
                raise UserError(
                    "db.session.commit() inside db.transaction(): the end of the block commits."
                )
            # Changed attributes only; the write transaction has to open around them.
            self._begin()
        panel.session().info.pop("module_transaction")(True)

    def rollback(self) -> None:
        """Undoes what was written since the last commit."""
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
        """As `transaction()`."""
        return transaction()

    def _open(self) -> bool:
        return "module_transaction" in panel.session().info

    def _begin(self) -> None:
        current = panel.session()
        if panel.in_transaction():
            return
        # Opening a write transaction ends the read snapshot, which would flush what was changed
        # already.
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
    """Leaves a transaction without keeping it."""


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
