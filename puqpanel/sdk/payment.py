"""The base class of Payment modules: gateways through which clients pay invoices."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, ClassVar

from puqpanel.host.contract.payments import Checkout, Report, WebhookEvent
from puqpanel.host.contract.result import Result
from puqpanel.infra.links import link
from puqpanel.sdk import payment_calls
from puqpanel.sdk.attempt import PaymentAttempt
from puqpanel.sdk.configured import Configured
from puqpanel.sdk.invoice import Invoice


class Payment(Configured):
    """A payment method. Each configured instance is a gateway.

    Amounts are `Decimal` in major units: 12.50 EUR is `Decimal("12.50")`. The panel counts a
    payment once per gateway and transaction id, so a webhook may be delivered more than once.

    A module that defines `read_event` has its webhooks stored by the panel before it reads them; a
    task calls `read_event` until it succeeds. A module that defines `api_webhook_post` instead
    reads them itself and calls `on_payment_success` or `on_payment_failed`.

    Attributes:
        attempt: the client's attempt to pay that the call is about; None in other calls.
        idempotency_key: the panel's key of the refund or charge that the call is about: the same
            in every repetition, so that the provider does it once. Empty in other calls.
    """

    contract_type: ClassVar[str] = "Payment"
    attempt: PaymentAttempt | None = None
    idempotency_key: str = ""

    # Paying

    def start_payment(self, attempt: PaymentAttempt) -> Checkout:
        """Create the provider's checkout for an attempt, and return it.

        Called when a client chooses the gateway, outside of any transaction. If it raises, the
        client sees an error and can try again with the same attempt, so pass `attempt.key` to the
        provider as the idempotency key. If the checkout has a `url`, the client is redirected to
        it; otherwise the page shows `get_client_area_html`.

        Args:
            attempt: what is to be paid.

        Raises:
            ExternalServiceError: the provider refused; its text is shown to staff only.
        """
        return Checkout()

    def get_client_area_html(self, data: Mapping[str, Any] | None = None) -> str:
        """Return HTML with which a client pays an invoice: a button, a form, a QR code.

        The default is a button to the `url` of the checkout that `start_payment` returned.

        Args:
            data: `invoice`, a `puqpanel.sdk.Invoice` (of several, one with their sum); `attempt`,
                a `puqpanel.sdk.PaymentAttempt`; `sample`, True if staff preview the page with a
                sample invoice: do not create an order or store anything then.
        """
        data = data or {}
        attempt = data.get("attempt")
        url = attempt.url if attempt is not None else "#" if data.get("sample") else ""
        if not url or type(self).start_payment is Payment.start_payment:
            return ""
        return str(payment_calls.pay_button(url))

    def preview_client_area(self) -> str:
        """Return what a client would see for a sample invoice; staff preview it."""
        return self.get_client_area_html({"invoice": Invoice.sample(), "sample": True})

    def get_return_url(self) -> str:
        """Return the address to which the provider redirects after a payment."""
        if self.attempt is not None:
            return link("client", "payments", self.attempt.uuid, "return")
        return link("client")

    def get_cancel_url(self) -> str:
        """Return the address to which the provider redirects after the client cancels."""
        if self.attempt is not None:
            return link("client", "payments", self.attempt.uuid)
        return link("client")

    # What happened

    def verify_event(self, event: WebhookEvent) -> Any:
        """Return whether the provider sent a webhook; called before its sender is answered.

        Check the signature over `event.body` and that it is recent, without a request to the
        provider. Required with `read_event`.

        Args:
            event: as it was stored.

        Returns:
            True to accept it, False to reject it with 401.
        """
        return False

    def read_event(self, event: WebhookEvent) -> Any:
        """Return what a verified webhook reports; called in a task, again until it succeeds.

        Args:
            event: as it was stored.

        Returns:
            A list of `PaymentReport`, `RefundReport`, `DisputeReport`, `MethodReport` and
            `PayoutReport`; empty for events that do not matter.
        """
        return []

    def observe_payment(self, outside_id: str) -> Any:
        """Ask the provider about a checkout or a payment, and return reports as `read_event` does.

        Called while an outcome is pending or unknown, and when a client returns from the provider.

        Args:
            outside_id: of the checkout or of the payment.
        """
        return []

    def report_payments(self, reports: Iterable[Report]) -> Result:
        """Hand reports to the panel that come from neither a webhook nor `observe_payment`.

        For example, lines of a bank statement that staff confirmed. Call it outside of
        `db.transaction()`; the panel counts each payment once, so it may be repeated.

        Args:
            reports: what happened, of the gateway that this instance is.

        Returns:
            An error if not all of them were recorded.
        """
        return payment_calls.report_payments(self, reports)

    def on_payment_success(self, payload: Mapping[str, Any]) -> Any:
        """Record a successful payment; called by the module's own webhook.

        Args:
            payload: the provider's data, after its signature was verified. Read are
                `transaction_id` (or `id`), `amount` in major units, `currency`, and `invoice_uuid`
                (or `reference_id`, `client_reference_id`, `reference`), at the top level, in
                `metadata` or in `data.object` as payment providers nest them.

        Returns:
            A result that is an error if the payment could not be read, so that the provider
            repeats it.
        """
        return payment_calls.record_payload(self, payload, succeeded=True)

    def on_payment_failed(self, payload: Mapping[str, Any]) -> Any:
        """Record a failed payment; called by the module's own webhook.

        Args:
            payload: as for `on_payment_success`.
        """
        return payment_calls.record_payload(self, payload, succeeded=False)

    # Later

    def charge(self, attempt: PaymentAttempt) -> Any:
        """Charge `attempt.method` without the client, and return a `PaymentReport`.

        Pass `attempt.key` to the provider as the idempotency key: after a timeout the panel calls
        again with the same attempt.

        Args:
            attempt: what to charge.

        Returns:
            A `PaymentReport`; with `action_url` if the client must confirm the payment.
        """
        return {"status": "error", "message": "This payment module cannot charge.", "code": 501}

    def remove_method(self, method: Any) -> Any:
        """Remove a saved method at the provider.

        Args:
            method: a `puqpanel.sdk.SavedMethod`.
        """
        return {"status": "success"}

    def refund(self, transaction_id: str, amount: Decimal) -> Any:
        """Refund all or part of a payment at the provider.

        `self.idempotency_key` is the same in every repetition of a refund.

        Args:
            transaction_id: the provider's id of the payment.
            amount: how much to refund, in major units of the payment's currency.

        Returns:
            A `RefundReport`, or a result: success means refunded, `Result.pending` that the
            provider will report it later.
        """
        return {"status": "error", "message": "This payment module cannot refund.", "code": 501}

    # Called by the panel

    def start_attempt(self, attempt_uuid: str) -> Checkout:
        """Load an attempt and call `start_payment`; called by the panel."""
        self.attempt = PaymentAttempt.find(attempt_uuid)
        return self.start_payment(self.attempt)

    def show_attempt(self, attempt_uuid: str) -> str:
        """Load an attempt and call `get_client_area_html`; called by the panel."""
        self.attempt = attempt = PaymentAttempt.find(attempt_uuid)
        return self.get_client_area_html({"invoice": attempt.invoice, "attempt": attempt})

    def charge_attempt(self, attempt_uuid: str) -> Any:
        """Load an attempt and call `charge`; called by the panel."""
        self.attempt = PaymentAttempt.find(attempt_uuid)
        self.idempotency_key = self.attempt.key
        return self.charge(self.attempt)

    def refund_payment(self, transaction_id: str, amount: Decimal, key: str) -> Any:
        """Set `idempotency_key` and call `refund`; called by the panel."""
        self.idempotency_key = key
        return self.refund(transaction_id, amount)
