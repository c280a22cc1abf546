"""Masking of secrets, by field name and by pattern, before anything is stored or logged.

Also replaces characters that databases cannot store: NUL and unpaired surrogates.
"""

from __future__ import annotations

import base64
import contextlib
import html
import json
import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import replace
from typing import Any
from urllib.parse import quote, quote_plus

from puqpanel.domain.texts import Text, verbatim

MASK = "•••"
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
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
DEPTH = 12
MAX_LENGTH = 128 * 1024
"""Maximum number of characters that are masked; a longer text is truncated first."""
SHORTEST = 6
"""Minimum length of a secret to be masked inside other text."""
_URL = re.compile(r"https?://[^\s\"'<>?#@]++(@?)")
"""A URL up to its query; followed by `@`, it is credentials instead."""


LONGEST, MOST = 4096, 100
"""Maximum length of a known secret, and their maximum number."""
_known: ContextVar[tuple[re.Pattern[str], ...]] = ContextVar("known_secrets", default=())


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
    text = redact_known(text)
    for pattern in _TEXT:
        text = pattern.sub(rf"\g<1>{MASK}", text)
    return text


@contextlib.contextmanager
def knowing(
    known: tuple[re.Pattern[str], ...] = (),
) -> Iterator[Callable[[Iterable[str]], None]]:
    """Mask known secrets in all text that is masked inside, also encoded ones.

    Args:
        known: from `known_secrets()`.

    Yields:
        A function that adds secrets.
    """
    token = _known.set((*_known.get(), *known))

    def add(secrets: Iterable[str]) -> None:
        if pattern := _pattern(secrets):
            _known.set((*_known.get(), pattern))

    try:
        yield add
    finally:
        _known.reset(token)


def redact_known(text: str) -> str:
    """Mask only the known secrets in a text."""
    for known in _known.get():
        text = known.sub(MASK, text)
    return text


def known_secrets() -> tuple[re.Pattern[str], ...]:
    """Return what `knowing` masks at this point."""
    return _known.get()


def _pattern(secrets: Iterable[str]) -> re.Pattern[str] | None:
    forms: set[str] = set()
    usable = {text for text in secrets if SHORTEST <= len(text) <= LONGEST}
    for text in sorted(usable, key=len, reverse=True)[:MOST]:
        raw = text.encode("utf-8", "surrogatepass")
        forms |= {
            text,
            quote(raw),
            quote(raw, safe=""),
            quote_plus(raw),
            json.dumps(text)[1:-1],
            json.dumps(text, ensure_ascii=False)[1:-1],
            html.escape(text),
            base64.b64encode(raw).decode().rstrip("="),
            base64.urlsafe_b64encode(raw).decode().rstrip("="),
        }
    if not forms:
        return None
    return re.compile("|".join(map(re.escape, sorted(forms, key=len, reverse=True))))


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
