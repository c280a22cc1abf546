"""Stripe: clients pay on Stripe's page, saved cards are charged, webhooks report what happened.

Read this file first; it refers to every other file of the module. The panel matches, counts and
books what the module reports; the module stores nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from puqpanel.sdk import (
    Checkout,
    ExternalServiceError,
    Payment,
    PaymentAttempt,
    PaymentReport,
    Result,
    SavedMethod,
    WebhookEvent,
    __,
)

from .forms import SettingsForm
from .services import connection, events
from .services.amounts import UnusableAmount
from .services.client import API_VERSION, Client
from .services.errors import Refused
from .services.reports import (
    ATTEMPT,
    REFUND_KEY,
    checkout_reports,
    dispute_reports,
    intent_report,
    refund_reports,
)
from .services.requests import charge_params, checkout_params, made_with, refund_params
from .services.signature import is_signed


class PuqStripe(Payment):
    """A gateway for each Stripe account."""

    SettingsForm = SettingsForm

    def get_settings_page(self, data: Mapping[str, Any] | None = None) -> str:
        """Return the fields, and what to enter in Stripe's Dashboard."""
        steps = {"address": self.webhook_url, "events": events.SUBSCRIBED, "version": API_VERSION}
        return super().get_settings_page(data) + self.view("admin_area.webhook", steps)

    def test_connection(self) -> Result:
        """Check the key, its account and the webhook endpoint."""
        with self._client() as client:
            return connection.check(client, self.module_data, self.webhook_url)

    # 1. The client pays.

    def start_payment(self, attempt: PaymentAttempt) -> Checkout:
        """Create a Checkout Session; the same one if it is repeated within a day."""
        urls = self.get_return_url(), self.get_cancel_url()
        customer, key = attempt.customer_id, attempt.key
        with self._client() as client:
            try:
                session = client.create_checkout(checkout_params(attempt, *urls, customer), key)
            except Refused as refusal:
                if refusal.param != "customer" or not customer:
                    raise
                # deleted at Stripe, or of the sandbox: the client becomes a new customer there
                params = checkout_params(attempt, *urls, "")
                session = client.create_checkout(params, f"{key}-new-customer")
        return _checkout(session)

    # 2. What happened. The objects in a webhook may be older than what is known: they arrive in
    # any order and are repeated for days. So an event only says what to ask Stripe about.

    def verify_event(self, event: WebhookEvent) -> bool:
        """Return whether one of the two secrets signed the webhook in the last five minutes."""
        names = ("webhook_secret", "previous_webhook_secret")
        secrets = [str(self.module_data.get(name) or "") for name in names]
        header = event.header("Stripe-Signature")
        return is_signed(event.body, header, secrets, event.received_at)

    def read_event(self, event: WebhookEvent) -> Any:
        """Return the current state of what a webhook is about."""
        name, item = events.content(event)
        if name in events.METHODS:
            return events.method(name, item)
        if name not in events.SUBSCRIBED:
            return []
        with self._client() as client:
            return events.read(client, name, item)

    def observe_payment(self, outside_id: str) -> Any:
        """Return the state of a Checkout Session (cs_…) or PaymentIntent (pi_…)."""
        with self._client() as client:
            if outside_id.startswith("cs_"):
                return checkout_reports(client.checkout(outside_id))
            intent = client.intent(outside_id)
            report = intent_report(intent)
            reports: list[Any] = [report] if report else []
            charge = intent.get("latest_charge")
            if report and report.status == "succeeded":
                for refund in client.refunds_of(outside_id):
                    reports += refund_reports(refund)
            if report and isinstance(charge, dict) and charge.get("disputed"):
                for dispute in client.disputes_of(outside_id):
                    reports += dispute_reports(dispute)
        return reports

    # 3. Later.

    def charge(self, attempt: PaymentAttempt) -> Result | PaymentReport:
        """Charge a saved method. A bank that wants the client to confirm it declines the charge."""
        method = attempt.method
        if method is None or not method.customer_id:
            return _refused(__("There is no saved payment method."))
        with self._client() as client:
            try:
                params = charge_params(attempt, method)
                # Stripe forgets keys after a day, and repeats an HTTP 500 until then.
                made = client.intents_of(method.customer_id)
                intent = made_with(made, ATTEMPT, attempt.uuid)
                intent = intent or client.create_intent(params, attempt.key)
            except (Refused, UnusableAmount) as refusal:
                intent = getattr(refusal, "intent", None)
                if intent is None:
                    return _refused(str(refusal))
        report = intent_report(intent, charged=True)
        if report is None:
            raise ExternalServiceError(__("Stripe's response could not be read."))
        return report

    def remove_method(self, method: SavedMethod) -> Result:
        """Detach a saved method from the customer; one that is gone already is a success."""
        with self._client() as client:
            try:
                client.detach(method.outside_id, f"detach-{method.outside_id}")
            except Refused as refusal:
                if refusal.status != 404 and client.method(method.outside_id).get("customer"):
                    return _refused(str(refusal))
        return Result.success()

    def refund(self, transaction_id: str, amount: Decimal) -> Any:
        """Refund all or part of a PaymentIntent, once for each key of the panel."""
        if not transaction_id.startswith("pi_"):
            return _refused(__("This is not the id of a payment at Stripe (pi_…)."))
        key = self.idempotency_key
        with self._client() as client:
            try:
                params = refund_params(client.intent(transaction_id), amount, key)
                refund = made_with(client.refunds_of(transaction_id), REFUND_KEY, key)
                refund = refund or client.create_refund(params, key)
            except (Refused, UnusableAmount) as refusal:
                return _refused(str(refusal))
        reports = refund_reports(refund)
        if not reports:
            raise ExternalServiceError(__("Stripe's response could not be read."))
        return reports[0]

    def _client(self) -> Client:
        return Client(self.module_data)


def _refused(reason: str) -> Result:
    """Return an error after which nothing happened, and which a repetition would not change."""
    return Result.error(reason, code=422, retry=False)


def _checkout(session: Mapping[str, Any]) -> Checkout:
    url, expires = str(session.get("url") or ""), session.get("expires_at")
    if not url.startswith(("https://", "http://")) or not session.get("id"):
        raise ExternalServiceError(__("Stripe returned no payment page."))
    end = datetime.fromtimestamp(expires, UTC) if isinstance(expires, int) else None
    return Checkout(str(session["id"]), url, expires_at=end)
