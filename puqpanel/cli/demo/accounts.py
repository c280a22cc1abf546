"""Accounts of the demo cloud and their files, in an SQLite database."""

from __future__ import annotations

import hashlib
import ipaddress
import re
import sqlite3
import threading
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any

from werkzeug.exceptions import HTTPException

GB = 1_000_000_000
PLANS = (
    {"name": "basic", "label": "Basic", "disk_space": 10, "bandwidth": 100},
    {"name": "premium", "label": "Premium", "disk_space": 50, "bandwidth": 500},
    {"name": "enterprise", "label": "Enterprise", "disk_space": 500, "bandwidth": 5000},
)
LOCATIONS = ("eu-west", "eu-central", "us-east")
FIELDS = {
    "username": (
        r"[a-z0-9][a-z0-9._-]{1,49}",
        "must be 2 to 50 lowercase letters, digits, dots, hyphens or underscores",
    ),
    "password": (r"(?s).{8,}", "must have at least 8 characters"),
    "domain": (
        r"(?i)(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}",
        "must be a domain name",
    ),
    "disk_space": (r"[1-9][0-9]{0,5}", "must be a whole number of GB"),
    "bandwidth": (r"[1-9][0-9]{0,5}", "must be a whole number of GB"),
}
"""Field of a request → pattern of valid values, and the error for other ones."""
SCHEMA = """
pragma journal_mode=wal;
pragma foreign_keys=on;
create table if not exists accounts (
    username text primary key, domain text not null, plan text not null, location text not null,
    state text not null, disk_space integer not null, bandwidth integer not null,
    ip_address text not null, created_at text not null
);
create table if not exists files (
    username text not null references accounts on delete cascade, path text not null,
    folder integer not null, content blob,
    changed_at text not null, primary key (username, path)
);
"""


