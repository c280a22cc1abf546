"""Encryption of secrets with the panel's keys, which can be rotated."""

import json
from typing import Any

from puqpanel.infra import crypto, known_secrets, redact


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
    if text.startswith(_JSON):
        value = json.loads(text.removeprefix(_JSON))
        known_secrets.learn([value] if isinstance(value, str) else redact.named_secrets(value))
        return value
    known_secrets.learn([text])
    return text


_JSON = "\x00json:"
