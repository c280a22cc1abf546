"""The base of Payment modules: gateways through which clients pay."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

from puqpanel.infra.links import link
from puqpanel.sdk.configured import Configured
from puqpanel.sdk.invoice import Invoice


class Payment(Configured):
    """A way to pay.

    A configured instance of it is a gateway. Amounts are Decimal, in major units.
    """

    contract_type: ClassVar[str] = "Payment"

    def get_client_area_html(self, data: Mapping[str, Any] | None = None) -> str:
        """HTML that a client sees to pay an invoice.

        Args:
            data: invoice, a `puqpanel.sdk.Invoice`; sample, True where staff look at it with an
                invoice that nobody has: nothing should be ordered or kept for that.
        """
        return ""

    def preview_client_area(self) -> str:
        """What a client would see, with a sample invoice.

        Called for staff, on the gateway's page.
        """
        return self.get_client_area_html({"invoice": Invoice.sample(), "sample": True})

    def get_return_url(self) -> str:
        """Where the provider sends a client who has paid."""
        return link("client")

    def get_cancel_url(self) -> str:
        """Where the provider sends a client who gave up."""
        return link("client")

    def on_payment_success(self, payload: Mapping[str, Any]) -> Any:
        """Called by the module's webhook when the provider says that somebody paid.

        Writes it to the module log.

        Args:
            payload: what the provider said, after its signature was checked.
        """
        return self._heard("payment succeeded", payload)

    def on_payment_failed(self, payload: Mapping[str, Any]) -> Any:
        """Called by the module's webhook when the provider says that a payment failed.

        Writes it to the module log.
        """
        return self._heard("payment failed", payload)

    def refund(self, transaction_id: str, amount: Decimal) -> Any:
        """Gives money back. Args: transaction_id is the provider's; amount in major units."""
        return {"status": "error", "message": "This payment module cannot refund.", "code": 501}

    def _heard(self, action: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        self.log_info(action, {"gateway": self.instance_uuid, "payload": dict(payload)})
        return {"status": "success"}
