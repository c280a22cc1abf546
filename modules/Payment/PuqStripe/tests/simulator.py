"""What customers and Stripe do in the payment cards of the contract suite."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from puqpanel.sdk import PaymentAttempt, minor_units
from puqpanel.sdk.testing import PaymentSimulator

from .stripe_server import StripeServer, event, signed


class Simulator(PaymentSimulator):
    """Customers of one Stripe account."""

    stale_after = timedelta(minutes=6)
    refund_path = "refunds"
    charge_path = "payment_intents"

    def __init__(self, server: StripeServer) -> None:
        self.server = server

    def pay(self, attempt: PaymentAttempt, amount: Decimal, currency: str) -> bytes:
        """Let the customer pay the Checkout Session."""
        session = self.server.objects[attempt.outside_id]
        session["amount_total"] = minor_units(amount, currency)
        session["currency"] = currency.lower()
        self.server.pay(attempt.outside_id)
        return event("checkout.session.completed", session)

    def sign(self, body: bytes, at: datetime) -> dict[str, str]:
        """Sign with the current secret."""
        return signed(body, at=at.timestamp())

    def cancel(self, attempt: PaymentAttempt) -> bytes:
        """Say that the session expired."""
        return event("checkout.session.expired", {"id": attempt.outside_id})

    def refund(self, attempt: PaymentAttempt) -> bytes:
        """Refund a PaymentIntent in Stripe's Dashboard."""
        intent = self._intents(attempt)[-1]
        form = {"payment_intent": intent["id"], "amount": intent["amount"]}
        self.server.create_refund(form)
        return event("refund.created", list(self.server.objects.values())[-1])

    def held(self, attempt: PaymentAttempt) -> Decimal:
        """Return what the PaymentIntents of an attempt received less what was refunded."""
        minor = 0
        for intent in self._intents(attempt):
            charge = self.server.objects[intent["latest_charge"]]
            minor += intent["amount_received"] - charge["amount_refunded"]
        return Decimal(minor) / 100

    def _intents(self, attempt: PaymentAttempt) -> list[dict[str, object]]:
        return [
            item
            for item in self.server.objects.values()
            if item["object"] == "payment_intent"
            and item["metadata"].get("puqpanel_attempt") == attempt.uuid
        ]
