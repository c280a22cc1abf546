"""What customers and the bank do in the payment cards of the contract suite."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime
from decimal import Decimal
from itertools import count
from typing import Any

import sqlalchemy as sa

from puqpanel.sdk import PaymentAttempt, db
from puqpanel.sdk.testing import PaymentSimulator

SECRET = "sixteen letters, and more"


class Simulator(PaymentSimulator):
    """Customers who transfer money to the account."""

    def __init__(self) -> None:
        self.numbers = count(1)
        self.table: Any = None  # the module's `Transfer`, once it is loaded

    def pay(self, attempt: PaymentAttempt, amount: Decimal, currency: str) -> bytes:
        """Let a transfer with the reference of the payment page arrive."""
        return self._message(attempt, f"tx-{next(self.numbers)}", amount, currency)

    def sign(self, body: bytes, at: datetime) -> dict[str, str]:
        """Sign with the secret that the bank and the gateway share."""
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        return {"Content-Type": "application/json", "X-Signature": f"sha256={signature}"}

    def cancel(self, attempt: PaymentAttempt) -> bytes:
        """Say that an earlier transfer was returned."""
        return self._message(attempt, "tx-0", attempt.amount, attempt.currency, "returned")

    def _message(
        self,
        attempt: PaymentAttempt,
        key: str,
        amount: Decimal,
        currency: str,
        status: str = "received",
    ) -> bytes:
        expected = self.table.invoice_uuid == attempt.invoice.uuid
        reference = db.session.scalars(sa.select(self.table.reference).where(expected)).one()
        message = {"id": key, "reference": reference, "amount": f"{amount:.2f}"}
        return json.dumps({**message, "currency": currency, "status": status}).encode()
