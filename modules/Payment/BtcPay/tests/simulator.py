"""What customers and BTCPay Server do in the payment cards of the contract suite."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from puqpanel.sdk import PaymentAttempt
from puqpanel.sdk.testing import PaymentSimulator

from .btcpay_server import BtcPayServer, event, payment, signed


class Simulator(PaymentSimulator):
    """Customers of one store."""

    other_currency = ""  # invoices are paid in bitcoin, at a rate to their own currency
    refund_path = "/refund"

    def __init__(self, server: BtcPayServer) -> None:
        self.server = server

    def pay(self, attempt: PaymentAttempt, amount: Decimal, currency: str) -> bytes:
        """Let a transaction to the address of the invoice be confirmed."""
        [method] = self.server.methods[attempt.outside_id]
        value = amount / Decimal(method["rate"])
        method["payments"].append(payment(f"tx-{len(method['payments'])}", str(value)))
        self.server.store[attempt.outside_id]["status"] = "Settled"
        return event("InvoiceSettled", invoiceId=attempt.outside_id)

    def sign(self, body: bytes, at: datetime) -> dict[str, str]:
        """Sign with the current secret."""
        return signed(body)

    def cancel(self, attempt: PaymentAttempt) -> bytes:
        """Let the invoice expire."""
        self.server.store[attempt.outside_id]["status"] = "Expired"
        return event("InvoiceExpired", invoiceId=attempt.outside_id)

    def held(self, attempt: PaymentAttempt) -> Decimal:
        """Return what arrived less what pull payments allow to claim."""
        [method] = self.server.methods[attempt.outside_id]
        paid = sum(Decimal(one["value"]) for one in method["payments"]) * Decimal(method["rate"])
        return paid - sum(Decimal(one["amount"]) for one in self.server.pulls.values())
