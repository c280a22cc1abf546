"""Passwords: argon2id hashes and the rules for new passwords."""

from __future__ import annotations

import functools
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from puqpanel.domain.errors import InvalidInput
from puqpanel.domain.texts import _, _n

SHORTEST, LONGEST = 10, 256
FEWEST_CHARACTERS = 4
"""Minimum number of different characters in a password."""
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
    """Return an argon2id hash, including its parameters and salt."""
    return _hasher.hash(password)


@functools.cache
def _dummy_hash() -> str:
    """Return the hash of a random password; computed once, because hashing is slow."""
    return _hasher.hash(secrets.token_hex(16))


def matches(hashed: str | None, password: str) -> bool:
    """Return whether a password matches a hash.

    Takes equally long without a hash, so that timing does not reveal whether an account exists.
    """
    if len(password) > LONGEST:
        hashed, password = None, ""
    try:
        return _hasher.verify(hashed or _dummy_hash(), password) and hashed is not None
    except (Argon2Error, InvalidHashError):
        return False


def stale(hashed: str) -> bool:
    """Return whether a hash has outdated parameters and should be replaced."""
    return _hasher.check_needs_rehash(hashed)


def check_password(password: str, field: str = "password") -> None:
    """Check a new password.

    Raises:
        InvalidInput: it is too short, too long or too common.
    """
    if len(password) < SHORTEST:
        raise InvalidInput(
            {
                field: [
                    _n(
                        "Use at least %(num)s character.",
                        "Use at least %(num)s characters.",
                        SHORTEST,
                    )
                ]
            }
        )
    if len(password) > LONGEST:
        raise InvalidInput(
            {
                field: [
                    _n("Use at most %(num)s character.", "Use at most %(num)s characters.", LONGEST)
                ]
            }
        )
    if password.lower() in COMMON or len(set(password.lower())) < FEWEST_CHARACTERS:
        raise InvalidInput({field: [_("This password is too common; choose another.")]})
