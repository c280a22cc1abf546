"""E-mail addresses: one spelling for every way to write the same address."""

from __future__ import annotations

import unicodedata

import idna

LONGEST = 254
_MAX_INPUT = 1000
"""Longer text is not normalized: it cannot be an address, and NFKC can expand it 18 times."""


def email_key(text: str) -> str:
    """Return the spelling under which an address is stored, looked up and counted.

    Case, full-width letters, composed and decomposed accents, an encoded (`xn--`) domain, and
    spaces and invisible characters around it make no difference. Any text is accepted, also a part
    of an address; the key of text that is not an address belongs to no account.

    Args:
        text: the address as typed.
    """
    folded = _fold(text[:_MAX_INPUT])
    local, at, domain = folded.rpartition("@")
    if not at and "xn--" not in domain:
        return folded
    return f"{local}{at}{_readable(domain)}"


def valid_email(text: str) -> str:
    """Return the key of an address, or an empty text if it is not valid."""
    # imported here, because every process would pay for it at its start
    from email_validator import EmailNotValidError, validate_email

    if len(text) > _MAX_INPUT:
        return ""
    try:
        normalized = validate_email(
            email_key(text), check_deliverability=False, test_environment=True
        ).normalized
    except (EmailNotValidError, UnicodeError):
        return ""
    return email_key(normalized)


def _fold(text: str) -> str:
    # lower case can decompose a letter (İ), and composing can give an upper-case one, never twice
    for _ in range(2):
        text = unicodedata.normalize("NFKC", text).lower()
    return _strip(unicodedata.normalize("NFKC", text))


def _strip(text: str) -> str:
    while text and _blank(text[0]):
        text = text[1:]
    while text and _blank(text[-1]):
        text = text[:-1]
    return text


def _blank(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in ("Cc", "Cf")


def _readable(domain: str) -> str:
    """Return a domain in Unicode; one that is not valid as it is."""
    try:
        encoded = idna.encode(domain, uts46=True)
        return unicodedata.normalize("NFC", idna.decode(encoded)).lower()
    except (idna.IDNAError, UnicodeError, IndexError):
        return domain
