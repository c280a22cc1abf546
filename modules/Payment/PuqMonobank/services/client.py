"""The API of monobank acquiring: a thin client."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from puqpanel.sdk import ExternalServiceError, __, cache, http, now

API = {"live": "https://api.monobank.ua"}
"""The test system has the same address; a test token selects it."""
KEY_PAUSE = 60
"""Seconds between two requests for the public key."""
_MONTH = 30 * 24 * 3600
_REFUSALS = frozenset({400, 403, 404, 405})
_FETCHED, _FAILED = "fetched", "failed"


class Refused(ExternalServiceError):
    """monobank refused a request; repeating it unchanged has the same result."""


class Monobank:
    """The API as one merchant sees it; a context manager."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """Prepare the client.

        Args:
            settings: of the gateway.
        """
        token = str(settings.get("token") or "").strip()
        self._merchant = hashlib.sha256(token.encode()).hexdigest()
        self._wire = http.session(API["live"], headers={"X-Token": token}, secrets=[token])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._wire.close()

    def create_invoice(self, invoice: Mapping[str, Any], key: str) -> dict[str, Any]:
        """Create an invoice, or return the one created with this key while it is valid.

        monobank has no idempotency keys. If the cache is lost, the result is a second invoice
        whose predecessor nobody has the address of.

        Returns:
            monobank's response, with `expires_at` as text.
        """
        name = f"invoice-{self._merchant}-{key}"
        cached = cache.get(name)
        if isinstance(cached, dict):
            return cached
        seconds = int(invoice["validity"])
        expires_at = (now() + timedelta(seconds=seconds)).isoformat()
        created = self._send("POST", "/api/merchant/invoice/create", json=invoice)
        created = {**created, "expires_at": expires_at}
        if created.get("invoiceId") and created.get("pageUrl"):
            cache.put(name, created, seconds)
        return created

    def invoice(self, invoice_id: str) -> dict[str, Any]:
        """Return an invoice's status."""
        return self._send("GET", "/api/merchant/invoice/status", params={"invoiceId": invoice_id})

    def finalize(self, invoice_id: str, minor: int) -> dict[str, Any]:
        """Charge a held amount."""
        body = {"invoiceId": invoice_id, "amount": minor}
        return self._send("POST", "/api/merchant/invoice/finalize", json=body)

    def cancel(self, invoice_id: str, minor: int, reference: str) -> dict[str, Any]:
        """Refund a paid invoice, or a part of it."""
        body = {"invoiceId": invoice_id, "extRef": reference, "amount": minor}
        return self._send("POST", "/api/merchant/invoice/cancel", json=body)

    def merchant(self) -> dict[str, Any]:
        """Return the merchant that the token belongs to."""
        return self._send("GET", "/api/merchant/details")

    def public_key(self, newest: bool = False) -> bytes:
        """Return the public key of webhooks' signatures, requested at most once a minute.

        Args:
            newest: request it even if one is cached, because a signature does not match.

        Raises:
            ExternalServiceError: it cannot be requested now.
        """
        name, asked_name = f"key-{self._merchant}", f"key-asked-{self._merchant}"
        cached = cache.get(name)
        if isinstance(cached, str) and not newest:
            return cached.encode()
        asked = cache.get(asked_name)
        if asked == _FETCHED and isinstance(cached, str):
            return cached.encode()
        if asked:
            raise ExternalServiceError(__("monobank's public key was requested a moment ago."))
        cache.put(asked_name, _FAILED, KEY_PAUSE)
        answer = self._send("GET", "/api/merchant/pubkey")
        try:
            pem = base64.b64decode(str(answer.get("key")), validate=True)
            _load(pem)
        except (ValueError, binascii.Error) as error:
            raise ExternalServiceError(__("monobank's public key cannot be read.")) from error
        cache.put(name, pem.decode(), _MONTH)
        cache.put(asked_name, _FETCHED, KEY_PAUSE)
        return pem

    def _send(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        answer = self._wire.request(method, path, **options)
        data = answer.data if isinstance(answer.data, dict) else {}
        if answer.ok and data:
            return data
        if answer.ok:
            raise ExternalServiceError(
                __("monobank's response is not as documented."), answer.http_code
            )
        if answer.http_code in _REFUSALS and data:
            text = str(data.get("errText") or data.get("errorDescription") or "")[:300]
            code = str(data.get("errCode") or answer.http_code)[:50]
            if answer.http_code == 403:
                text = __("the token is not valid.")
            values = {"text": text, "code": code}
            message = __("monobank refused the request: :text (:code)", values)
            raise Refused(message, answer.http_code)
        raise ExternalServiceError(
            __("monobank could not be reached: :error", {"error": answer.error}), answer.http_code
        )


def is_signed(body: bytes, signature: str, pem: bytes) -> bool:
    """Return whether a webhook's signature is that of a public key's owner.

    Args:
        body: as it arrived.
        signature: the X-Sign header.
        pem: the public key.
    """
    try:
        _load(pem).verify(base64.b64decode(signature, validate=True), body, _ALGORITHM)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


_ALGORITHM = ec.ECDSA(hashes.SHA256())


def _load(pem: bytes) -> ec.EllipticCurvePublicKey:
    key = load_pem_public_key(pem)
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise ValueError("not an elliptic curve key")
    return key
