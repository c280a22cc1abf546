"""PayPal: orders that clients approve at PayPal and the panel captures, refunds and disputes.

Read this file first. `services/client.py` sends requests, `services/signatures.py` verifies
webhooks, `services/reports.py` turns PayPal's objects into reports.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
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
    now,
)

from .forms import SettingsForm
from .services import reports, signatures
from .services.client import PayPal, Refused, is_certificate_address

APPROVAL = timedelta(hours=3)
"""How long a client can approve an order."""
EVENTS = (
    "CHECKOUT.ORDER.APPROVED",
    "PAYMENT.CAPTURE.COMPLETED",
    "PAYMENT.CAPTURE.DECLINED",
    "PAYMENT.CAPTURE.DENIED",
    "PAYMENT.CAPTURE.PENDING",
    "PAYMENT.CAPTURE.REFUNDED",
    "PAYMENT.CAPTURE.REVERSED",
    "CUSTOMER.DISPUTE.CREATED",
    "CUSTOMER.DISPUTE.UPDATED",
    "CUSTOMER.DISPUTE.RESOLVED",
)
GONE = frozenset({"RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID"})


class PuqPayPal(Payment):
    """A gateway for each REST app of a PayPal business account."""

    SettingsForm = SettingsForm

    def get_settings_page(self, data: Mapping[str, Any] | None = None) -> str:
        """Return the form, below it the webhook's address and the events to select."""
        steps = self.view("admin_area.settings", {"events": EVENTS, "url": self.webhook_url})
        return super().get_settings_page(data) + steps

    def test_connection(self) -> Result:
        """Request an access token and the webhook, and compare its address and events."""
        with PayPal(self.module_data) as api:
            app = str(api.token(fresh=True).get("app_id") or "?")
            try:
                webhook = api.webhook(str(self.module_data.get("webhook_id")))
            except Refused as refusal:
                error = __("The app has no webhook with this ID. :error", {"error": refusal})
                return Result.error(error)
        if webhook.get("url") != self.webhook_url:
            values = {"found": webhook.get("url"), "url": self.webhook_url}
            return Result.error(
                __("The webhook's address at PayPal is :found. Change it to :url.", values)
            )
        selected = {str(event.get("name")) for event in webhook.get("event_types") or ()}
        missing = [] if "*" in selected else [name for name in EVENTS if name not in selected]
        if missing:
            names = ", ".join(missing)
            return Result.error(
                __("Select these events for the webhook at PayPal: :names.", {"names": names})
            )
        values = {"app": app, "mode": api.mode}
        return Result.success(__("Connected to app :app (:mode). The webhook is set up.", values))

    # Paying

    def start_payment(self, attempt: PaymentAttempt) -> Checkout:
        """Create an order that the client approves on PayPal's page."""
        context = {
            "return_url": self.get_return_url(),
            "cancel_url": self.get_cancel_url(),
            "user_action": "PAY_NOW",
            "shipping_preference": "NO_SHIPPING",
        }
        if self.module_data.get("brand_name"):
            context["brand_name"] = self.module_data["brand_name"]
        if self.module_data.get("immediate_only"):
            context["payment_method_preference"] = "IMMEDIATE_PAYMENT_REQUIRED"
        unit = {
            "reference_id": attempt.uuid,
            "custom_id": attempt.uuid,
            "description": attempt.description[:127],
            "amount": reports.money(attempt.amount, attempt.currency),
        }
        body = {
            "intent": "CAPTURE",
            "purchase_units": [unit],
            "payment_source": {"paypal": {"experience_context": context}},
        }
        with PayPal(self.module_data) as api:
            order = api.create_order(body, attempt.key)
        url = reports.link(order, "payer-action", "approve")
        if order.get("status") in ("APPROVED", "COMPLETED"):
            url = self.get_return_url()  # a repetition, after the client has approved it
        if not order.get("id") or not url:
            raise ExternalServiceError(__("PayPal created no order that can be paid."))
        return Checkout(str(order["id"]), url, expires_at=now() + APPROVAL)

    def observe_payment(self, outside_id: str) -> list[Any]:
        """Return reports of an order, captured now if the client has approved it, or a payment."""
        with PayPal(self.module_data) as api:
            try:
                return self._read_order(api, api.order(outside_id))
            except Refused as refusal:
                if refusal.issue not in GONE:
                    raise
            try:
                return self._read_capture(api, outside_id)
            except Refused as refusal:
                if refusal.issue not in GONE:
                    raise
        return []  # an order that nobody approved; PayPal deletes these

    def _read_order(self, api: PayPal, order: Mapping[str, Any]) -> list[Any]:
        if order.get("status") == "APPROVED":
            try:
                captured = api.capture_order(order)
            except Refused as refusal:
                if refusal.issue in ("INSTRUMENT_DECLINED", "TRANSACTION_REFUSED"):
                    reason = __("PayPal declined the payment method. Pay again with another one.")
                    return [reports.ended(order, "failed", reason)]
                if refusal.issue != "ORDER_ALREADY_CAPTURED":
                    raise
                captured = api.order(str(order.get("id")))
            order = {**order, **captured}
        return list(reports.order_reports(order))

    def _read_capture(self, api: PayPal, capture_id: str) -> list[Any]:
        """Return the reports of a payment and, if PayPal still has its order, of its refunds."""
        capture = api.capture(capture_id)
        if order_id := reports.order_of(capture):
            try:
                found = reports.order_reports(api.order(order_id))
            except Refused as refusal:
                if refusal.issue not in GONE:
                    raise
                found = []
            if any(report.outside_id == capture_id for report in found):
                return list(found)
        return [reports.capture_report(capture)]

    # Webhooks

    def verify_event(self, event: WebhookEvent) -> bool:
        """Return whether PayPal signed a webhook; by API, `read_event` verifies it instead."""
        webhook_id = str(self.module_data.get("webhook_id") or "")
        url = event.header("PayPal-Cert-Url")
        if not webhook_id or not signatures.looks_signed(event):
            return False
        with PayPal(self.module_data) as api:
            if not is_certificate_address(url, api.mode):
                return False
            if self.module_data.get("verify_by_api"):
                return True
            return signatures.is_signed(event, webhook_id, api.certificate(url))

    def read_event(self, event: WebhookEvent) -> list[Any]:
        """Return what PayPal says now about the object that an event names.

        The signature covers a checksum of the body, and events arrive in any order. So only the
        id is taken from the body, and the object is requested.
        """
        kind, resource = event.json.get("event_type"), event.json.get("resource")
        if not isinstance(kind, str) or not isinstance(resource, Mapping):
            return []
        subject = str(resource.get("dispute_id" if "DISPUTE" in kind else "id") or "")
        if kind not in EVENTS or not subject:
            return []
        with PayPal(self.module_data) as api:
            if self.module_data.get("verify_by_api"):
                request = signatures.verification_request(event, self.module_data["webhook_id"])
                if not api.verify_signature(request):
                    self.log_error("webhook with a wrong signature", {"event": event.uuid})
                    return []
            if kind.startswith("CHECKOUT.ORDER."):
                return self._read_order(api, api.order(subject))
            if kind.startswith("CUSTOMER.DISPUTE."):
                return list(reports.dispute_reports(api.dispute(subject)))
            if kind.endswith((".REFUNDED", ".REVERSED")):
                note = __("PayPal took the payment back.") if kind.endswith("REVERSED") else ""
                paid = reports.capture_of(resource)
                return [reports.refund_report(api.refund(subject), paid, note)]
            return self._read_capture(api, subject)

    # Refunds

    def refund(self, transaction_id: str, amount: Decimal) -> RefundReport | Result:
        """Refund all or part of a captured payment."""
        named = {"custom_id": self.idempotency_key} if self.idempotency_key else {}
        with PayPal(self.module_data) as api:
            try:
                paid = reports.capture_report(api.capture(transaction_id))
                body = {"amount": reports.money(amount, paid.currency), **named}
                refund = api.refund_capture(transaction_id, body, self.idempotency_key)
            except Refused as refusal:
                return Result.error(str(refusal), code=422, retry=False)
        return reports.refund_report({**named, **refund}, transaction_id)
