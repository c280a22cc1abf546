"""Validation of fields that several entities have: e-mail address and name."""

from __future__ import annotations

import unicodedata

from puqpanel.domain.countries import country_codes
from puqpanel.domain.emails import valid_email
from puqpanel.domain.errors import InvalidInput
from puqpanel.domain.texts import _
from puqpanel.infra.redact import storable

_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and symbols without ink."""


def clean_email(text: str) -> str:
    """Return the key of an e-mail address, which is the same for all its spellings.

    Raises:
        InvalidInput: it is not a valid address.
    """
    address = valid_email(text)
    if not address:
        raise InvalidInput({"email": [_("Enter a valid e-mail address.")]})
    return address


def clean_country(code: str) -> str:
    """Return a country code in upper case; empty for none.

    Raises:
        InvalidInput: it is not an ISO 3166 alpha-2 code.
    """
    code = code.strip().upper()
    if code and code not in country_codes():
        raise InvalidInput({"country": [_("Choose a country from the list.")]})
    return code


def clean_name(text: str, field: str = "name", longest: int = 200) -> str:
    """Return a name with normalized white space and without invisible characters.

    Zero-width characters and those that change the direction of text would let two different names
    look the same.

    Raises:
        InvalidInput: it is empty or too long.
    """
    name = "".join(_visible(character) for character in storable(text))
    name = " ".join(name.split())
    if not name:
        raise InvalidInput({field: [_("Enter a name.")]})
    if len(name) > longest:
        raise InvalidInput({field: [_("Enter at most %(longest)s characters.", longest=longest)]})
    return name


def _visible(character: str) -> str:
    if character in _BLANK or character.isspace():
        return " "
    return "" if unicodedata.category(character) in ("Cc", "Cf") else character
