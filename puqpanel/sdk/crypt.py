"""Secrets of modules, under the panel's keys, which can be rotated."""

import json
from typing import Any

from puqpanel.infra import crypto


def encrypt(value: Any) -> str:
    """A value as an opaque token.

    Text stays text; anything else travels as JSON and comes back from `decrypt` as it was.
    """
    return crypto.encrypt(value if isinstance(value, str) else _JSON + json.dumps(value))


def decrypt(token: str) -> Any:
    """What `encrypt` was given.

    Raises KeyFileError when the token was altered or made under a key the panel has not.
    """
    text = crypto.decrypt(token)
    return json.loads(text.removeprefix(_JSON)) if text.startswith(_JSON) else text


_JSON = "\x00json:"
