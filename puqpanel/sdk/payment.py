"""The base class of Payment modules: gateways through which clients pay invoices."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

from puqpanel.infra.links import link
from puqpanel.sdk.configured import Configured
from puqpanel.sdk.invoice import Invoice


class Payment(Configured):
    """A payment method. Each configured instance is a gateway.

    Amounts are `Decimal` in major units: 12.50 EUR is `Decimal("12.50")`. The panel counts a
    payment once per gateway and transaction id, so a webhook may be delivered more than once.
    """

    contract_type: ClassVar[str] = "Payment"

    def get_client_area_html(self, data: Mapping[str, Any] | None = None) -> str:
        """Return HTML with which a client pays an invoice: a button, a form, a QR code.

        Args:
            data: `invoice`, a `puqpanel.sdk.Invoice`; `sample`, True if staff preview the page with
                a sample invoice: do not create an order or store anything then.
        """
        return ""

    def preview_client_area(self) -> str:
        """Return what a client would see for a sample invoice; staff preview it."""
        return self.get_client_area_html({"invoice": Invoice.sample(), "sample": True})

    def get_return_url(self) -> str:
        """Return the address to which the provider redirects after a payment."""
        return link("client")

    def get_cancel_url(self) -> str:
        """Return the address to which the provider redirects after the client cancels."""
        return link("client")

    def on_payment_success(self, payload: Mapping[str, Any]) -> Any:
        """Record a successful payment in the module log; called by the module's own webhook.

        Args:
            payload: the provider's data, after its signature was verified.
        """
        return self._record("payment succeeded", payload)

    def on_payment_failed(self, payload: Mapping[str, Any]) -> Any:
        """Record a failed payment in the module log; called by the module's own webhook.

        Args:
            payload: the provider's data, after its signature was verified.
        """
        return self._record("payment failed", payload)

    def refund(self, transaction_id: str, amount: Decimal) -> Any:
        """Refund all or part of a payment at the provider.

        Args:
            transaction_id: the provider's id of the payment.
            amount: how much to refund, in major units of the invoice's currency.
        """
        return {"status": "error", "message": "This payment module cannot refund.", "code": 501}

    def _record(self, action: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        self.log_info(action, {"gateway": self.instance_uuid, "payload": dict(payload)})
        return {"status": "success"}
