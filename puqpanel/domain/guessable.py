"""Passwords that are guessed first: common ones, sequences, and words about the account.

`common_passwords.txt` has the most frequent passwords of published leaks, from Django's list (BSD
license) of Royce Williams.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

FEWEST_CHARACTERS = 4
"""Minimum number of different characters in a password."""
LONGEST_AFFIX = 6
"""Digits and signs around a common password that do not make it better."""
FEWEST_OTHERS = 6
"""Minimum number of letters and digits besides words about the account."""
SHORTEST_WORD = 3
_ROWS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890123456789",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
)
_SEQUENCES = tuple(row[::step] for row in _ROWS for step in (1, -1))
_LEET = str.maketrans("034578@$!+€", "oeastbasite")
_REPLACED = (_LEET | {ord("1"): "i"}, _LEET | {ord("1"): "l", ord("!"): "l"})


@functools.cache
def _common() -> frozenset[str]:
    path = Path(__file__).with_name("common_passwords.txt")
    return frozenset(path.read_text(encoding="ascii").split())


def fold(text: str) -> str:
    """Return a text in lower case, without accents and full-width letters."""
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return "".join(each for each in decomposed if not unicodedata.combining(each)).replace("ł", "l")


def is_common(password: str) -> bool:
    """Return whether a password is a common one, or one with few changes.

    Case, accents, usual replacements (`p@ssw0rd`), repetition, and a few digits and signs around it
    make no difference.
    """
    folded = fold(password)
    if len(set(folded)) < FEWEST_CHARACTERS:
        return True
    return any(
        form in _common() or any(form in row for row in _SEQUENCES if len(form) >= FEWEST_OTHERS)
        for form in _forms(folded)
    )


def _forms(folded: str) -> Iterator[str]:
    edges = r"[\W\d_]"
    for start, end in ((0, 0), (0, 1), (1, 0), (1, 1)):
        form = re.sub(rf"\A{edges}++", "", folded) if start else folded
        form = re.sub(rf"(?<!{edges}){edges}++\Z", "", form) if end else form
        if len(folded) - len(form) > LONGEST_AFFIX:
            continue
        for base in {form, _unit(form)}:
            yield base
            yield from (base.translate(table) for table in _REPLACED)


def _unit(text: str) -> str:
    """Return the part whose repetition a text is; the text itself if it repeats nothing."""
    size = (text + text).find(text, 1)
    return text[:size] if size > 0 else text


def is_about(password: str, texts: Iterable[str]) -> bool:
    """Return whether a password consists of words about the account, with little else.

    Args:
        password: the password.
        texts: the person's name and address, and the company's name.
    """
    words = {
        word
        for text in texts
        for part in (*re.split(r"[\W_]+", fold(text)), re.sub(r"[\W_]+", "", fold(text)))
        for word in (part, part[::-1])
        if len(word) >= SHORTEST_WORD
    }
    for table in ({}, *_REPLACED):
        rest = plain = re.sub(r"[\W_]+", "", fold(password).translate(table))
        for word in sorted(words, key=len, reverse=True):
            rest = rest.replace(word, " ")
        if rest != plain and (
            len(rest.replace(" ", "")) < FEWEST_OTHERS or is_common(rest.replace(" ", ""))
        ):
            return True
    return False
