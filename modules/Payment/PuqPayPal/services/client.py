"""PayPal's REST API: a thin client."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import quote, urlsplit

from cryptography import x509

from puqpanel.sdk import ExternalServiceError, __, cache, http

LIVE, SANDBOX = "live", "sandbox"
API = {LIVE: "https://api-m.paypal.com", SANDBOX: "https://api-m.sandbox.paypal.com"}
CERTIFICATES = {
    LIVE: {
        "api.paypal.com": "https://api.paypal.com",
        "api-m.paypal.com": "https://api-m.paypal.com",
    },
    SANDBOX: {
        "api.sandbox.paypal.com": "https://api.sandbox.paypal.com",
        "api-m.sandbox.paypal.com": "https://api-m.sandbox.paypal.com",
    },
}
"""The hosts from which PayPal's certificates may come, with the addresses to fetch them from."""
_CERTIFICATE_PATH = re.compile(r"/v1/notifications/certs/[A-Za-z0-9_-]{1,100}\Z")
_DAY = 24 * 3600
_SPARE_SECONDS = 120
_REFUSALS = frozenset({400, 403, 404, 422})


class Refused(ExternalServiceError):
    """PayPal refused a request; repeating it unchanged has the same result.

    Attributes:
        issue: PayPal's code, such as ORDER_NOT_APPROVED.
    """

    def __init__(self, message: str, code: int, issue: str) -> None:
        super().__init__(message, code)
        self.issue = issue