class Refused(HTTPException):
    """The request is refused.

    Args:
        status: HTTP status of the response.
        message: A sentence for the response.
        fields: Field name → error.
    """

    def __init__(self, status: int, message: str, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.code = status
        self.fields = fields


class Store:
    """Database of accounts and files. Passwords are checked but not stored: nobody signs in.

    Args:
        path: The SQLite file; created if missing.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def accounts(self) -> list[dict[str, Any]]:
        """Return all accounts, ordered by user name."""
        rows = self._execute(
            "select username, domain, plan, location, state, disk_space, bandwidth, ip_address,"
            " created_at from accounts order by username"
        )
        return [dict(row) for row in rows]

    def account(self, username: str) -> dict[str, Any]:
        """Return an account; 404 if there is none with this name."""
        for account in self.accounts():
            if account["username"] == username:
                return account
        raise Refused(404, f"No account named {username}.")

    def create(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Create an account; 422 for invalid fields, 409 if the user name is taken."""
        fields = _checked(_with_plan(data), *FIELDS)
        username, domain = fields["username"], fields["domain"].lower()
        try:
            self._execute(
                "insert into accounts (username, domain, plan, location, state, disk_space,"
                " bandwidth, ip_address, created_at) values (?, ?, ?, ?, 'active', ?, ?, ?, ?)",
                username,
                domain,
                data["plan"],
                str(data.get("location") or LOCATIONS[0]),
                int(fields["disk_space"]),
                int(fields["bandwidth"]),
                _address(username),
                _now(),
            )
        except sqlite3.IntegrityError:
            raise Refused(409, f"An account named {username} already exists.") from None
        self._write(username, "public", None)
        self._write(username, "public/index.html", f"<h1>{domain}</h1>\n".encode())
        self._write(username, "readme.txt", b"Welcome.\n")
        return self.account(username)

    def set_state(self, username: str, state: str) -> dict[str, Any]:
        """Set an account to active or suspended; repeating it changes nothing."""
        self._execute("update accounts set state = ? where username = ?", state, username)
        return self.account(username)

    def set_plan(self, username: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """Change the plan of an account."""
        sizes = _checked(_with_plan(data), "disk_space", "bandwidth")
        self._execute(
            "update accounts set plan = ?, disk_space = ?, bandwidth = ? where username = ?",
            data["plan"],
            int(sizes["disk_space"]),
            int(sizes["bandwidth"]),
            username,
        )
        return self.account(username)

    def set_password(self, username: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """Change the password of an account."""
        _checked(data, "password")
        return self.account(username)

    def delete(self, username: str) -> dict[str, Any]:
        """Delete an account and its files."""
        account = self.account(username)
        self._execute("delete from accounts where username = ?", username)
        return {**account, "state": "deleted"}

    def usage(self, username: str, today: date | None = None) -> dict[str, Any]:
        """Return disk usage, and bandwidth by day for the last 30 days.

        The numbers are derived from the account and the day, so they do not change.
        """
        account = self.account(username)
        last = today or datetime.now(UTC).date()
        days = [(last - timedelta(days=offset)).isoformat() for offset in range(29, -1, -1)]
        disk, bandwidth = account["disk_space"] * GB, account["bandwidth"] * GB
        age_days = max(0, (last - date.fromisoformat(account["created_at"][:10])).days)
        growth = (0.1 + 0.004 * age_days) * (0.6 + 0.8 * _fraction(username))
        (files,) = self._execute(
            "select coalesce(sum(length(content)), 0) size from files where username = ?", username
        )
        return {
            "disk_bytes": int(files["size"] + disk * min(0.9, growth)),
            "disk_limit_bytes": disk,
            "bandwidth_limit_bytes": bandwidth,
            "bandwidth": [
                {"day": day, "bytes": int(bandwidth // 30 * 0.9 * _fraction(username, day))}
                for day in days
            ],
        }

    def read(self, username: str, path: str) -> bytes | dict[str, Any]:
        """Return the content of a file, or the entries of a folder."""
        path = _path(path)
        self._open_account(username)
        file = self._file(username, path)
        if file is None and path:
            raise Refused(404, f"No file or folder at {path}.")
        if file is not None and not file["folder"]:
            return bytes(file["content"])
        rows = self._execute(
            "select path, folder, length(content) size, changed_at from files where username = ?"
            " order by folder desc, path",
            username,
        )
        entries = [
            {
                "name": PurePosixPath(row["path"]).name,
                "type": "folder" if row["folder"] else "file",
                "size": row["size"] or 0,
                "changed_at": row["changed_at"],
            }
            for row in rows
            if PurePosixPath(row["path"]).parent == PurePosixPath(path)
        ]
        return {"path": path, "entries": entries}

    def write(self, username: str, path: str, content: bytes | None) -> dict[str, Any]:
        """Write a file, or create a folder if `content` is None; the parent must exist."""
        path = _path(path)
        self._open_account(username)
        if not path:
            raise Refused(422, "The path is empty.", {"path": "must not be empty"})
        parent = str(PurePosixPath(path).parent)
        if parent != "." and not isinstance(self.read(username, parent), dict):
            raise Refused(409, f"{parent} is a file.")
        existing = self._file(username, path)
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
        content = self.read(username, path)
        if not path or (isinstance(content, dict) and content["entries"]):
            raise Refused(409, f"The folder {path or '/'} is not empty.")
        self._execute("delete from files where username = ? and path = ?", username, path)
        return {"path": path, "deleted": True}

    def _execute(self, statement: str, *values: object) -> list[sqlite3.Row]:
        with self._lock:
            return self._db.execute(statement, values).fetchall()

    def _open_account(self, username: str) -> None:
        if self.account(username)["state"] != "active":
            raise Refused(403, f"The account {username} is suspended.")

    def _file(self, username: str, path: str) -> sqlite3.Row | None:
        rows = self._execute("select * from files where username = ? and path = ?", username, path)
        return rows[0] if rows else None

    def _write(self, username: str, path: str, content: bytes | None) -> None:
        self._execute(
            "insert or replace into files values (?, ?, ?, ?, ?)",
            username,
            path,
            content is None,
            content,
            _now(),
        )


def _with_plan(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a request, with the sizes of its plan in place of missing ones."""
    for plan in PLANS:
        if plan["name"] == data.get("plan"):
            given = {name: value for name, value in data.items() if value not in (None, "")}
            return {**plan, **given}
    names = ", ".join(str(plan["name"]) for plan in PLANS)
    raise Refused(422, "No such plan.", {"plan": f"must be one of {names}"})


def _checked(data: Mapping[str, Any], *names: str) -> dict[str, str]:
    """Return fields of a request as text; 422 if one is invalid."""
    values = {name: str(data.get(name) or "") for name in names}
    errors = {
        name: FIELDS[name][1]
        for name, value in values.items()
        if not re.fullmatch(FIELDS[name][0], value)
    }
    if errors:
        raise Refused(422, "Some fields are invalid.", errors)
    return values


def _path(text: str) -> str:
    parts = [part for part in text.split("/") if part]
    valid = all(part not in (".", "..") and len(part) <= 200 for part in parts)
    if not valid or len(parts) > 20 or any(ord(char) < 32 for char in text):
        raise Refused(422, "The path is invalid.", {"path": "is not a valid path"})
    return "/".join(parts)


def _fraction(*parts: str) -> float:
    """Return a pseudo-random number from 0 to 1 derived from the parts."""
    return int.from_bytes(hashlib.sha256("|".join(parts).encode()).digest()[:6], "big") / 2**48


def _address(username: str) -> str:
    offset = 1 + int(_fraction(username, "address") * 250)
    return str(ipaddress.IPv4Address("203.0.113.0") + offset)  # reserved for documentation


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
