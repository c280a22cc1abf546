"""Masking of secrets, by field name and by pattern, before anything is stored or logged.

Also replaces characters that databases cannot store: NUL and unpaired surrogates.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from puqpanel.domain.texts import Text, verbatim
from puqpanel.infra.known_secrets import MASK, SHORTEST, mask_known

_NAMES = re.compile(
    r"passw|passphrase|secret|token|api[_-]?key|access[_-]?(?:key|hash)|private[_-]?key|auth[_-]?key|authori[sz]ation|cookie|credential|bearer|cvv"
    r"|(?<![^\W_])(?:pass|pwd|pw|psk|pin|otp|iban)(?![^\W_])"  # only as whole words
    r"|(?<=[a-z])(?-i:Pass|Pwd|Pin)(?![a-z])",  # and in camel case: rootPass
    re.IGNORECASE,
)
_TEXT = (
    re.compile(
        r"((?:Bearer|authorization[\\\"']*\s*[:=]\s*[\\\"']*Basic)\s+)[A-Za-z0-9._~+/=-]{6,}",
        re.IGNORECASE,
    ),
    # without the header's name, only what looks like Base64: “Basic saved” is the name of a product
    re.compile(
        r"(\b(?i:basic)\s+)(?=[\w.~-]*(?:[a-z][A-Z]|[0-9+/=])|[A-Z]{8})[A-Za-z0-9._~+/=-]{8,}"
    ),
    re.compile(r"(://[^/\s:@]*:)[^/\s@]+(?=@)"),
    re.compile(
        r"((?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|authorization)[\\\"']*+\s*+[:=]\s*+[\\\"']*+)(?!(?:Bearer|Basic)\b)[^\s\"'&,;<>}]+",
        re.IGNORECASE,
    ),
    re.compile(r"(<(?:[\w:]*(?:passw(?:or)?d|secret|token))>)[^<]+", re.IGNORECASE),
)
_SUSPECT = re.compile(
    r"bearer|basic|authorization|://|passw|passphrase|secret|token|api[_-]?key", re.IGNORECASE
)
"""Text without any of these can't match the patterns of _TEXT."""
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
DEPTH = 12
MAX_LENGTH = 128 * 1024
"""Maximum number of characters that are masked; a longer text is truncated first."""
_URL = re.compile(r"https?://[^\s\"'<>?#@]++(@?)")
"""A URL up to its query; followed by `@`, it is credentials instead."""


def secret_name(name: str) -> bool:
    """Return whether a field with this name holds a secret."""
    return bool(_NAMES.search(name))


def storable(text: str) -> str:
    """Replace the characters that databases cannot store."""
    return _UNSTORABLE.sub("\ufffd", text)


def redact_text(text: str) -> str:
    """Mask everything that looks like a credential, and replace unstorable characters.

    Args:
        text: the text; truncated to MAX_LENGTH characters.
    """
    text = storable(text[:MAX_LENGTH])
    text = mask_known(text)
    if _SUSPECT.search(text):
        for pattern in _TEXT:
            text = pattern.sub(rf"\g<1>{MASK}", text)
    return text


def named_secrets(data: object, declared: Collection[str] = (), depth: int = 0) -> Iterator[str]:
    """Yield the values of fields that are declared secret or whose name says so.

    Args:
        data: a mapping, also a nested one; other values have no fields.
        declared: names of fields that are declared secret.
        depth: Nesting depth; what is deeper than DEPTH is left out.
    """
    if depth > DEPTH:
        return
    if isinstance(data, Mapping):
        for key, value in data.items():
            if key in declared or secret_name(str(key)):
                yield from _texts(value, depth + 1)
            else:
                yield from named_secrets(value, declared, depth + 1)
    elif isinstance(data, list | tuple):
        for value in data:
            yield from named_secrets(value, declared, depth + 1)


def _texts(value: object, depth: int) -> Iterator[str]:
    """Yield the texts and numbers in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, int) and not isinstance(value, bool):
        yield str(value)
    elif depth <= DEPTH and isinstance(value, Mapping | list | tuple):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(item, depth + 1)


def mask_secrets(text: str, secrets: Iterable[str]) -> str:
    """Mask the given secrets wherever they occur, except in URLs.

    Short secrets are left out, because they match too much other text. The scheme, host and path of
    a URL come from the provider and are not secret.
    """
    long_secrets = sorted(
        {text for text in secrets if len(text) >= SHORTEST}, key=len, reverse=True
    )
    if not long_secrets:
        return text
    pattern = re.compile("|".join(map(re.escape, long_secrets)))
    parts, position = [], 0
    for url in _URL.finditer(text):
        if url[1]:
            continue
        parts += [pattern.sub(MASK, text[position : url.start()]), url[0]]
        position = url.end()
    return "".join([*parts, pattern.sub(MASK, text[position:])])


def redact_message(text: Text | str, length: int = 4000) -> Text:
    """Return a text with secrets masked, and its values truncated.

    Args:
        text: a text of the panel, or of a module or provider.
        length: maximum number of characters of each value.
    """
    if isinstance(text, str):
        return verbatim(redact_text(text[: 2 * length])[:length])
    values = {
        name: redact_message(value, length)
        if isinstance(value, Text)
        else redact_text(value[: 2 * length])[:length]
        if isinstance(value, str)
        else value
        for name, value in text.values.items()
    }
    return replace(text, values=values)


def redact(value: Any, secrets: Collection[str] = (), depth: int = 0) -> Any:
    """Return a copy of a value with secrets masked and everything else JSON-serializable.

    Args:
        value: Any value.
        secrets: Names of fields that are declared secret, besides those whose name says so.
        depth: Nesting depth of the value; anything deeper than DEPTH becomes "…".
    """
    if depth > DEPTH:
        return "…"
    if isinstance(value, Mapping):
        return {
            redact_text(str(key)): (
                MASK
                if (key in secrets or secret_name(str(key))) and item not in (None, "", False, True)
                else redact(item, secrets, depth + 1)
            )
            for key, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(item, secrets, depth + 1) for item in value]
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # not valid JSON, and PostgreSQL rejects it
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, bytes):
        return f"({len(value)} bytes)"
    return redact_text(str(value))
