"""A snapshot of a client's attempt to pay, for payment modules."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Self

from puqpanel.host.contract.payments import SavedMethod
from puqpanel.sdk.invoice import SAMPLE, Invoice


@dataclass(frozen=True)
class PaymentAttempt:
    """What a client wants to pay now.

    Attributes:
        uuid: the attempt's UUID; give it to the provider so that its webhooks return it.
        key: the idempotency key for creating the checkout or the charge.
        amount: in major units, a `Decimal`.
        currency: ISO 4217 code.
        description: such as “Invoice FV/2026/12/0001”, for the payer.
        invoice: what is paid, a `puqpanel.sdk.Invoice`; of several documents, one with their sum.
        save_method: whether the client agreed that the payment method is saved.
        method: the saved method to charge; None if the client pays.
        customer_id: the provider's id of the client from an earlier saved method; may be empty.
        outside_id: of the checkout that `start_payment` returned.
        url: of that checkout.
        data: what `start_payment` returned in `Checkout.data`.
    """

    uuid: str
    key: str
    amount: Decimal
    currency: str
    description: str
    invoice: Invoice
    save_method: bool = False
    method: SavedMethod | None = None
    customer_id: str = ""
    outside_id: str = ""
    url: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def find(cls, uuid: str) -> Self:
        """Return the attempt with this UUID."""
        raise NotImplementedError

    @classmethod
    def sample(cls, currency: str = "EUR") -> Self:
        """Return an attempt to pay a sample invoice, for tests."""
        invoice = Invoice.sample(currency)
        return cls(SAMPLE, SAMPLE, invoice.total, currency, invoice.number, invoice)
