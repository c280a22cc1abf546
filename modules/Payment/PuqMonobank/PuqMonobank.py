"""monobank acquiring: clients pay in hryvnia on monobank's page.

Read this file first. `services/client.py` sends requests and verifies signatures,
`services/reports.py` turns monobank's invoices into reports.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from puqpanel.sdk import (
    Checkout,
    ExternalServiceError,
    Payment,
    PaymentAttempt,
    RefundReport,
    Result,
    WebhookEvent,
    __,
)

from .forms import SettingsForm
from .services import reports
from .services.client import Monobank, Refused, is_signed


class PuqMonobank(Payment):
    """A gateway for each merchant of monobank acquiring."""

    SettingsForm = SettingsForm

    def get_settings_page(self, data: Mapping[str, Any] | None = None) -> str:
        """Return the form, below it the webhook's address."""
        note = self.view("admin_area.settings", {"url": self.webhook_url})
        return super().get_settings_page(data) + note

    def test_connection(self) -> Result:
        """Request the merchant that the token belongs to."""
        with Monobank(self.module_data) as api:
            merchant = api.merchant()
        values = {"name": merchant.get("merchantName"), "code": merchant.get("edrpou")}
        return Result.success(__("Connected to the merchant :name (EDRPOU :code).", values))

    # Paying

    def start_payment(self, attempt: PaymentAttempt) -> Checkout:
        """Create an invoice that the client pays on monobank's page."""
        validity = timedelta(hours=int(self.module_data.get("validity_hours") or 24))
        invoice = {
            "amount": reports.kopiykas(attempt.amount, attempt.currency),
            "ccy": reports.CODE,
            "merchantPaymInfo": {
                "reference": attempt.uuid,
                "destination": attempt.description[:280],
            },
            "redirectUrl": self.get_return_url(),
            "webHookUrl": self.webhook_url,
            "validity": int(validity.total_seconds()),
            "paymentType": "hold" if self.module_data.get("hold") else "debit",
        }
        with Monobank(self.module_data) as api:
            created = api.create_invoice(invoice, attempt.key)
        invoice_id, url = created.get("invoiceId"), created.get("pageUrl")
        if not isinstance(invoice_id, str) or not isinstance(url, str) or not (invoice_id and url):
            raise ExternalServiceError(__("monobank created no invoice that can be paid."))
        return Checkout(invoice_id, url, expires_at=datetime.fromisoformat(created["expires_at"]))

    def observe_payment(self, outside_id: str) -> list[Any]:
        """Return reports of an invoice; monobank sends no webhook for one that expired."""
        with Monobank(self.module_data) as api:
            try:
                invoice = api.invoice(outside_id)
            except Refused as refusal:
                if refusal.code == 404:
                    return []
                raise
            return self._read(api, invoice)

    def _read(self, api: Monobank, invoice: Mapping[str, Any]) -> list[Any]:
        """Return an invoice's reports, after charging it if its amount is held."""
        if invoice.get("status") == "hold":
            invoice_id, amount = str(invoice.get("invoiceId")), invoice.get("amount")
            if isinstance(amount, int):
                try:
                    api.finalize(invoice_id, amount)
                except Refused:
                    charged = api.invoice(invoice_id)
                    if charged.get("status") == "hold":
                        raise
                else:
                    charged = api.invoice(invoice_id)
                invoice = charged
        return list(reports.invoice_reports(invoice))

    # Webhooks

    def verify_event(self, event: WebhookEvent) -> bool:
        """Return whether monobank signed a webhook, with its present key or a newer one."""
        signature = event.header("X-Sign")
        if not signature or not event.json:
            return False
        with Monobank(self.module_data) as api:
            key = api.public_key()
            if is_signed(event.body, signature, key):
                return True
            newer = api.public_key(newest=True)
        return newer != key and is_signed(event.body, signature, newer)

    def read_event(self, event: WebhookEvent) -> list[Any]:
        """Return the newest state of an invoice: webhooks arrive in any order."""
        sent = event.json
        invoice_id = sent.get("invoiceId")
        if not isinstance(invoice_id, str) or not invoice_id or "status" not in sent:
            return []
        with Monobank(self.module_data) as api:
            return self._read(api, reports.newest(api.invoice(invoice_id), sent))

    # Refunds

    def refund(self, transaction_id: str, amount: Decimal) -> RefundReport | Result:
        """Refund all or part of a payment, once for each key: monobank keeps it as `extRef`."""
        key, minor = self.idempotency_key, reports.kopiykas(amount)
        with Monobank(self.module_data) as api:
            try:
                done = reports.find_refund(api.invoice(transaction_id), key)
                if done is None:
                    done = {"extRef": key, "amount": minor}
                    done |= {"status": api.cancel(transaction_id, minor, key).get("status")}
            except Refused as refusal:
                return Result.error(str(refusal), code=422, retry=False)
        return reports.refund_report(transaction_id, done)
