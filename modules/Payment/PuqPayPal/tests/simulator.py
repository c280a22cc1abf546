"""What customers and PayPal do in the payment cards of the contract suite."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from puqpanel.sdk import PaymentAttempt
from puqpanel.sdk.testing import PaymentSimulator

from .paypal_server import PayPalServer, event, signed


class Simulator(PaymentSimulator):
    """Customers of one business account."""

    stale_after = timedelta(days=5)  # PayPal repeats a delivery for three days
    refund_path = "/refund$"

    def __init__(self, server: PayPalServer) -> None:
        self.server = server

    def pay(self, attempt: PaymentAttempt, amount: Decimal, currency: str) -> bytes:
        """Let the customer approve the order, which the module captures."""
        [unit] = self.server.orders[attempt.outside_id]["purchase_units"]
        unit["amount"] = {"currency_code": currency, "value": f"{amount:.2f}"}
        self.server.approve(attempt.outside_id)
        return event("CHECKOUT.ORDER.APPROVED", id=attempt.outside_id).body

    def sign(self, body: bytes, at: datetime) -> dict[str, str]:
        """Sign with PayPal's key."""
        return dict(signed(body, at=at).headers)

    def cancel(self, attempt: PaymentAttempt) -> bytes:
        """Say that the payment was pending and denied."""
        return event("PAYMENT.CAPTURE.DENIED", id=self._captures(attempt)[-1]["id"]).body

    def refund(self, attempt: PaymentAttempt) -> bytes:
        """Refund the payment on PayPal's website; capture it there before."""
        if not self._captures(attempt):
            self.server.capture(attempt.outside_id)
        capture = self._captures(attempt)[-1]
        self.server.refund(capture["id"], {"amount": capture["amount"]})
        refund = list(self.server.refunds.values())[-1]
        return event("PAYMENT.CAPTURE.REFUNDED", **refund).body

    def held(self, attempt: PaymentAttempt) -> Decimal:
        """Return what was captured less what was refunded."""
        payments = self._payments(attempt)
        totals = [
            sum(Decimal(one["amount"]["value"]) for one in payments[kind])
            for kind in ("captures", "refunds")
        ]
        return Decimal(totals[0] - totals[1])

    def _captures(self, attempt: PaymentAttempt) -> list[dict[str, Any]]:
        return list(self._payments(attempt)["captures"])

    def _payments(self, attempt: PaymentAttempt) -> dict[str, Any]:
        [unit] = self.server.orders[attempt.outside_id]["purchase_units"]
        return dict(unit.get("payments") or {"captures": [], "refunds": []})
