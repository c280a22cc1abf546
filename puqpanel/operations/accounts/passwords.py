"""Passwords: argon2id hashes and the rules for new passwords."""

from __future__ import annotations

import contextlib
import functools
import secrets
import unicodedata
from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from puqpanel.domain.errors import InvalidInput
from puqpanel.domain.guessable import Guessable, why_guessable
from puqpanel.domain.texts import _, _n
from puqpanel.operations.system import settings

P = ParamSpec("P")
R = TypeVar("R")
SHORTEST, LONGEST = 10, 256
_GUESSABLE = {
    Guessable.COMMON: _("This password is too common; choose another."),
    Guessable.ABOUT_ACCOUNT: _("Choose a password without the person's name, address or company."),
}
_hasher = PasswordHasher()


class NewPassword(str):
    """A new password in plain text, whose hash was computed before the transaction that stores it.

    Args:
        password: in plain text.
    """

    def __init__(self, password: str) -> None:
        self.hash = ""
        if SHORTEST <= len(password) <= LONGEST:  # check_password refuses others
            with contextlib.suppress(UnicodeEncodeError):
                self.hash = _hasher.hash(password)


def prepared(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Hash a password argument before an operation, whose transaction begins below it.

    A hash takes a tenth of a second or more on purpose, and SQLite's transactions wait for each
    other.

    Args:
        name: of the argument, which is passed by name; an empty one is not hashed.
    """

    def decorate(operation: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(operation)
        def run(*args: P.args, **options: P.kwargs) -> R:
            password = options.get(name)
            if password and isinstance(password, str):
                options[name] = prepare(password)
            return operation(*args, **options)

        return run

    return decorate


def prepare(password: str) -> NewPassword:
    """Return a password with its hash."""
    return password if isinstance(password, NewPassword) else NewPassword(password)


def hash_password(password: str) -> str:
    """Return an argon2id hash, including its parameters and salt."""
    return password.hash if isinstance(password, NewPassword) else _hasher.hash(password)


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
