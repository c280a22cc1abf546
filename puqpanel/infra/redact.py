"""Masks secrets before anything is stored or logged: by the name they stand under, and by the shape
they have.

What comes from outside may also hold characters that no database stores (a NUL, half of a surrogate
pair); they are replaced on the way.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

MASK = "•••"
_NAMES = re.compile(
    r"passw|passphrase|secret|token|api[_-]?key|access[_-]?(?:key|hash)|private[_-]?key|auth[_-]?key|authori[sz]ation|cookie|credential|bearer|cvv"
    r"|(?<![^\W_])(?:pass|pwd|pw|psk|pin|otp|iban)(?![^\W_])"  # only as whole words
    r"|(?<=[a-z])(?-i:Pass|Pwd|Pin)(?![a-z])",  # and in camels: rootPass
    re.IGNORECASE,
)
_TEXT = (
    re.compile(r"((?:Bearer|Basic)\s+)[A-Za-z0-9._~+/=-]{6,}", re.IGNORECASE),
    re.compile(r"(://[^/\s:@]*:)[^/\s@]+(?=@)"),
    re.compile(
        r"((?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|authorization)[\\\"']*\s*[:=]\s*[\\\"']*)(?!\s*(?:Bearer|Basic)\b)[^\s\"'&,;<>}]+",
        re.IGNORECASE,
    ),
    re.compile(r"(<(?:[\w:]*(?:passw(?:or)?d|secret|token))>)[^<]+", re.IGNORECASE),
)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
DEPTH = 12
SHORTEST = 6
"""Characters that a secret must have to be masked wherever it stands."""
_ADDRESS = re.compile(r"https?://[^\s\"'<>?#@]+(?![^\s\"'<>?#@]*@)")


def secret_name(name: str) -> bool:
    """Whether what stands under this name is to be masked."""
    return bool(_NAMES.search(name))


def storable(text: str) -> str:
    """`text` without the characters that no database stores, or even compares."""
    return _UNSTORABLE.sub("\ufffd", text)


def redact_text(text: str) -> str:
    """`text` with what looks like a credential masked, and fit to be stored."""
    text = storable(text)
    for pattern in _TEXT:
        text = pattern.sub(rf"\g<1>{MASK}", text)
    return text


def mask_secrets(text: str, secrets: Iterable[str]) -> str:
    """`text` with given secrets masked wherever they stand.

    Of short ones there is too much around that only looks like them, and an address's scheme, host
    and path are words of the provider's: neither is masked by what it says, but by the names that
    secrets stand under.
    """
    known = sorted({one for one in secrets if len(one) >= SHORTEST}, key=len, reverse=True)
    if not known:
        return text
    found = re.compile("|".join(map(re.escape, known)))
    parts, at = [], 0
    for address in _ADDRESS.finditer(text):
        parts += [found.sub(MASK, text[at : address.start()]), address[0]]
        at = address.end()
    return "".join([*parts, found.sub(MASK, text[at:])])


def redact(value: Any, depth: int = 0) -> Any:
    """A copy of a structure with secrets masked; what JSON cannot hold becomes text.

    Args:
        value: anything.
        depth: how deep the caller already is; deeper than 12 becomes "…".
    """
    if depth > DEPTH:
        return "…"
    if isinstance(value, Mapping):
        return {
            redact_text(str(key)): (
                MASK
                if secret_name(str(key)) and item not in (None, "", False, True)
                else redact(item, depth + 1)
            )
            for key, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(item, depth + 1) for item in value]
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no word for it, and PostgreSQL insists
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, bytes):
        return f"({len(value)} bytes)"
    return redact_text(str(value))
