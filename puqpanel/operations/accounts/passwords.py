"""Passwords: argon2id hashes and the rules for new passwords."""

from __future__ import annotations

import functools
import secrets
import unicodedata
from collections.abc import Sequence

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from puqpanel.domain.errors import InvalidInput
from puqpanel.domain.guessable import Guessable, why_guessable
from puqpanel.domain.texts import _, _n
from puqpanel.operations.system import settings

SHORTEST, LONGEST = 10, 256
_GUESSABLE = {
    Guessable.COMMON: _("This password is too common; choose another."),
    Guessable.ABOUT_ACCOUNT: _("Choose a password without the person's name, address or company."),
}
_hasher = PasswordHasher()


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
    except (Argon2Error, InvalidHashError, UnicodeEncodeError):
        return False


def stale(hashed: str) -> bool:
    """Return whether a hash has outdated parameters and should be replaced."""
    return _hasher.check_needs_rehash(hashed)


def check_password(password: str, field: str = "password", *, about: Sequence[str] = ()) -> None:
    """Check a new password.

    Args:
        password: in plain text.
        field: the name of its field.
        about: the person's name and e-mail address.

    Raises:
        InvalidInput: it is too short, too long, too common, about the person or the company, or
            has control characters.
    """
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in password):
        raise InvalidInput({field: [_("Use no control characters in a password.")]})
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
    reason = why_guessable(password, (*about, settings.text("firm.name")))
    if reason is not None:
        raise InvalidInput({field: [_GUESSABLE[reason]]})
