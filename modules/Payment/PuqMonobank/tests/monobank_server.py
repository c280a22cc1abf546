"""The monobank of the tests: invoices, charges, refunds and signed webhooks."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from puqpanel.sdk import PaymentAttempt, WebhookEvent
from puqpanel.sdk.testing import Lab, Provider, Reply, Seen

TOKEN = "u3AulkpZFI1lIuGsik6vuPsVWqN7GoWs6o"
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
SETTINGS = {"token": TOKEN, "hold": False, "validity_hours": 24}
ATTEMPT = replace(
    PaymentAttempt.sample("UAH"), uuid="attempt-1", key="key-1", amount=Decimal("42.00")
)
FAULTS = ["500", "503", "429", "garbage", "empty", "drop", "drop_after", "500_after"]


@cache
def key_pair(number: int = 0) -> tuple[ec.EllipticCurvePrivateKey, str]:
    """Return a key and its public half as monobank gives it; another for each number."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return key, base64.b64encode(pem).decode()


def signed(body: object, number: int = 0, received: datetime = NOW) -> WebhookEvent:
    """Return a webhook as monobank sends it."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    signature = key_pair(number)[0].sign(raw, ec.ECDSA(hashes.SHA256()))
    headers = {"x-sign": base64.b64encode(signature).decode(), "content-type": "application/json"}
    return WebhookEvent("event-1", raw, headers, received)


def refusal(code: str, status: int = 400) -> Reply:
    """Return an error as monobank describes it."""
    return Reply.of({"errCode": code, "errText": f"about {code}"}, status)


class MonobankServer(Provider):
    """A monobank with one merchant."""

    def __init__(self) -> None:
        super().__init__()
        self.invoices: dict[str, dict[str, Any]] = {}
        self.refund_as = "success"
        self.key = 0
        self.ticks = 0

    def time(self) -> str:
        """Return a time that is later in every call."""
        self.ticks += 1
        return (NOW + timedelta(seconds=self.ticks)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def pay(self, invoice_id: str, status: str = "") -> dict[str, Any]:
        """Let the payer pay an invoice, and return a copy of its state."""
        invoice = self.invoices[invoice_id]
        held = invoice["paymentType"] == "hold"
        invoice["status"] = status or ("hold" if held else "success")
        invoice["modifiedDate"] = self.time()
        if invoice["status"] == "success":
            invoice["finalAmount"] = invoice["amount"]
            invoice["paymentInfo"] = {"maskedPan": "444403******1902", "fee": 55}
        copy: dict[str, Any] = json.loads(json.dumps(invoice))
        return copy

    def work(self, request: Seen) -> Reply:
        """Answer as monobank does."""
        if request.headers.get("x-token") != TOKEN:
            return refusal("FORBIDDEN", 403)
        path = request.path.removeprefix("/api/merchant")
        if path == "/details":
            return Reply.of({"merchantId": "12o4", "merchantName": "Lumen", "edrpou": "42424242"})
        if path == "/pubkey":
            return Reply.of({"key": key_pair(self.key)[1]})
        if path == "/invoice/create":
            return self._create(request.json)
        sent = request.json if request.body else {"invoiceId": request.field("invoiceId")}
        invoice = self.invoices.get(sent["invoiceId"])
        if invoice is None:
            return refusal("INVOICE_NOT_FOUND", 404)
        if path == "/invoice/status":
            return Reply.of(invoice)
        if path == "/invoice/finalize":
            if invoice["status"] != "hold":
                return refusal("INVALID_STATUS")
            self.pay(invoice["invoiceId"], "success")
            return Reply.of({"status": "success"})
        return self.cancel(invoice, sent)

    def _create(self, body: dict[str, Any]) -> Reply:
        invoice_id = f"p2_9ZgpZVsl{len(self.invoices)}"
        self.invoices[invoice_id] = {
            "invoiceId": invoice_id,
            "status": "created",
            "amount": body["amount"],
            "ccy": body["ccy"],
            "reference": body["merchantPaymInfo"]["reference"],
            "createdDate": self.time(),
            "modifiedDate": self.time(),
            "paymentType": body["paymentType"],
            "cancelList": [],
        }
        url = f"https://pay.mbnk.biz/{invoice_id}"
        return Reply.of({"invoiceId": invoice_id, "pageUrl": url})

    def cancel(self, invoice: dict[str, Any], sent: dict[str, Any]) -> Reply:
        """Refund a part of an invoice."""
        if invoice["status"] != "success" or sent["amount"] > invoice["finalAmount"]:
            return refusal("INVALID_AMOUNT")
        entry = {
            "status": self.refund_as,
            "amount": sent["amount"],
            "ccy": 980,
            "createdDate": self.time(),
            "modifiedDate": self.time(),
            "extRef": sent["extRef"],
        }
        invoice["cancelList"].append(entry)
        invoice["modifiedDate"] = self.time()
        if self.refund_as != "failure":
            invoice["finalAmount"] -= sent["amount"]
            if not invoice["finalAmount"]:
                invoice["status"] = "reversed"
        return Reply.of({name: entry[name] for name in ("status", "createdDate", "modifiedDate")})


def lead(lab: Lab, server: MonobankServer) -> None:
    """Let the module of a lab use this server as monobank."""
    lab.part("services.client").API["live"] = server.url
