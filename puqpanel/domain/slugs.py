"""Slugs: the readable part of an address, made from a name."""

from __future__ import annotations

import re
import unicodedata

MAX_LENGTH = 80
RESERVED = frozenset({"cart", "checkout", "embed", "orders"})
"""Parts of addresses that are pages of the shop, so that no product may have them."""
_LETTERS = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ß": "ss", "æ": "ae", "œ": "oe", "&": " and "}
)
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def slug_of(name: str) -> str:
    """Return the lower-case ASCII letters and digits of a name, joined by hyphens.

    It is empty if the name has none, such as a name in Cyrillic letters.
    """
    letters = unicodedata.normalize("NFKD", name.casefold().translate(_LETTERS))
    kept = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return re.sub(r"[^a-z0-9]+", "-", kept).strip("-")[:MAX_LENGTH].strip("-")


def is_slug(text: str) -> bool:
    """Return whether a text can be used as a slug."""
    return len(text) <= MAX_LENGTH and _SLUG.fullmatch(text) is not None
