"""Signatures of PayPal's webhooks."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from puqpanel.sdk import ExternalServiceError, WebhookEvent, __

TOLERANCE = timedelta(days=4)
"""PayPal repeats a delivery for three days."""
_HEADERS = {
    "auth_algo": "PayPal-Auth-Algo",
    "cert_url": "PayPal-Cert-Url",
    "transmission_id": "PayPal-Transmission-Id",
    "transmission_sig": "PayPal-Transmission-Sig",
    "transmission_time": "PayPal-Transmission-Time",
}


def looks_signed(event: WebhookEvent) -> bool:
    """Return whether an event has all parts of a signature, an object as body, and is recent."""
    if not all(event.header(name) for name in _HEADERS.values()) or not event.json:
        return False
    try:
        sent = datetime.fromisoformat(event.header("PayPal-Transmission-Time"))
    except ValueError:
        return False
    sent = sent if sent.tzinfo else sent.replace(tzinfo=UTC)
    return abs(event.received_at - sent) <= TOLERANCE


def is_signed(event: WebhookEvent, webhook_id: str, certificate: x509.Certificate) -> bool:
    """Return whether the signature is that of the certificate's owner.

    Args:
        event: the webhook.
        webhook_id: PayPal's id of the webhook, from the settings.
        certificate: of PayPal.

    Raises:
        ExternalServiceError: the certificate cannot be used.
    """
    key = certificate.public_key()
    valid = certificate.not_valid_before_utc <= event.received_at <= certificate.not_valid_after_utc
    if not isinstance(key, rsa.RSAPublicKey) or not valid:
        raise ExternalServiceError(__("PayPal's certificate has expired or has another key type."))
    parts = (
        event.header("PayPal-Transmission-Id"),
        event.header("PayPal-Transmission-Time"),
        webhook_id,
        str(zlib.crc32(event.body)),
    )
    try:
        signature = base64.b64decode(event.header("PayPal-Transmission-Sig"), validate=True)
        key.verify(signature, "|".join(parts).encode(), padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def verification_request(event: WebhookEvent, webhook_id: str) -> bytes:
    """Return the request by which PayPal's API verifies a signature.

    The webhook's body is inserted exactly as it arrived: PayPal signed its bytes.
    """
    fields = {field: event.header(name) for field, name in _HEADERS.items()}
    start = json.dumps({**fields, "webhook_id": webhook_id})
    return start[:-1].encode() + b', "webhook_event": ' + event.body + b"}"
