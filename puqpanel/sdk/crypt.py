"""Encryption of secrets with the panel's keys, which can be rotated."""

import json
from typing import Any

from puqpanel.infra import crypto


def encrypt(value: Any) -> str:
    """Encrypt a value and return an opaque token.

    Args:
        value: text, or anything that JSON can hold.
    """
    return crypto.encrypt(value if isinstance(value, str) else _JSON + json.dumps(value))


def decrypt(token: str) -> Any:
    """Return the value that `encrypt` was given.

    Raises:
        KeyFileError: the token was altered, or the panel does not have its key.
    """
    text = crypto.decrypt(token)
    return json.loads(text.removeprefix(_JSON)) if text.startswith(_JSON) else text


_JSON = "\x00json:"
