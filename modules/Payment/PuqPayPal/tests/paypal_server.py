"""The PayPal of the tests: orders, captures, refunds, disputes and signed webhooks."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from puqpanel.sdk import PaymentAttempt, WebhookEvent
from puqpanel.sdk.testing import Lab, Provider, Reply, Seen

CLIENT, SECRET, WEBHOOK = "client-id-1", "the client's own secret", "9XL90610J3647323C"
CERTIFICATE = "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594"
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
SETTINGS = {
    "sandbox": True,
    "client_id": CLIENT,
    "client_secret": SECRET,
    "webhook_id": WEBHOOK,
    "verify_by_api": False,
    "brand_name": "",
    "immediate_only": False,
}
ATTEMPT = replace(PaymentAttempt.sample(), uuid="attempt-1", key="key-1")
FAULTS = ["500", "503", "429", "garbage", "empty", "drop", "drop_after", "500_after"]
WITHOUT_DECIMALS = {"HUF", "JPY", "TWD"}


@cache
def key_pair(number: int = 0, days: int = 3650) -> tuple[rsa.RSAPrivateKey, bytes]:
    """Return a key and its certificate; another for each number."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "messageverificationcerts")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(number + 1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    return key, made.public_bytes(serialization.Encoding.PEM)


def signed(
    body: object,
    *,
    at: datetime = NOW,
    received: datetime = NOW,
    webhook: str = WEBHOOK,
    url: str = CERTIFICATE,
    key: rsa.RSAPrivateKey | None = None,
) -> WebhookEvent:
    """Return a webhook as PayPal sends it."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    time = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    text = f"d938e770-8046-11e6-8103-6b62a8a99ac4|{time}|{webhook}|{zlib.crc32(raw)}"
    signature = (key or key_pair()[0]).sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    headers = {
        "content-type": "application/json",
        "paypal-auth-algo": "SHA256withRSA",
        "paypal-cert-url": url,
        "paypal-transmission-id": "d938e770-8046-11e6-8103-6b62a8a99ac4",
        "paypal-transmission-sig": base64.b64encode(signature).decode(),
        "paypal-transmission-time": time,
    }
    return WebhookEvent("event-1", raw, headers, received)


def event(kind: str, **resource: Any) -> WebhookEvent:
    """Return a signed webhook."""
    return signed({"id": "WH-1", "event_type": kind, "resource": resource})


def issue(code: str, status: int = 422) -> Reply:
    """Return an error as PayPal describes it."""
    name = "RESOURCE_NOT_FOUND" if status == 404 else "UNPROCESSABLE_ENTITY"
    details = [] if status == 404 else [{"issue": code, "description": f"About {code}."}]
    body = {"name": name, "message": "Not possible.", "debug_id": "f1a2b3", "details": details}
    return Reply.of(body, status)


class PayPalServer(Provider):
    """A PayPal with one REST app."""

    def __init__(self) -> None:
        super().__init__()
        self.orders: dict[str, dict[str, Any]] = {}
        self.captures: dict[str, dict[str, Any]] = {}
        self.refunds: dict[str, dict[str, Any]] = {}
        self.disputes: dict[str, dict[str, Any]] = {}
        self.done: dict[str, Reply] = {}
        self.tokens = self.approvals = 0
        self.valid = ""
        self.capture_as = ("COMPLETED", "")
        self.refund_as = "COMPLETED"
        self.refuse = ""
        self.genuine = True
        self.certificate = key_pair()[1]
        self.webhook = {"id": WEBHOOK, "url": "", "event_types": [{"name": "*"}]}

    def approve(self, order_id: str) -> None:
        """Let the payer approve an order."""
        order = self.orders[order_id]
        order["status"] = "APPROVED"
        self.approvals += 1
        order["update_time"] = f"2026-12-01T10:00:{self.approvals:02}Z"
        order["payer"] = {"email_address": "payer@example.test", "name": {"given_name": "Ann"}}

    def work(self, request: Seen) -> Reply:
        """Answer as PayPal does."""
        path, key = request.path, request.headers.get("paypal-request-id", "")
        if path == "/v1/oauth2/token":
            return self._token(request)
        if path.startswith("/v1/notifications/certs/"):
            return Reply(200, self.certificate, {"Content-Type": "application/x-pem-file"})
        if request.headers.get("authorization") != f"Bearer {self.valid}":
            return Reply.of({"error": "invalid_token", "error_description": "Expired."}, 401)
        if request.method == "GET" or not key:
            return self._read(request)
        if key not in self.done:
            reply = self._create(request)
            if reply.status >= 300 and b"INSTRUMENT_DECLINED" not in reply.body:
                return reply
            self.done[key] = reply
        return self.done[key]

    def _token(self, request: Seen) -> Reply:
        expected = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {expected}":
            return Reply.of({"error": "invalid_client", "error_description": "No."}, 401)
        self.tokens += 1
        self.valid = f"A21AAF-token-{self.tokens}"
        return Reply.of({"access_token": self.valid, "app_id": "APP-80W2", "expires_in": 32400})

    def _read(self, request: Seen) -> Reply:
        if request.path == "/v1/notifications/verify-webhook-signature":
            sent = request.json
            complete = sent["webhook_id"] == WEBHOOK and sent["webhook_event"]
            good = self.genuine and complete
            return Reply.of({"verification_status": "SUCCESS" if good else "FAILURE"})
        if request.path == f"/v1/notifications/webhooks/{WEBHOOK}":
            return Reply.of(self.webhook)
        kind, _, name = request.path.rpartition("/")
        found = {
            "/v2/checkout/orders": self.orders,
            "/v2/payments/captures": self.captures,
            "/v2/payments/refunds": self.refunds,
            "/v1/customer/disputes": self.disputes,
        }.get(kind, {})
        return Reply.of(found[name]) if name in found else issue("", 404)

    def _create(self, request: Seen) -> Reply:
        parts = request.path.split("/")
        if request.path == "/v2/checkout/orders":
            return self.order(request.json)
        if request.path.endswith("/capture"):
            return self.capture(parts[4])
        return self.refund(parts[4], request.json)

    def order(self, body: dict[str, Any]) -> Reply:
        """Create an order."""
        amount = body["purchase_units"][0]["amount"]
        if amount["currency_code"] in WITHOUT_DECIMALS and "." in amount["value"]:
            return issue("DECIMALS_NOT_SUPPORTED")
        order_id = f"5O190127TN36471{len(self.orders):02}"
        link = f"https://www.sandbox.paypal.com/checkoutnow?token={order_id}"
        self.orders[order_id] = {
            "id": order_id,
            "status": "PAYER_ACTION_REQUIRED",
            "intent": body["intent"],
            "purchase_units": body["purchase_units"],
            "links": [{"href": link, "rel": "payer-action", "method": "GET"}],
        }
        return Reply.of(self.orders[order_id])

    def capture(self, order_id: str) -> Reply:
        """Capture an approved order."""
        order = self.orders.get(order_id)
        if order is None:
            return issue("", 404)
        if self.refuse:
            return issue(self.refuse)
        if order["status"] != "APPROVED":
            done = order["status"] == "COMPLETED"
            return issue("ORDER_ALREADY_CAPTURED" if done else "ORDER_NOT_APPROVED")
        status, reason = self.capture_as
        unit = order["purchase_units"][0]
        capture_id = f"3C679366HH90899{len(self.captures):02}"
        capture = {
            "id": capture_id,
            "status": status,
            "amount": unit["amount"],
            "custom_id": unit["custom_id"],
            "create_time": "2026-12-01T11:00:00Z",
            "update_time": "2026-12-01T11:00:00Z",
            "seller_receivable_breakdown": {
                "paypal_fee": {**unit["amount"], "value": "1"},
            },
            "supplementary_data": {"related_ids": {"order_id": order_id}},
        }
        if reason:
            capture["status_details"] = {"reason": reason}
        self.captures[capture_id] = capture
        order["status"] = "COMPLETED"
        unit["payments"] = {"captures": [capture], "refunds": []}
        return Reply.of(order, 201)

    def refund(self, capture_id: str, body: dict[str, Any]) -> Reply:
        """Refund a part of a captured payment."""
        capture = self.captures.get(capture_id)
        if capture is None:
            return issue("", 404)
        if capture["status"] == "PENDING":
            return issue("PENDING_CAPTURE")
        before = [
            entry for entry in self.refunds.values() if capture_id in entry["links"][1]["href"]
        ]
        left = Decimal(capture["amount"]["value"]) - sum(
            Decimal(entry["amount"]["value"]) for entry in before
        )
        if Decimal(body["amount"]["value"]) > left:
            return issue("REFUND_AMOUNT_EXCEEDED" if left else "CAPTURE_FULLY_REFUNDED")
        refund_id = f"1JU08902781691{len(self.refunds):03}"
        base = "https://api.sandbox.paypal.com/v2/payments"
        refund = {
            "id": refund_id,
            "status": self.refund_as,
            **body,
            "links": [
                {"rel": "self", "href": f"{base}/refunds/{refund_id}"},
                {"rel": "up", "href": f"{base}/captures/{capture_id}"},
            ],
        }
        if self.refund_as == "PENDING":
            refund["status_details"] = {"reason": "ECHECK"}
        self.refunds[refund_id] = refund
        order = self.orders[capture["supplementary_data"]["related_ids"]["order_id"]]
        order["purchase_units"][0]["payments"]["refunds"].append(refund)
        return Reply.of(refund, 201)


def lead(lab: Lab, server: PayPalServer) -> None:
    """Let the module of a lab use this server as PayPal's sandbox."""
    client = lab.part("services.client")
    client.API[client.SANDBOX] = server.url
    for host in client.CERTIFICATES[client.SANDBOX]:
        client.CERTIFICATES[client.SANDBOX][host] = server.url


def paid_capture(server: PayPalServer, value: str = "21.90", currency: str = "EUR") -> str:
    """Return the id of a completed payment that was made elsewhere."""
    amount = {"currency_code": currency, "value": value}
    unit = {"custom_id": "an-attempt", "amount": amount}
    server.order({"intent": "CAPTURE", "purchase_units": [unit]})
    order_id = list(server.orders)[-1]
    server.approve(order_id)
    server.capture(order_id)
    return list(server.captures)[-1]
