"""Checks that several nouns share: an e-mail address, a name that must be there."""

from __future__ import annotations

from email_validator import EmailNotValidError, validate_email

from puqpanel.domain.errors import InvalidInput
from puqpanel.infra.redact import storable


def clean_email(text: str, field: str = "email") -> str:
    """An address in lower case.

    Raises:
        InvalidInput: it is none.
    """
    try:
        return validate_email(
            text.strip(), check_deliverability=False, test_environment=True
        ).normalized.lower()
    except EmailNotValidError:
        raise InvalidInput({field: ["This is no e-mail address."]}) from None


def clean_name(text: str, field: str = "name", longest: int = 200) -> str:
    """A name without surrounding space.

    Raises:
        InvalidInput: it is empty or too long.
    """
    name = " ".join(storable(text).split())
    if not name:
        raise InvalidInput({field: ["A name is needed."]})
    if len(name) > longest:
        raise InvalidInput({field: [f"A name has at most {longest} characters."]})
    return name
