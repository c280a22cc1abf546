"""The signature of webhooks, header `Stripe-Signature: t=…,v1=…`.

The SDK's own check measures the age against the current time; here it is the time of arrival, so
that an event that the panel stored stays valid.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from datetime import datetime

TOLERANCE = 300
"""How many seconds the signature may be older or newer than the arrival."""


def is_signed(body: bytes, header: str, secrets: Iterable[str], received_at: datetime) -> bool:
    """Return whether one of the secrets signed the body recently.

    Args:
        body: the raw body.
        header: the header; during a rotation it has a `v1` for each secret.
        secrets: the signing secrets; empty ones are ignored.
        received_at: when the webhook arrived.
    """
    fields = [part.strip().partition("=") for part in header.split(",")]
    times = [value for name, _, value in fields if name == "t"]
    if len(times) != 1 or not re.fullmatch(r"[0-9]{1,12}", times[0]):
        return False
    if abs(received_at.timestamp() - int(times[0])) > TOLERANCE:
        return False
    given = [value.encode() for name, _, value in fields if name == "v1"]
    signed = times[0].encode() + b"." + body
    return any(
        hmac.compare_digest(
            hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode(), signature
        )
        for secret in secrets
        if secret
        for signature in given
    )
