"""Errors of a database that cannot be used for a while, as opposed to errors in a statement."""

from __future__ import annotations

import errno
import sqlite3
from enum import StrEnum
from typing import Any

import sqlalchemy as sa


class Outage(StrEnum):
    """Why the database cannot be used."""

    AWAY = "unavailable"
    BUSY = "busy"
    READ_ONLY = "read-only"
    FULL = "full"


_SQLITE = {
    sqlite3.SQLITE_BUSY: Outage.BUSY,
    sqlite3.SQLITE_LOCKED: Outage.BUSY,
    sqlite3.SQLITE_READONLY: Outage.READ_ONLY,
    sqlite3.SQLITE_FULL: Outage.FULL,
    sqlite3.SQLITE_IOERR: Outage.AWAY,
    sqlite3.SQLITE_CANTOPEN: Outage.AWAY,
    sqlite3.SQLITE_NOMEM: Outage.AWAY,
}
_POSTGRESQL = {
    "25006": Outage.READ_ONLY,  # also a standby server
    "40001": Outage.BUSY,
    "40P01": Outage.BUSY,  # a deadlock
    "53100": Outage.FULL,
    "53300": Outage.BUSY,  # too many connections
    "55P03": Outage.BUSY,  # a lock timeout
    "57014": Outage.BUSY,  # a statement timeout
}
_POSTGRESQL_CLASSES = {"08": Outage.AWAY, "53": Outage.FULL, "57": Outage.AWAY, "58": Outage.AWAY}
_MARIADB = {
    **dict.fromkeys((1040, 1203, 1205, 1213, 1226, 1637, 3024), Outage.BUSY),
    **dict.fromkeys((1290, 1792, 1836), Outage.READ_ONLY),
    **dict.fromkeys((3, 28, 1021, 1026, 1030, 1114), Outage.FULL),
    **dict.fromkeys((0, 1044, 1045, 1049, 1053, 1079, 1129, 1152, 1927, 4031), Outage.AWAY),
    **dict.fromkeys((1158, 1159, 1160, 1161), Outage.AWAY),
}
_CLIENT_ERRORS = range(2000, 3000)
_FULL_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def outage(error: BaseException | None) -> Outage | None:
    """Return the outage that an exception reports, or None if it is another error.

    Args:
        error: Of SQLAlchemy, or of writing a file to a full or read-only disk.
    """
    if isinstance(error, sa.exc.TimeoutError):  # every connection of the pool is in use
        return Outage.BUSY
    if isinstance(error, sa.exc.PendingRollbackError):
        return Outage.AWAY if error.code == "8s2b" else None  # the connection was lost earlier
    if isinstance(error, sa.exc.DBAPIError):
        return _of_driver(error.orig) or (Outage.AWAY if error.connection_invalidated else None)
    if isinstance(error, OSError):
        if error.errno in _FULL_DISK:
            return Outage.FULL
        return Outage.READ_ONLY if error.errno == errno.EROFS else None
    return outage(error.__cause__) if error is not None else None


def _of_driver(error: Any) -> Outage | None:
    if isinstance(error, sqlite3.Error):
        return _SQLITE.get((getattr(error, "sqlite_errorcode", None) or 0) & 0xFF)
    kind = type(error).__name__
    if hasattr(error, "sqlstate") and not type(error).__module__.startswith("pymysql"):
        state = error.sqlstate
        if state is None:  # the server did not answer
            return Outage.AWAY if kind in ("OperationalError", "ConnectionTimeout") else None
        return _POSTGRESQL.get(state) or _POSTGRESQL_CLASSES.get(state[:2])
    code = error.args[0] if getattr(error, "args", ()) else None
    if kind == "InterfaceError":
        return Outage.AWAY
    if not isinstance(code, int):
        return None
    return Outage.AWAY if code in _CLIENT_ERRORS else _MARIADB.get(code)
