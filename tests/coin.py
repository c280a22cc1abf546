"""A gateway of the tests: its provider is a JSON file that lists payments by checkout.

`Coin` follows the panel's contract; `Ported` is written from the vendor documentation alone.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

SECRET = "sixteen letters at least"
COIN = """
import hashlib, hmac, json
from decimal import Decimal
from pathlib import Path
from puqpanel.sdk import (
    Checkout, ExternalServiceError, Payment, PaymentReport, RefundReport, Result, SavedMethod,
)

class Coin(Payment):
    def start_payment(self, attempt):
        book = self._book()
        if book.get("down"):
            raise ExternalServiceError("the provider is away")
        book.setdefault("checkouts", {})[attempt.key] = str(attempt.amount)
        self._write(book)
        return Checkout("cs_" + attempt.key, "https://coin.example/pay/" + attempt.key)

    def verify_event(self, event):
        if self._book().get("down"):
            raise ExternalServiceError("no key")
        digest = hmac.new(b"sixteen letters at least", event.body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(digest, event.header("X-Coin-Signature"))

    def read_event(self, event):
        if self._book().get("unread"):
            raise ExternalServiceError("away")
        return [self._report(each) for each in event.json.get("payments", [])]

    def observe_payment(self, outside_id):
        found = self._book().get("payments", {})
        return [self._report(each) for each in found.get(outside_id, [])]

    def refund(self, transaction_id, amount):
        book = self._book()
        match book.get("refund"):
            case "error": return Result.error("The payment is too old.", code=422)
            case "code": return Result.error("Busy.", code=book["code"])
            case "lost":
                book["refund"] = ""
                book.setdefault("refunds", {})[self.idempotency_key] = str(amount)
                self._write(book)
                raise ExternalServiceError("timed out")
            case "pending": return Result.pending("The bank needs two days.")
        book.setdefault("refunds", {})[self.idempotency_key] = str(amount)
        self._write(book)
        return RefundReport(transaction_id, "re_" + self.idempotency_key, "succeeded", amount, "EUR")

    def charge(self, attempt):
        book = self._book()
        mode = book.get("charge", "succeeded")
        book.setdefault("charges", []).append(attempt.key)
        if mode == "once":
            book["charge"] = "succeeded"
        self._write(book)
        match mode:
            case "lost" | "once": raise ExternalServiceError("timed out")
            case "error": return Result.error("Declined: code 51.", code=402)
            case "busy": return Result.error("Busy.", code=429)
            case "refused": return Result.error("The card was declined.", retry=False)
        return PaymentReport("ch_" + attempt.key, mode, attempt.amount, attempt.currency,
                             attempt=attempt.uuid, reason=book.get("reason", ""),
                             action_url=book.get("action_url", ""))

    def remove_method(self, method):
        book = self._book()
        self._write({**book, "removed": method.outside_id})
        return Result.success()

    def _report(self, each):
        values = dict(each)
        if values.pop("type", "") == "refund":
            return RefundReport(**{**values, "amount": Decimal(values["amount"])})
        if "method" in values:
            values["method"] = SavedMethod(**values["method"])
        return PaymentReport(**{**values, "amount": Decimal(values["amount"])})

    def _book(self):
        path = Path(self.module_data["file"])
        return json.loads(path.read_text()) if path.exists() else {}

    def _write(self, book):
        Path(self.module_data["file"]).write_text(json.dumps(book))
"""
PORTED = """
from puqpanel.sdk import Payment, response

class Ported(Payment):
    def getClientAreaHtml(self, data):
        invoice = data["invoice"]
        return f'<a href="https://old.example/?id={invoice.uuid}&amp;sum={invoice.getDueAmountAttribute()}'\
            f'&amp;back={self.getReturnUrl()}">{invoice.client.currency.code}</a>'

    def apiWebhookPost(self, request):
        payload = request.all()
        match payload.get("type"):
            case "payment_intent.succeeded":
                return self.onPaymentSuccess(payload)
            case "payment_intent.payment_failed":
                return self.onPaymentFailed(payload)
        return response("ok", 200)

    def refund(self, transactionId, amount):
        return {"success": True, "data": {"id": "old_refund"}}
"""


def signed(payments: list[dict[str, Any]], *, secret: str = SECRET) -> tuple[bytes, dict[str, str]]:
    """Return a webhook of the provider: its body and headers."""
    body = json.dumps({"payments": payments}).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return body, {"X-Coin-Signature": signature, "Content-Type": "application/json"}


def change(file: Path, **values: Any) -> None:
    """Change what the provider knows or does."""
    book = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps({**book, **values}))


def book(file: Path) -> dict[str, Any]:
    """Return what the provider knows."""
    return json.loads(file.read_text()) if file.exists() else {}
