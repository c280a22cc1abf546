"""Encryption of stored secrets: Fernet with rotatable keys, and column types that use it.

The first key in the key file encrypts; all keys decrypt. The file is read again when it changes, so
that a rotation reaches running processes.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy.engine import Dialect

from puqpanel.domain.errors import PanelError
from puqpanel.infra import known_secrets, redact
from puqpanel.infra.private_files import write_private


class KeyFileError(PanelError):
    """The key file is missing or invalid, or a stored secret cannot be decrypted with it."""


@dataclass(slots=True)
class _Keys:
    """The keys of this process, reloaded when their file changes."""

    file: Path | None = None
    modified_ns: int = 0
    box: MultiFernet | None = None

    def current(self) -> MultiFernet:
        if self.file is None:
            raise KeyFileError("The encryption keys have not been loaded.")
        try:
            modified_ns = self.file.stat().st_mtime_ns
        except OSError:
            if self.box is None:
                raise KeyFileError(f"The encryption key file {self.file} is missing.") from None
            return self.box
        if self.box is None or modified_ns != self.modified_ns:
            self.box = MultiFernet([Fernet(key) for key in read_keys(self.file)])
            self.modified_ns = modified_ns
        return self.box


_keys = _Keys()


def forget_keys() -> None:
    """Forget the keys, in a process that must not have them."""
    _keys.file = _keys.box = None


def key_file(keys_dir: Path) -> Path:
    """Return the path of the key file, which has one key per line, newest first."""
    return keys_dir / "secrets.key"


def read_keys(path: Path) -> list[str]:
    """Return the keys in a file, newest first.

    Raises:
        KeyFileError: The file is missing, unreadable or invalid.
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
        raise KeyFileError(f"The encryption key file {path} has an invalid line.") from None
    if not lines:
        raise KeyFileError(f"The encryption key file {path} is empty.")
    return lines


def make_keys(keys_dir: Path) -> None:
    """Create the key files that are missing."""
    if not key_file(keys_dir).exists():
        write_private(key_file(keys_dir), Fernet.generate_key().decode() + "\n", new=True)
    session_key(keys_dir)


def session_key(keys_dir: Path) -> str:
    """Return the key that signs session cookies and links; create it if missing.

    Losing it signs everybody out and invalidates the public links of documents.
    """
    path = keys_dir / "session.key"
    if not path.exists():
        write_private(path, secrets.token_hex(32) + "\n", new=True)
    return path.read_text().strip()


def add_key(keys_dir: Path) -> None:
    """Add a new key, which encrypts everything written from now on."""
    path = key_file(keys_dir)
    write_private(path, "\n".join([Fernet.generate_key().decode(), *read_keys(path)]) + "\n")


def drop_old_keys(keys_dir: Path) -> None:
    """Delete all keys except the newest."""
    path = key_file(keys_dir)
    write_private(path, read_keys(path)[0] + "\n")


def use_keys(keys_dir: Path) -> None:
    """Load the keys for this process.

    Raises:
        KeyFileError: The key file is missing or invalid.
    """
    _keys.file, _keys.box = key_file(keys_dir), None
    _keys.current()


def keys_in_use() -> Path | None:
    """Return the directory of the loaded keys, or None if none are loaded."""
    return _keys.file.parent if _keys.file is not None else None


def signature(text: str) -> str:
    """Return an HMAC of a text as 64 hexadecimal digits; it does not change when keys are rotated.

    Args:
        text: begins with what it is for, so that a signature is not valid for something else.
    """
    keys_dir = keys_in_use()
    if keys_dir is None:
        raise KeyFileError("The encryption keys have not been loaded.")
    return hmac.new(session_key(keys_dir).encode(), text.encode(), hashlib.sha256).hexdigest()


def encrypt(text: str) -> str:
    """Encrypt text with the newest key and return the token."""
    return _keys.current().encrypt(text.encode()).decode()


def decrypt(token: str) -> str:
    """Decrypt a token.

    Raises:
        KeyFileError: It was encrypted with an unknown key, or modified.
    """
    try:
        return _keys.current().decrypt(token.encode()).decode()
    except InvalidToken:
        raise KeyFileError(
            f"A stored secret cannot be decrypted with the keys in {_keys.file}."
        ) from None


class EncryptedText(sa.types.TypeDecorator[str]):
    """Encrypted text; the database cannot search or compare it.

    Values that a module call reads or writes are masked in its logs, messages, errors and task
    output.
    """

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Encrypt a value for the database."""
        if value is None:
            return None
        known_secrets.learn([value])
        return encrypt(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Decrypt a value from the database."""
        if value is None:
            return None
        text = decrypt(value)
        known_secrets.learn([text])
        return text


class EncryptedJSON(sa.types.TypeDecorator[Any]):
    """Encrypted JSON; assign a new value, because changes inside it are not detected.

    Secret fields, recognised by name, that a module call reads are masked in its logs, messages,
    errors and task output.
    """

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        """Return the column type of a dialect; MySQL's TEXT is too small."""
        if dialect.name not in ("mysql", "mariadb"):
            return super().load_dialect_impl(dialect)
        from sqlalchemy.dialects.mysql import MEDIUMTEXT

        return dialect.type_descriptor(MEDIUMTEXT())

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Encrypt a value for the database."""
        return None if value is None else encrypt(json.dumps(value))

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Decrypt a value from the database."""
        if value is None:
            return None
        data = json.loads(decrypt(value))
        known_secrets.learn(redact.named_secrets(data))
        return data
