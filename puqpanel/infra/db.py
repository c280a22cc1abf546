"""The database: one engine per process and URL, sessions and transactions.

On SQLite, write transactions use BEGIN IMMEDIATE and read transactions BEGIN: upgrading a read to a
write transaction fails with "database is locked" under load, and making every transaction immediate
would block readers.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

import sqlalchemy as sa
import structlog
from flask import has_app_context
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event
from sqlalchemy.engine import Dialect, Engine
from sqlalchemy.exc import IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Session, scoped_session

from puqpanel.domain import texts
from puqpanel.domain.errors import NotFoundError, UserError
from puqpanel.domain.texts import Text
from puqpanel.infra import text_search

log = structlog.get_logger(__name__)
Row = TypeVar("Row")
P = ParamSpec("P")
R = TypeVar("R")

DEADLOCKS = ("40P01", "40001")
"""SQL states of a deadlock: of PostgreSQL, and of the standard, which MariaDB uses."""
DEADLOCK_TRIES = 5
POOL_TIMEOUT = 5
"""Seconds to wait for a connection while all of the pool are in use."""
CONNECT_TIMEOUT = 5
_engines: dict[tuple[str, int], Engine] = {}

NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Model(DeclarativeBase):
    """Base class of the panel's own models."""

    metadata = sa.MetaData(naming_convention=NAMING)


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """Aware datetime, stored as naive UTC with microseconds on every database."""

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        """Return the column type of a dialect; MySQL's types are imported on MySQL only."""
        if dialect.name not in ("mysql", "mariadb"):
            return super().load_dialect_impl(dialect)
        from sqlalchemy.dialects.mysql import DATETIME

        return dialect.type_descriptor(DATETIME(fsp=6))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert an aware datetime for the database."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive time cannot be stored; use infra.clock.now()")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert a datetime from the database."""
        return None if value is None else value.replace(tzinfo=UTC)


class ExactDecimal(sa.types.TypeDecorator[Decimal]):
    """Decimal with up to 10 digits before and after the point; text on SQLite, which has none."""

    impl = sa.Numeric(20, 10)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        """Return the column type on a database."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(sa.String(22))
        return dialect.type_descriptor(sa.Numeric(20, 10))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """Convert a number for the database."""
        return f"{value:f}" if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """Convert a number from the database, without trailing zeros."""
        return None if value is None else Decimal(f"{Decimal(value).normalize():f}")


class StoredText(sa.types.TypeDecorator[Text]):
    """A translatable text; text that is not the panel's is stored and shown as it is."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Text | str | None, dialect: Dialect) -> str | None:
        """Return the text with its values, untranslated."""
        return None if value is None else texts.packed(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Text | None:
        """Return the text."""
        return None if value is None else texts.unpacked(value)


def engine_for(url: str) -> Engine:
    """Return this process's engine for a URL; a forked child gets its own.

    Args:
        url: SQLAlchemy URL, including the password.
    """
    key = (url, os.getpid())
    if key not in _engines:
        _engines[key] = _make_engine(url)
    return _engines[key]


def dispose_engines(*, close: bool = True) -> None:
    """Dispose of every connection pool.

    Args:
        close: Close the connections. Pass False in a forked child, which shares the parent's
            sockets.
    """
    for engine in _engines.values():
        engine.dispose(close=close)


def adopt_engines() -> None:
    """Reuse the parent's engines after a fork, with their caches but without connections."""
    for (url, _pid), engine in list(_engines.items()):
        engine.dispose(close=False)
        _engines[(url, os.getpid())] = engine


