"""Masking of secrets whose values are known, in the forms in which text contains them.

A module call collects the secrets that it reads; `redact` masks them in all that the call leaves
behind. Outside `collecting`, none are known.
"""

from __future__ import annotations

import base64
import contextlib
import html
import json
import re
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from urllib.parse import quote, quote_plus

from markupsafe import escape

MASK = "•••"
SHORTEST, LONGEST = 6, 16_384
"""Length of a secret that is masked inside other text; shorter ones match too much of it."""
MOST = 200
"""Maximum number of secrets; the latest are kept."""
LINE = 16
"""Minimum length of a line of a secret, such as a private key, that is masked on its own."""
_HEX = re.compile(r"%[0-9A-F]{2}|\\u[0-9a-f]{4}")


class _Known:
    def __init__(self, secrets: Iterable[str]) -> None:
        self.secrets = dict.fromkeys(secrets)
        self.forms: tuple[str, ...] | None = ()

    def add(self, secret: str) -> None:
        if secret in self.secrets:
            self.secrets[secret] = self.secrets.pop(secret)  # the latest again
            return
        self.secrets[secret] = None
        self.forms = None
        if len(self.secrets) > MOST:
            del self.secrets[next(iter(self.secrets))]

    def list_forms(self) -> tuple[str, ...]:
        """Return all forms, the longest first; computed when the first text is masked."""
        if self.forms is None:
            forms = {form for secret in list(self.secrets) for form in _forms(secret)}
            self.forms = tuple(sorted(forms, key=len, reverse=True))
        return self.forms


_known: ContextVar[_Known | None] = ContextVar("known_secrets", default=None)


@contextlib.contextmanager
def collecting(secrets: Iterable[str] = ()) -> Iterator[None]:
    """Mask the secrets that are learned inside, besides those known outside.

    Args:
        secrets: further secrets, from `collected`.
    """
    token = _known.set(_Known(collected()))
    learn(secrets)
    try:
        yield
    finally:
        _known.reset(token)


def collected() -> tuple[str, ...]:
    """Return the secrets that are known at this point."""
    known = _known.get()
    return tuple(known.secrets) if known else ()


def learn(secrets: Iterable[str]) -> None:
    """Mask these secrets until the end of `collecting`; nothing is done outside."""
    known = _known.get()
    if known is None:
        return
    for secret in secrets:
        stripped = secret.strip()
        if SHORTEST <= len(stripped) <= LONGEST:
            known.add(stripped)


def mask_known(text: str) -> str:
    """Mask the known secrets in a text, also encoded ones."""
    known = _known.get()
    if known is None or not text:
        return text
    # `replace` takes linear time for each form, unlike a regular expression of repetitive secrets
    for form in known.list_forms():
        text = text.replace(form, MASK)
    return text


def _forms(secret: str) -> Iterator[str]:
    """Yield a secret as it may occur in a text."""
    raw = secret.encode("utf-8", "surrogatepass")
    escaped = json.dumps(secret)[1:-1]
    plain = (
        quote(raw),
        quote(raw, safe=""),
        quote(raw, safe="!'()*"),  # encodeURIComponent
        quote(raw, safe="!#$&'()*+,/:;=?@[]~"),  # inside a complete URL
        quote_plus(raw),
        quote_plus(raw, safe="*"),
        escaped,
        escaped.replace("/", "\\/"),  # PHP
        _escape_signs(escaped, "<>&"),  # Go
        _escape_signs(escaped, "<>&'"),  # inside HTML
        _escape_signs(escaped.replace('\\"', '"'), "<>&'\"+`"),  # .NET
    )
    yield secret
    for form in plain:
        yield form
        yield _HEX.sub(lambda found: _other_case(found[0]), form)
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1].replace("/", "\\/")
    yield repr(secret)[1:-1]
    yield html.escape(secret)
    yield html.escape(secret, quote=False)
    yield str(escape(secret))
    yield from _base64_forms(raw)
    if "\n" in secret:
        lines = (line.strip() for line in secret.splitlines())
        yield from (line for line in lines if len(line) >= LINE)


def _escape_signs(text: str, signs: str) -> str:
    return "".join(f"\\u{ord(sign):04x}" if sign in signs else sign for sign in text)


def _other_case(escape_sequence: str) -> str:
    if escape_sequence[0] == "%":
        return escape_sequence.lower()
    return "\\u" + escape_sequence[2:].upper()


def _base64_forms(raw: bytes) -> Iterator[str]:
    """Yield Base64 of a secret, also as part of a longer text such as `user:secret`.

    Where the secret begins in the middle of a group of three bytes, and where it ends in one, the
    character that depends on other text is left out.
    """
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(raw).decode().rstrip("=")
        for before, first in ((0, 0), (1, 2), (2, 3)):
            encoded = encode(bytes(before) + raw).decode()
            yield encoded[first : (before + len(raw)) * 8 // 6]
