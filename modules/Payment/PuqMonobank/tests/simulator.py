"""What customers and monobank do in the payment cards of the contract suite."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

from puqpanel.sdk import PaymentAttempt, minor_units
from puqpanel.sdk.testing import PaymentSimulator

from .monobank_server import MonobankServer, signed


class Simulator(PaymentSimulator):
    """Customers of one merchant."""

    currency = "UAH"
    other_currency = ""
    refund_path = "/invoice/cancel"

    def __init__(self, server: MonobankServer) -> None:
        self.server = server

    def pay(self, attempt: PaymentAttempt, amount: Decimal, currency: str) -> bytes:
        """Let the customer pay the invoice."""
        self._invoice(attempt)["amount"] = minor_units(amount, currency)
        return json.dumps(self.server.pay(attempt.outside_id)).encode()

    def sign(self, body: bytes, at: datetime) -> dict[str, str]:
        """Sign with monobank's key."""
        return dict(signed(body).headers)

    def cancel(self, attempt: PaymentAttempt) -> bytes:
        """Say that a first try with another card failed."""
        invoice = self._invoice(attempt)
        earlier = {"status": "failure", "modifiedDate": invoice["createdDate"]}
        return json.dumps({**invoice, **earlier}).encode()

    def refund(self, attempt: PaymentAttempt) -> bytes:
        """Refund the invoice in monobank's web office."""
        invoice = self._invoice(attempt)
        self.server.cancel(invoice, {"amount": invoice["amount"], "extRef": ""})
        return json.dumps(invoice).encode()

    def held(self, attempt: PaymentAttempt) -> Decimal:
        """Return what refunds have left of the invoice."""
        return Decimal(self._invoice(attempt)["finalAmount"]) / 100

    def _invoice(self, attempt: PaymentAttempt) -> dict[str, Any]:
        return self.server.invoices[attempt.outside_id]
