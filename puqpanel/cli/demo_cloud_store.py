"""What the demo cloud knows: accounts and their files in one SQLite file, so that a restart
keeps them.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import secrets
import sqlite3
import threading
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any

GB = 1_000_000_000
MAX_FILE = 5_000_000
PLANS = (
    {"name": "basic", "label": "Basic", "disk_space": 10, "bandwidth": 100},
    {"name": "premium", "label": "Premium", "disk_space": 50, "bandwidth": 500},
    {"name": "enterprise", "label": "Enterprise", "disk_space": 500, "bandwidth": 5000},
)
LOCATIONS = ("eu-west", "eu-central", "us-east")
SCHEMA = """
create table if not exists accounts (
    username text primary key, domain text not null, plan text not null, location text not null,
    state text not null, disk_space integer not null, bandwidth integer not null,
    ip_address text not null, created_at text not null, salt blob, password blob
);
create table if not exists files (
    username text not null references accounts on delete cascade, path text not null,
    folder integer not null, content blob,
    changed_at text not null, primary key (username, path)
);
"""


class Refused(Exception):
    """The request cannot be carried out.

    Args:
        status: HTTP status of the answer.
        message: a sentence.
        fields: field name → what is wrong with it.
    """

    def __init__(self, status: int, message: str, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.fields = dict(fields or {})


class Store:
    """The demo cloud's accounts.

    Args:
        path: the SQLite file, made when missing.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        for statement in (
            "pragma journal_mode=wal",
            "pragma foreign_keys=on",
            *SCHEMA.split(";\n"),
        ):
            self._db.execute(statement)

    def close(self) -> None:
        """Closes the file."""
        self._db.close()

    def accounts(self) -> list[dict[str, Any]]:
        """Every account, by name."""
        with self._lock:
            return [
                _account(row)
                for row in self._db.execute("select * from accounts order by username")
            ]

    def account(self, username: str) -> dict[str, Any]:
        """One account, or a 404."""
        with self._lock:
            row = self._db.execute(
                "select * from accounts where username = ?", (username,)
            ).fetchone()
        if row is None:
            raise Refused(404, f"There is no account named {username}.")
        return _account(row)

    def create(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Makes an account; 422 for bad fields, 409 where the name is taken."""
        plan = _plan(wanted.get("plan"))
        wrong: dict[str, str] = {}
        username, password, domain = (
            str(wanted.get(key) or "") for key in ("username", "password", "domain")
        )
        if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{1,49}", username):
            wrong["username"] = (
                "must be 2 to 50 lower-case letters, digits, dots, dashes or underscores"
            )
        if len(password) < 8:
            wrong["password"] = "must have 8 characters or more"  # noqa: S105 - a sentence
        if not re.fullmatch(
            r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", domain.lower()
        ):
            wrong["domain"] = "must be a domain name"
        location = str(wanted.get("location") or LOCATIONS[0])
        disk, bandwidth = (
            _size(wanted.get(key), plan[key], key, wrong) for key in ("disk_space", "bandwidth")
        )
        if wrong:
            raise Refused(422, "The account cannot be made like this.", wrong)
        salt = secrets.token_bytes(16)
        try:
            with self._lock:
                self._db.execute(
                    "insert into accounts values (?, ?, ?, ?, 'active', ?, ?, ?, ?, ?, ?)",
                    (
                        username,
                        domain.lower(),
                        plan["name"],
                        location,
                        disk,
                        bandwidth,
                        _address(username),
                        _now(),
                        salt,
                        _hash(password, salt),
                    ),
                )
                for path, text in (
                    ("public", None),
                    ("public/index.html", f"<h1>{domain.lower()}</h1>\n"),
                    ("readme.txt", "Welcome.\n"),
                ):
                    self._write(username, path, None if text is None else text.encode())
        except sqlite3.IntegrityError:
            raise Refused(409, f"There is an account named {username} already.") from None
        return self.account(username)

    def set_state(self, username: str, state: str) -> dict[str, Any]:
        """Suspends or wakes an account; the same again is fine."""
        return self._update(username, state=state)

    def set_plan(self, username: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Moves an account to another plan."""
        plan = _plan(wanted.get("plan"))
        wrong: dict[str, str] = {}
        disk, bandwidth = (
            _size(wanted.get(key), plan[key], key, wrong) for key in ("disk_space", "bandwidth")
        )
        if wrong:
            raise Refused(422, "The plan cannot be changed like this.", wrong)
        return self._update(username, plan=plan["name"], disk_space=disk, bandwidth=bandwidth)

    def set_password(self, username: str, password: str) -> dict[str, Any]:
        """Gives an account another password."""
        if len(password) < 8:
            raise Refused(
                422, "The password cannot be used.", {"password": "must have 8 characters or more"}
            )
        salt = secrets.token_bytes(16)
        return self._update(username, salt=salt, password=_hash(password, salt))

    def delete(self, username: str) -> dict[str, Any]:
        """Removes an account and its files."""
        with self._lock:
            account = self.account(username)
            self._db.execute("delete from accounts where username = ?", (username,))
        return {**account, "state": "deleted"}

    def usage(self, username: str, today: date | None = None) -> dict[str, Any]:
        """Disk and bandwidth: the last 30 days, the same numbers for the same account and day
        whenever they are asked for.
        """
        account = self.account(username)
        last = today or datetime.now(UTC).date()
        days = [last - timedelta(days=back) for back in range(29, -1, -1)]
        limit, daily = account["bandwidth"] * GB, account["bandwidth"] * GB // 30
        age = max(0, (last - date.fromisoformat(account["created_at"][:10])).days)
        with self._lock:
            own = self._db.execute(
                "select coalesce(sum(length(content)), 0) from files where username = ?",
                (username,),
            ).fetchone()[0]
        return {
            "disk_bytes": int(
                own
                + account["disk_space"]
                * GB
                * min(0.9, (0.1 + 0.004 * age) * (0.6 + 0.8 * _chance(username)))
            ),
            "disk_limit_bytes": account["disk_space"] * GB,
            "bandwidth_limit_bytes": limit,
            "bandwidth": [
                {
                    "day": day.isoformat(),
                    "bytes": int(daily * 0.9 * _chance(username, day.isoformat())),
                }
                for day in days
            ],
        }

    def read(self, username: str, path: str) -> bytes | dict[str, Any]:
        """A file's bytes, or a folder's entries."""
        path = _path(path)
        with self._lock:
            self._open_account(username)
            if path:
                row = self._db.execute(
                    "select * from files where username = ? and path = ?", (username, path)
                ).fetchone()
                if row is None:
                    raise Refused(404, f"There is nothing at {path}.")
                if not row["folder"]:
                    return bytes(row["content"])
            rows = self._db.execute(
                "select path, folder, length(content) size, changed_at from files where"
                " username = ?",
                (username,),
            )
            inside = [
                row
                for row in rows
                if str(PurePosixPath(row["path"]).parent).removeprefix(".") == path
            ]
        entries = [
            {
                "name": PurePosixPath(row["path"]).name,
                "type": "folder" if row["folder"] else "file",
                "size": row["size"] or 0,
                "changed_at": row["changed_at"],
            }
            for row in sorted(inside, key=lambda row: (not row["folder"], row["path"]))
        ]
        return {"path": path, "entries": entries}

    def write(self, username: str, path: str, content: bytes | None) -> dict[str, Any]:
        """Writes a file (or, without content, makes a folder) in a folder that exists."""
        path = _path(path)
        with self._lock:
            self._open_account(username)
            if not path:
                raise Refused(422, "A name is needed.", {"path": "must not be empty"})
            parent = str(PurePosixPath(path).parent)
            if parent != "." and not isinstance(self.read(username, parent), dict):
                raise Refused(409, f"{parent} is a file.")
            there = self._db.execute(
                "select folder from files where username = ? and path = ?", (username, path)
            ).fetchone()
            if there is not None and (content is None or there["folder"]):
                raise Refused(409, f"There is something at {path} already.")
            self._write(username, path, content)
        return {
            "path": path,
            "type": "folder" if content is None else "file",
            "size": len(content or b""),
        }

    def remove(self, username: str, path: str) -> dict[str, Any]:
        """Removes a file or an empty folder."""
        path = _path(path)
        with self._lock:
            found = self.read(username, path)
            if not path or (isinstance(found, dict) and found["entries"]):
                raise Refused(409, f"The folder {path or '/'} is not empty.")
            self._db.execute("delete from files where username = ? and path = ?", (username, path))
        return {"path": path, "deleted": True}

    def _open_account(self, username: str) -> None:
        if self.account(username)["state"] != "active":
            raise Refused(403, f"The account {username} is suspended.")

    def _update(self, username: str, **values: Any) -> dict[str, Any]:
        with self._lock:
            self.account(username)
            names = ", ".join(f"{name} = ?" for name in values)
            statement = f"update accounts set {names} where username = ?"  # noqa: S608 - names are ours
            self._db.execute(statement, (*values.values(), username))
            return self.account(username)

    def _write(self, username: str, path: str, content: bytes | None) -> None:
        self._db.execute(
            "insert or replace into files values (?, ?, ?, ?, ?)",
            (username, path, content is None, content, _now()),
        )


def _account(row: sqlite3.Row) -> dict[str, Any]:
    # a Row iterates over values
    return {key: row[key] for key in row.keys() if key not in ("salt", "password")}  # noqa: SIM118


def _plan(name: object) -> dict[str, Any]:
    for plan in PLANS:
        if plan["name"] == name:
            return plan
    raise Refused(
        422,
        "There is no such plan.",
        {"plan": "must be one of " + ", ".join(str(plan["name"]) for plan in PLANS)},
    )


def _size(value: object, default: int, name: str, wrong: dict[str, str]) -> int:
    if value in (None, ""):
        return default
    if (
        isinstance(value, bool)
        or not str(value).isdecimal()
        or not 1 <= int(str(value)) <= 1_000_000
    ):
        wrong[name] = "must be a whole number of GB"
        return default
    return int(str(value))


def _path(text: str) -> str:
    parts = [part for part in text.split("/") if part]
    if (
        any(
            part in (".", "..") or len(part) > 200 or any(ord(char) < 32 for char in part)
            for part in parts
        )
        or len(parts) > 20
    ):
        raise Refused(422, "This path cannot be used.", {"path": "has a part that is not a name"})
    return "/".join(parts)


def _chance(*parts: str) -> float:
    return int.from_bytes(hashlib.sha256("|".join(parts).encode()).digest()[:6], "big") / 2**48


def _address(username: str) -> str:
    # a range kept for examples
    return str(ipaddress.IPv4Address("203.0.113.0") + 1 + int(_chance(username, "address") * 250))


def _hash(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=2**12, r=8, p=1)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
