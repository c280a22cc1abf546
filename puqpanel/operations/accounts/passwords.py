"""Passwords: argon2id hashes, and what makes one acceptable."""

from __future__ import annotations

import functools
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from puqpanel.domain.errors import InvalidInput

SHORTEST, LONGEST = 10, 256
_hasher = PasswordHasher()
COMMON = frozenset(
    {
        "password12",
        "password123",
        "1234567890",
        "0123456789",
        "qwertyuiop",
        "administrator",
        "letmein123",
        "changeme123",
    }
)


def hash_password(password: str) -> str:
    """Return an argon2id hash with its parameters and salt in it."""
    return _hasher.hash(password)


@functools.cache
def _nobody() -> str:
    """Return the hash of a password that nobody has.

    Made when first needed, since making one takes as long as it should.
    """
    return _hasher.hash(secrets.token_hex(16))


def matches(hashed: str | None, password: str) -> bool:
    """Return whether a password is the one behind a hash.

    Takes as long where there is no account, so that none is given away.
    """
    try:
        return _hasher.verify(hashed or _nobody(), password[:LONGEST]) and hashed is not None
    except (Argon2Error, InvalidHashError):
        return False


def stale(hashed: str) -> bool:
    """Return whether a hash was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(hashed)


def check_password(password: str, field: str = "password") -> None:
    """Check a new password.

    Raises:
        InvalidInput: it is too short, too long or too common.
    """
    if len(password) < SHORTEST:
        raise InvalidInput({field: [f"Use at least {SHORTEST} characters."]})
    if len(password) > LONGEST:
        raise InvalidInput({field: [f"Use at most {LONGEST} characters."]})
    if password.lower() in COMMON:
        raise InvalidInput({field: ["This password is too common; choose another."]})