def _make_engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        options: dict[str, Any] = {
            "pool_pre_ping": True,
            "pool_recycle": 1800,
            "pool_timeout": POOL_TIMEOUT,
            "connect_args": {"connect_timeout": CONNECT_TIMEOUT},
        }
        if url.startswith("postgresql"):
            # Behind a transaction pooler, a prepared statement may be unknown to the next server.
            options["connect_args"]["prepare_threshold"] = None
        else:
            # With REPEATABLE READ, a snapshot would hide rows that others have just committed from
            # the reads after a conditional UPDATE.
            options["isolation_level"] = "READ COMMITTED"
            options["connect_args"]["charset"] = "utf8mb4"  # also if the URL has another one
        engine = sa.create_engine(url, **options)
        if url.startswith("postgresql"):
            text_search.use_icu(engine)
        return engine
    engine = sa.create_engine(url, pool_timeout=POOL_TIMEOUT)

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        # SQLite's own folds ASCII only, so that a search for łódź would not find ŁÓDŹ
        connection.create_function("lower", 1, _lower, deterministic=True)
        cursor = connection.cursor()
        for pragma in (
            "busy_timeout=15000",
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "foreign_keys=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("panel_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


class Database(SQLAlchemy):
    """Flask-SQLAlchemy with engines that are shared by consecutive apps of a process."""

    def _make_engine(self, bind_key: str | None, options: dict[str, Any], app: Any) -> Engine:
        return engine_for(str(app.config["SQLALCHEMY_DATABASE_URI"]))


db = Database(model_class=Model, session_options={"expire_on_commit": False})


def session() -> Session:
    """Return the session of the current app context; writing requires `transaction()`."""
    return cast("scoped_session[Session]", db.session).registry()


def has_session() -> bool:
    """Return whether there is an app context, and so a session."""
    return has_app_context()


def find(query: sa.Select[Row], missing: Text | str) -> Row:
    """Return the first row of a query, inside a transaction as it is in the database now.

    Raises:
        NotFoundError: There is none; `missing` is the message.
    """
    if in_transaction():
        query = query.execution_options(populate_existing=True)
    row = session().scalar(query)
    if row is None:
        raise NotFoundError(missing)
    return row


def save(row: Row, taken: UserError | None = None) -> Row:
    """Add a row to the session, write it and return it with its key; requires `transaction()`.

    Args:
        row: the row.
        taken: raised if a unique key of it is in use, by a row that another transaction wrote since
            the caller looked.
    """
    session().add(row)
    try:
        session().flush()
    except IntegrityError as error:
        if taken is None or not is_taken(error):
            raise
        raise taken from error
    return row


def is_taken(error: IntegrityError) -> bool:
    """Return whether a unique key was in use, rather than, say, a referenced row missing."""
    cause: Any = error.orig
    if session().get_bind().dialect.name == "postgresql":
        return bool(cause.sqlstate == "23505")
    if session().get_bind().dialect.name == "sqlite":
        return cause.sqlite_errorname in (
            "SQLITE_CONSTRAINT_UNIQUE",
            "SQLITE_CONSTRAINT_PRIMARYKEY",
        )
    return bool(cause.args[0] == 1062)


def in_transaction() -> bool:
    """Return whether a `transaction()` is open."""
    return bool(session().info.get("depth"))


def release() -> None:
    """End the read transaction before something slow; loaded objects stay usable."""
    current = session()
    if not current.info.get("depth") and current.in_transaction():
        current.commit()


def end_session() -> None:
    """Drop the session after a failure of the database; the next use gets a new connection."""
    with contextlib.suppress(SQLAlchemyError):
        db.session.remove()


@contextlib.contextmanager
def transaction() -> Iterator[Session]:
    """Open a write transaction, or a savepoint inside another one.

    Also a decorator: `@transaction()` runs a whole function in one. Commits at the end and rolls
    back on any exception. Functions passed to `after_commit` run after the outermost commit.

    Yields:
        The session.
    """
    current = session()
    info = current.info
    if info.get("depth"):
        with _savepoint(current):
            yield current
        return
    if current.in_transaction():
        current.commit()  # end the read snapshot, to see the current rows
    current.connection(execution_options={"panel_write": True})
    info["depth"], info["after"] = 1, []
    try:
        yield current
        current.commit()
        after: list[Callable[[], object]] = info["after"]
    except BaseException:
        current.rollback()
        raise
    finally:
        info["depth"], info["after"] = 0, []
    for hook in after:
        try:
            hook()
        except Exception:
            log.exception("after-commit hook failed")


@contextlib.contextmanager
def _savepoint(current: Session) -> Iterator[None]:
    info = current.info
    hooks = len(info["after"])
    info["depth"] += 1
    try:
        with current.begin_nested():
            yield
    except BaseException:
        del info["after"][hooks:]
        raise
    finally:
        info["depth"] -= 1


def retry_deadlocks(function: Callable[P, R]) -> Callable[P, R]:
    """Repeat a function whose transaction was chosen as the victim of a deadlock.

    Put it above `@transaction()`. Inside another transaction, the error passes through, because
    the database has rolled back all of it.
    """

    @wraps(function)
    def run(*args: P.args, **options: P.kwargs) -> R:
        for _attempt in range(DEADLOCK_TRIES - 1):
            try:
                return function(*args, **options)
            except OperationalError as error:
                state = getattr(error.orig, "sqlstate", None)
                if state not in DEADLOCKS or session().info.get("depth"):
                    raise
        return function(*args, **options)

    return run


def write(statement: sa.Update | sa.Delete) -> int:
    """Run an UPDATE or DELETE in a transaction and return the number of rows.

    Objects that are loaded already keep their values.
    """
    with transaction() as current:
        result = current.execute(statement, execution_options={"synchronize_session": False})
        return cast("sa.CursorResult[Any]", result).rowcount


def after_commit(hook: Callable[[], object]) -> None:
    """Run `hook` after the outermost transaction commits, or immediately outside one.

    A rolled-back savepoint drops its hooks.
    """
    info = session().info
    if info.get("depth"):
        info["after"].append(hook)
    else:
        hook()


@event.listens_for(Session, "before_flush")
def _writes_need_transaction(current: Session, _context: object, _instances: object) -> None:
    if (
        "panel" in current.info.get("kind", "panel")
        and not current.info.get("depth")
        and (current.new or current.dirty or current.deleted)
    ):
        raise RuntimeError("database write outside transaction()")
