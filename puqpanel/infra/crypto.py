"""Secrets at rest: Fernet under keys that can be rotated, and column types that use them.

The first line of the key file encrypts; every line decrypts. Column types look the keys up when a
value passes, so that a rotation reaches running processes through `use_keys`.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy.engine import Dialect

from puqpanel.domain.errors import PanelError


class KeyFileError(PanelError):
    """A key file is missing or cannot be read, or a stored secret does not open with it; the
    text names the file.
    """


class _Keys:
    """The keys of this process, and the file they came from; looked at again when the file
    changes.
    """

    def __init__(self) -> None:
        self.file: Path | None = None
        self.stamp = 0
        self.box: MultiFernet | None = None

    def current(self) -> MultiFernet:
        if self.file is None:
            raise KeyFileError("The keys of this panel have not been opened.")
        try:
            stamp = self.file.stat().st_mtime_ns
        except OSError:
            if self.box is None:
                raise KeyFileError(f"The encryption key file {self.file} is missing.") from None
            return self.box
        if self.box is None or stamp != self.stamp:
            self.box, self.stamp = MultiFernet([Fernet(key) for key in read_keys(self.file)]), stamp
        return self.box


_keys = _Keys()


def key_file(keys_dir: Path) -> Path:
    """The file that holds the keys of stored secrets, newest first, one a line."""
    return keys_dir / "secrets.key"


def read_keys(path: Path) -> list[str]:
    """The keys of a file, newest first.

    Raises:
        KeyFileError: it is missing, unreadable, or holds something else.
    """
    try:
        lines = [line.strip() for line in path.read_text().splitlines() if line.strip()]
        for line in lines:
            Fernet(line)
    except OSError as error:
        raise KeyFileError(
            f"The encryption key file {path} cannot be read: {error.strerror}."
        ) from None
    except ValueError:
        raise KeyFileError(f"The encryption key file {path} holds a line that is no key.") from None
    if not lines:
        raise KeyFileError(f"The encryption key file {path} is empty.")
    return lines


def write_private(path: Path, text: str, *, new: bool = False) -> None:
    """Writes a file that only its owner may read, all at once.

    Args:
        path: where.
        text: what.
        new: leaves the file alone where there is one: of several processes that start together, all
            take the first one's.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    if not new:
        fresh.replace(path)
        return
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()


def make_keys(keys_dir: Path) -> None:
    """Makes what is missing of the two key files of a new panel."""
    if not key_file(keys_dir).exists():
        write_private(key_file(keys_dir), Fernet.generate_key().decode() + "\n", new=True)
    session_key(keys_dir)


def session_key(keys_dir: Path) -> str:
    """The key that signs session cookies; made when missing, since losing it only signs people
    out.
    """
    path = keys_dir / "session.key"
    if not path.exists():
        write_private(path, secrets.token_hex(32) + "\n", new=True)
    return path.read_text().strip()


def add_key(keys_dir: Path) -> None:
    """Puts a new key in front: everything written from now on is under it."""
    path = key_file(keys_dir)
    write_private(path, "\n".join([Fernet.generate_key().decode(), *read_keys(path)]) + "\n")


def drop_old_keys(keys_dir: Path) -> None:
    """Keeps the newest key alone, once everything stored is under it."""
    path = key_file(keys_dir)
    write_private(path, read_keys(path)[0] + "\n")


def use_keys(keys_dir: Path) -> None:
    """Opens the keys for this process.

    Raises:
        KeyFileError: there are none.
    """
    _keys.file, _keys.box = key_file(keys_dir), None
    _keys.current()


def keys_in_use() -> Path | None:
    """The folder whose keys this process has open; None before the first."""
    return _keys.file.parent if _keys.file is not None else None


def encrypt(text: str) -> str:
    """`text` as an opaque token under the newest key."""
    return _keys.current().encrypt(text.encode()).decode()


def decrypt(token: str) -> str:
    """The text of a token.

    Raises:
        KeyFileError: it was made under a key that this panel does not have, or was altered.
    """
    try:
        return _keys.current().decrypt(token.encode()).decode()
    except InvalidToken:
        raise KeyFileError(
            f"A stored secret does not open with the keys in {_keys.file}."
        ) from None


def rotate(token: str) -> str:
    """The same secret under the newest key."""
    return _keys.current().rotate(token.encode()).decode()


class EncryptedText(sa.types.TypeDecorator[str]):
    """Text that is stored encrypted; it cannot be searched or compared in the database."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else encrypt(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else decrypt(value)


class EncryptedJSON(sa.types.TypeDecorator[Any]):
    """A dict or list that is stored encrypted; assign a new value, changes inside are not
    noticed.
    """

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        if dialect.name in ("mysql", "mariadb"):
            from sqlalchemy.dialects.mysql import MEDIUMTEXT

            return dialect.type_descriptor(MEDIUMTEXT())
        return dialect.type_descriptor(sa.Text())

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else encrypt(json.dumps(value))

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(decrypt(value))
