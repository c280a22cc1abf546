"""Validation of fields that several entities have: e-mail address and name."""

from __future__ import annotations

from email_validator import EmailNotValidError, validate_email

from puqpanel.domain.errors import InvalidInput
from puqpanel.infra.redact import storable


def clean_email(text: str) -> str:
    """Return an e-mail address in lower case.

    Raises:
        InvalidInput: it is not a valid address.
    """
    try:
        return validate_email(
            text.strip(), check_deliverability=False, test_environment=True
        ).normalized.lower()
    except EmailNotValidError:
        raise InvalidInput({"email": ["Enter a valid e-mail address."]}) from None


def clean_name(text: str, field: str = "name", longest: int = 200) -> str:
    """Return a name with normalized white space.

    Raises:
        InvalidInput: it is empty or too long.
    """
    name = " ".join(storable(text).split())
    if not name:
        raise InvalidInput({field: ["Enter a name."]})
    if len(name) > longest:
        raise InvalidInput({field: [f"Enter at most {longest} characters."]})
    return name
