"""The base of Payment modules: gateways through which clients pay."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

from puqpanel.host.contract.base import ModuleBase
from puqpanel.infra.links import link


class Payment(ModuleBase):
    """A gateway. `self.module_data` holds its settings as `get_module_data` answered them."""

    contract_type: ClassVar[str] = "Payment"

    def get_settings_page(self, data: Mapping[str, Any] | None = None) -> str:
        """HTML of the settings form."""
        return ""

    def get_client_area_html(self, data: Mapping[str, Any] | None = None) -> str:
        """HTML that a client sees to pay `data["invoice"]`."""
        return ""

    def get_return_url(self) -> str:
        """Where the provider sends a client who has paid."""
        return link("client")

    def get_cancel_url(self) -> str:
        """Where the provider sends a client who gave up."""
        return link("client")

    def on_payment_success(self, payload: Mapping[str, Any]) -> Any:
        """Called with the provider's message that somebody paid."""
        return {"status": "success"}

    def on_payment_failed(self, payload: Mapping[str, Any]) -> Any:
        """Called with the provider's message that a payment failed."""
        return {"status": "success"}

    def refund(self, transaction_id: str, amount: Decimal) -> Any:
        """Gives money back. Args: amount in major units."""
        return {"status": "error", "message": "This payment module cannot refund.", "code": 501}
