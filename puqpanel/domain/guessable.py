"""Passwords that are guessed first, as estimated by zxcvbn."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from enum import StrEnum

MOST_CHARACTERS = 72
"""Characters that are examined; more cost time, and a password of that length is not guessed."""
FEWEST_GUESSES = 10**8
FEWEST_GUESSES_ABOUT = 10**9
"""Minimum number of guesses for a password that contains words about the account."""
SHORTEST_WORD = 3


class Guessable(StrEnum):
    """Why a password is guessed first."""

    COMMON = "common"
    ABOUT_ACCOUNT = "about the account"


def why_guessable(password: str, about: Iterable[str]) -> Guessable | None:
    """Return why a password is guessed first, or None if it is not.

    Case, accents and full-width letters make no difference.

    Args:
        password: the password.
        about: the person's name and address, and the company's name.
    """
    # imported here, because its word lists take 13 MB of each process
    from zxcvbn import zxcvbn

    folded = fold(password)[:MOST_CHARACTERS]
    words = {word for text in about for word in _words(fold(text))}
    if letters := _joined(folded):
        found = zxcvbn(letters, user_inputs=sorted(words))
        about_account = any(match.get("matched_word") in words for match in found["sequence"])
        if about_account and found["guesses"] < FEWEST_GUESSES_ABOUT:
            return Guessable.ABOUT_ACCOUNT
    return Guessable.COMMON if zxcvbn(folded)["guesses"] < FEWEST_GUESSES else None


def fold(text: str) -> str:
    """Return a text in lower case, without accents and full-width letters."""
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return "".join(each for each in decomposed if not unicodedata.combining(each)).replace("ł", "l")


def _words(text: str) -> set[str]:
    parts = {_joined(text), *re.split(r"[\W_]+", text)}
    return {part for part in parts if len(part) >= SHORTEST_WORD}


def _joined(text: str) -> str:
    """Return the letters and digits of a text."""
    return re.sub(r"[\W_]+", "", text)
