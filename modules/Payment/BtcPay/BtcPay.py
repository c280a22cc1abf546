"""BTCPay Server: clients pay with Bitcoin or Lightning, and the money arrives in your own wallet.

Read this file first; it refers to every other file of the module. The panel matches, counts and
books what the module reports; the module stores nothing.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from puqpanel.sdk import (
    Checkout,
    ExternalServiceError,
    Payment,
    PaymentAttempt,
    Result,
    WebhookEvent,
    __,
    now,
)

from .forms import SettingsForm
from .services import connection, refunds
from .services.client import Client, Refused
from .services.reports import decimal, payment_reports, readable


class BtcPay(Payment):
    """A gateway for each store."""

    SettingsForm = SettingsForm

    def get_settings_page(self, data: Mapping[str, Any] | None = None) -> str:
        """Return the fields, and what to enter in BTCPay Server."""
        steps = {
            "address": self.webhook_url,
            "events": connection.SUBSCRIBED,
            "permissions": (*connection.REQUIRED, connection.WEBHOOKS),
        }
        return super().get_settings_page(data) + self.view("admin_area.webhook", steps)

    def test_connection(self) -> Result:
        """Check the key, the store and the webhook."""
        with Client(self.module_data) as client:
            return connection.check(client, self.module_data["store_id"], self.webhook_url)

    # 1. The client pays on the page of BTCPay Server.

    def start_payment(self, attempt: PaymentAttempt) -> Checkout:
        """Create an invoice, or return the one that was created for the attempt."""
        body = {
            "amount": f"{attempt.amount:f}",
            "currency": attempt.currency,
            "metadata": {
                "orderId": attempt.uuid,
                "attemptKey": attempt.key,
                "itemDesc": attempt.description[:200],
            },
            "checkout": {"redirectURL": self.get_return_url(), "redirectAutomatically": True},
        }
        with Client(self.module_data) as client:
            # there are no idempotency keys: an answer may have been lost
            known = client.invoices(orderId=attempt.uuid)
            usable = [invoice for invoice in known if _is_payable(invoice, attempt)]
            return _checkout(usable[0] if usable else client.create_invoice(body))

    # 2. What happened. Webhooks arrive in any order and more than once, and have no amounts that
    # could be booked. So an event only says what to ask BTCPay Server about.

    def verify_event(self, event: WebhookEvent) -> bool:
        """Return whether one of the two secrets signed the body.

        BTCPay Server signs no time. A repeated event is harmless: it only leads to a question.
        """
        given = event.header("BTCPay-Sig").removeprefix("sha256=").lower().encode()
        for name in ("webhook_secret", "previous_webhook_secret"):
            secret = str(self.module_data.get(name) or "")
            expected = hmac.new(secret.encode(), event.body, hashlib.sha256).hexdigest()
            if secret and hmac.compare_digest(expected.encode(), given):
                return True
        return False

    def read_event(self, event: WebhookEvent) -> Any:
        """Return the current state of the invoice or payout that a webhook is about."""
        body = event.json
        kind, store = str(body.get("type") or ""), body.get("storeId")
        known = kind in connection.SUBSCRIBED or kind in connection.PAYOUTS
        if not known or store not in (None, self.module_data["store_id"]):
            return []
        with Client(self.module_data) as client:
            if kind in connection.PAYOUTS:
                pull = body.get("pullPaymentId")
                return refunds.of_pull_payment(client, str(pull)) if pull else []
            id = body.get("invoiceId")
            return _observed(client, str(id)) if id else []

    def observe_payment(self, outside_id: str) -> Any:
        """Return all payments of an invoice, and their refunds.

        Args:
            outside_id: of the invoice, or of one of its payments: `invoice:payment`.
        """
        with Client(self.module_data) as client:
            return _observed(client, outside_id.partition(":")[0])

    # 3. Later.

    def refund(self, transaction_id: str, amount: Decimal) -> Any:
        """Create a pull payment, which the client claims: pending until it was paid out."""
        with Client(self.module_data) as client:
            try:
                return refunds.create(client, transaction_id, amount, self.idempotency_key)
            except Refused as refusal:
                return Result.error(str(refusal), code=422, retry=False)


def _observed(client: Client, id: str) -> list[Any]:
    invoice = client.invoice(id)
    reports: list[Any] = [*payment_reports(invoice, client.payment_methods(id))]
    if any(report.status == "succeeded" for report in reports):
        reports += refunds.of_invoice(client, id)
    return reports


@readable
def _is_payable(invoice: Mapping[str, Any], attempt: PaymentAttempt) -> bool:
    """Return whether an invoice was created for exactly this attempt and can still be paid."""
    metadata = invoice.get("metadata") or {}
    return (
        (metadata.get("orderId"), metadata.get("attemptKey")) == (attempt.uuid, attempt.key)
        and (decimal(invoice["amount"]), invoice["currency"]) == (attempt.amount, attempt.currency)
        and invoice["status"] == "New"
        and int(invoice["expirationTime"]) > now().timestamp()
    )


@readable
def _checkout(invoice: Mapping[str, Any]) -> Checkout:
    url, id = str(invoice.get("checkoutLink") or ""), str(invoice.get("id") or "")
    if not id or not url.startswith(("https://", "http://")):
        raise ExternalServiceError(__("BTCPay Server returned no payment page."))
    end = datetime.fromtimestamp(int(invoice["expirationTime"]), UTC)
    return Checkout(id, url, expires_at=end)