class PayPal:
    """The API as one REST app sees it; a context manager."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """Prepare the client.

        Args:
            settings: of the gateway.
        """
        self.mode = SANDBOX if settings.get("sandbox") else LIVE
        self._id = str(settings.get("client_id") or "").strip()
        self._secret = str(settings.get("client_secret") or "").strip()
        digest = hashlib.sha256(f"{self.mode}\n{self._id}\n{self._secret}".encode()).hexdigest()
        self._cache_key = f"token-{digest}"
        self._token = ""
        self._wire = http.session(API[self.mode], secrets=[self._secret])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._wire.close()

    # What this module needs of it

    def create_order(self, order: Mapping[str, Any], key: str) -> dict[str, Any]:
        """Create an order; a repetition with the same key returns the same order."""
        return self.post("/v2/checkout/orders", order, key)

    def order(self, order_id: str) -> dict[str, Any]:
        """Return an order."""
        return self.get(f"/v2/checkout/orders/{quote(order_id, safe='')}")

    def capture_order(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Capture an approved order and return it; a repetition has no further effect.

        The key changes when the payer approves the order again, after PayPal declined a card:
        with the same key, PayPal may return the same refusal.
        """
        order_id = str(order.get("id"))
        approval = json.dumps([order.get("update_time"), order.get("payment_source")])
        digest = hashlib.sha256(approval.encode()).hexdigest()[:16]
        path = f"/v2/checkout/orders/{quote(order_id, safe='')}/capture"
        return self.post(path, {}, f"capture-{order_id}-{digest}")

    def capture(self, capture_id: str) -> dict[str, Any]:
        """Return a captured payment."""
        return self.get(f"/v2/payments/captures/{quote(capture_id, safe='')}")

    def refund_capture(self, capture_id: str, body: Mapping[str, Any], key: str) -> dict[str, Any]:
        """Refund a captured payment; a repetition with the same key returns the same refund."""
        path = f"/v2/payments/captures/{quote(capture_id, safe='')}/refund"
        return self.post(path, body, key)

    def refund(self, refund_id: str) -> dict[str, Any]:
        """Return a refund."""
        return self.get(f"/v2/payments/refunds/{quote(refund_id, safe='')}")

    def dispute(self, dispute_id: str) -> dict[str, Any]:
        """Return a dispute."""
        return self.get(f"/v1/customer/disputes/{quote(dispute_id, safe='')}")

    def webhook(self, webhook_id: str) -> dict[str, Any]:
        """Return a webhook of the app: its address and its events."""
        return self.get(f"/v1/notifications/webhooks/{quote(webhook_id, safe='')}")

    def verify_signature(self, body: bytes) -> bool:
        """Return whether PayPal confirms a webhook's signature.

        Args:
            body: the request as JSON, in which the webhook's body is exactly as it arrived.
        """
        answer = self._send("POST", "/v1/notifications/verify-webhook-signature", data=body)
        return str(answer.get("verification_status")) == "SUCCESS"

    def certificate(self, url: str) -> x509.Certificate:
        """Return the certificate at an address of PayPal, from the cache for a day.

        Args:
            url: an address for which `is_certificate_address` holds.

        Raises:
            ExternalServiceError: it could not be fetched or read.
        """
        key = f"certificate-{url}"
        if isinstance(cached := cache.get(key), str):
            return x509.load_pem_x509_certificate(cached.encode())
        parts = urlsplit(url)
        with http.session(CERTIFICATES[self.mode][parts.netloc]) as host:
            answer = host.get(parts.path)
        if not answer.ok:
            raise ExternalServiceError(
                __("PayPal's certificate could not be fetched: :error", {"error": answer.error}),
                answer.http_code,
            )
        try:
            certificate = x509.load_pem_x509_certificate(answer.content)
        except ValueError as error:
            raise ExternalServiceError(__("PayPal's certificate cannot be read.")) from error
        cache.put(key, answer.text, _DAY)
        return certificate

    # How requests are sent

    def get(self, path: str) -> dict[str, Any]:
        """Send a GET request and return the response's object."""
        return self._send("GET", path)

    def post(self, path: str, body: Mapping[str, Any], key: str) -> dict[str, Any]:
        """Send a POST request that PayPal executes once per key."""
        headers = {"Prefer": "return=representation"}
        if key:
            headers["PayPal-Request-Id"] = key
        return self._send("POST", path, json=body, headers=headers)

    def token(self, fresh: bool = False) -> dict[str, Any]:
        """Return the app's access token as PayPal issued it.

        Args:
            fresh: request it even if one is cached.

        Raises:
            ExternalServiceError: PayPal refused the client ID or the secret, or did not respond.
        """
        cached = None if fresh else cache.get(self._cache_key)
        if isinstance(cached, dict) and cached.get("access_token"):
            return cached
        with http.session(API[self.mode], auth=(self._id, self._secret)) as wire:
            answer = wire.post(
                "/v1/oauth2/token", data={"grant_type": "client_credentials"}, log_body=False
            )
        if answer.http_code == 401:
            raise ExternalServiceError(
                __(
                    "PayPal refused the client ID or the secret. Are they those of the :mode app?",
                    {"mode": self.mode},
                ),
                401,
            )
        token = _object(answer)
        if not isinstance(token.get("access_token"), str):
            raise ExternalServiceError(__("PayPal issued no access token."), answer.http_code)
        lifetime = token.get("expires_in")
        seconds = (lifetime if isinstance(lifetime, int) else 0) - _SPARE_SECONDS
        if seconds > 0:
            cache.put(self._cache_key, token, seconds)
        return token

    def _send(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        answer = self._once(method, path, **options)
        if answer.http_code == 401:  # the token was revoked
            cache.forget(self._cache_key)
            self._token = ""
            answer = self._once(method, path, fresh=True, **options)
        return _object(answer)

    def _once(self, method: str, path: str, fresh: bool = False, **options: Any) -> http.Answer:
        if not self._token:
            self._token = self.token(fresh)["access_token"]
            self._wire.secrets.append(self._token)
        headers = {
            "Authorization": "Bearer " + self._token,
            "Content-Type": "application/json",
            **options.pop("headers", {}),
        }
        return self._wire.request(method, path, headers=headers, **options)


def is_certificate_address(url: str, mode: str) -> bool:
    """Return whether a certificate's address is one of PayPal's own.

    Args:
        url: from a webhook's header.
        mode: live or sandbox; each accepts its own certificates only.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    exact = url == f"https://{parts.netloc}{parts.path}"
    known = parts.netloc in CERTIFICATES[mode]
    return exact and known and bool(_CERTIFICATE_PATH.match(parts.path))


def _object(answer: http.Answer) -> dict[str, Any]:
    """Return the object of a response.

    Raises:
        Refused: PayPal refused the request.
        ExternalServiceError: it did not respond, or not as documented.
    """
    if answer.ok and isinstance(answer.data, dict):
        return answer.data
    if answer.ok:
        raise ExternalServiceError(__("PayPal's response is not as documented."), answer.http_code)
    if answer.http_code not in _REFUSALS or not isinstance(answer.data, dict):
        raise ExternalServiceError(
            __("PayPal could not be reached: :error", {"error": answer.error}), answer.http_code
        )
    details = answer.data.get("details")
    first = details[0] if isinstance(details, list) and details else {}
    first = first if isinstance(first, dict) else {}
    issue = str(first.get("issue") or answer.data.get("name") or answer.http_code)[:100]
    text = str(first.get("description") or answer.data.get("message") or "")[:300]
    values = {"text": text, "issue": issue, "id": str(answer.data.get("debug_id") or "")[:50]}
    message = __("PayPal refused the request: :text (:issue, debug ID :id)", values)
    raise Refused(message, answer.http_code, issue)
