"""References: `BT` and eight characters, which payers write in the title of a transfer."""

from __future__ import annotations

import re
import secrets

# without I, L, O and U, which are misread or make words
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 8
_MISREAD = str.maketrans("OIL", "011")
_REFERENCE = re.compile(r"(?=BT([0-9A-Z]{8}))")
_WORD = re.compile(r"\w+")
LONGEST_NUMBER = 6
"""How many words of a text a document number may have: FV/2026/12/0001 has four."""
MOST_WORDS = 60


def new_reference() -> str:
    """Return a random reference."""
    return "BT" + "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def references_in(text: str) -> set[str]:
    """Return what may be references in a text, in any spelling: banks break and space it."""
    compact = re.sub(r"[^0-9A-Z]", "", text.upper())
    return {"BT" + match[1].translate(_MISREAD) for match in _REFERENCE.finditer(compact)}


def numbers_in(text: str) -> set[str]:
    """Return the parts of a text that may be document numbers, also with / or - between words.

    A part of digits alone has at least four: fewer may be anything.
    """
    found = set()
    words = list(_WORD.finditer(text))[:MOST_WORDS]
    for at, first in enumerate(words):
        for count in range(1, min(LONGEST_NUMBER, len(words) - at) + 1):
            chosen = words[at : at + count]
            part = text[first.start() : chosen[-1].end()].upper()
            if any(char.isdigit() for char in part) and (len(part) > 3 or not part.isdigit()):
                parts = [word[0].upper() for word in chosen]
                found |= {part, "/".join(parts), "-".join(parts)}
    return found
