"""Accounts of the demo cloud and their files, in an SQLite database."""

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
MAX_FILE_BYTES = 5_000_000
MIN_PASSWORD_LENGTH = 8
MAX_GB = 1_000_000
TOO_SHORT = f"must have at least {MIN_PASSWORD_LENGTH} characters"
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
    """The request is refused.

    Args:
        status: HTTP status of the response.
        message: A sentence for the response.
        fields: Field name → error.
    """

    def __init__(self, status: int, message: str, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.fields = dict(fields or {})


class Store:
    """Database of accounts and files.

    Args:
        path: The SQLite file; created if missing.
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
        """Close the database."""
        self._db.close()

    def accounts(self) -> list[dict[str, Any]]:
        """Return all accounts, ordered by user name."""
        with self._lock:
            return [
                _account(row)
                for row in self._db.execute("select * from accounts order by username")
            ]

    def account(self, username: str) -> dict[str, Any]:
        """Return an account; 404 if there is none with this name."""
        with self._lock:
            row = self._db.execute(
                "select * from accounts where username = ?", (username,)
            ).fetchone()
        if row is None:
            raise Refused(404, f"No account named {username}.")
        return _account(row)

    def create(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Create an account; 422 for invalid fields, 409 if the user name is taken."""
        plan = _plan(data.get("plan"))
        errors: dict[str, str] = {}
        username, password, domain = (
            str(data.get(key) or "") for key in ("username", "password", "domain")
        )
        if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{1,49}", username):
            errors["username"] = (
                "must be 2 to 50 lowercase letters, digits, dots, hyphens or underscores"
            )
        if len(password) < MIN_PASSWORD_LENGTH:
            errors["password"] = TOO_SHORT
        if not re.fullmatch(
            r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", domain.lower()
        ):
            errors["domain"] = "must be a domain name"
        location = str(data.get("location") or LOCATIONS[0])
        disk, bandwidth = (
            _size(data.get(key), plan[key], key, errors) for key in ("disk_space", "bandwidth")
        )
        if errors:
            raise Refused(422, "Some fields are invalid.", errors)
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
            raise Refused(409, f"An account named {username} already exists.") from None
        return self.account(username)

    def set_state(self, username: str, state: str) -> dict[str, Any]:
        """Set an account to active or suspended; repeating it changes nothing."""
        return self._update(username, state=state)

    def set_plan(self, username: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """Change the plan of an account."""
        plan = _plan(data.get("plan"))
        errors: dict[str, str] = {}
        disk, bandwidth = (
            _size(data.get(key), plan[key], key, errors) for key in ("disk_space", "bandwidth")
        )
        if errors:
            raise Refused(422, "Some fields are invalid.", errors)
        return self._update(username, plan=plan["name"], disk_space=disk, bandwidth=bandwidth)

    def set_password(self, username: str, password: str) -> dict[str, Any]:
        """Change the password of an account."""
        if len(password) < MIN_PASSWORD_LENGTH:
            raise Refused(422, "The password is too short.", {"password": TOO_SHORT})
        salt = secrets.token_bytes(16)
        return self._update(username, salt=salt, password=_hash(password, salt))

    def delete(self, username: str) -> dict[str, Any]:
        """Delete an account and its files."""
        with self._lock:
            account = self.account(username)
            self._db.execute("delete from accounts where username = ?", (username,))
        return {**account, "state": "deleted"}

    def usage(self, username: str, today: date | None = None) -> dict[str, Any]:
        """Return disk usage, and bandwidth by day for the last 30 days.

        The numbers are derived from the account and the day, so they do not change.
        """
        account = self.account(username)
        last = today or datetime.now(UTC).date()
        days = [last - timedelta(days=offset) for offset in range(29, -1, -1)]
        limit, daily = account["bandwidth"] * GB, account["bandwidth"] * GB // 30
        age_days = max(0, (last - date.fromisoformat(account["created_at"][:10])).days)
        with self._lock:
            file_bytes = self._db.execute(
                "select coalesce(sum(length(content)), 0) from files where username = ?",
                (username,),
            ).fetchone()[0]
        growth = (0.1 + 0.004 * age_days) * (0.6 + 0.8 * _fraction(username))
        return {
            "disk_bytes": int(file_bytes + account["disk_space"] * GB * min(0.9, growth)),
            "disk_limit_bytes": account["disk_space"] * GB,
            "bandwidth_limit_bytes": limit,
            "bandwidth": [
                {
                    "day": day.isoformat(),
                    "bytes": int(daily * 0.9 * _fraction(username, day.isoformat())),
                }
                for day in days
            ],
        }

    def read(self, username: str, path: str) -> bytes | dict[str, Any]:
        """Return the content of a file, or the entries of a folder."""
        path = _path(path)
        with self._lock:
            self._open_account(username)
            if path:
                row = self._db.execute(
                    "select * from files where username = ? and path = ?", (username, path)
                ).fetchone()
                if row is None:
                    raise Refused(404, f"No file or folder at {path}.")
                if not row["folder"]:
                    return bytes(row["content"])
            rows = self._db.execute(
                "select path, folder, length(content) size, changed_at from files where"
                " username = ?",
                (username,),
            )
            children = [
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
            for row in sorted(children, key=lambda row: (not row["folder"], row["path"]))
        ]
        return {"path": path, "entries": entries}

    def write(self, username: str, path: str, content: bytes | None) -> dict[str, Any]:
        """Write a file, or create a folder if `content` is None; the parent must exist."""
        path = _path(path)
        with self._lock:
            self._open_account(username)
            if not path:
                raise Refused(422, "The path is empty.", {"path": "must not be empty"})
            parent = str(PurePosixPath(path).parent)
            if parent != "." and not isinstance(self.read(username, parent), dict):
                raise Refused(409, f"{parent} is a file.")
            existing = self._db.execute(
                "select folder from files where username = ? and path = ?", (username, path)
            ).fetchone()
            if existing is not None and (content is None or existing["folder"]):
                raise Refused(409, f"{path} already exists.")
            self._write(username, path, content)
        return {
            "path": path,
            "type": "folder" if content is None else "file",
            "size": len(content or b""),
        }

    def remove(self, username: str, path: str) -> dict[str, Any]:
        """Delete a file or an empty folder."""
        path = _path(path)
        with self._lock:
            content = self.read(username, path)
            if not path or (isinstance(content, dict) and content["entries"]):
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
            statement = f"update accounts set {names} where username = ?"  # noqa: S608 - the names are literals
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
        "No such plan.",
        {"plan": "must be one of " + ", ".join(str(plan["name"]) for plan in PLANS)},
    )


def _size(value: object, default: int, name: str, errors: dict[str, str]) -> int:
    if value in (None, ""):
        return default
    text = str(value)
    if isinstance(value, bool) or not text.isdecimal() or not 1 <= int(text) <= MAX_GB:
        errors[name] = "must be a whole number of GB"
        return default
    return int(text)


def _path(text: str) -> str:
    parts = [part for part in text.split("/") if part]
    valid = all(
        part not in (".", "..") and len(part) <= 200 and all(ord(char) >= 32 for char in part)
        for part in parts
    )
    if not valid or len(parts) > 20:
        raise Refused(422, "The path is invalid.", {"path": "is not a valid path"})
    return "/".join(parts)


def _fraction(*parts: str) -> float:
    """Return a pseudo-random number from 0 to 1 derived from the parts."""
    return int.from_bytes(hashlib.sha256("|".join(parts).encode()).digest()[:6], "big") / 2**48


def _address(username: str) -> str:
    offset = 1 + int(_fraction(username, "address") * 250)
    return str(ipaddress.IPv4Address("203.0.113.0") + offset)  # reserved for documentation


def _hash(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=2**12, r=8, p=1)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
