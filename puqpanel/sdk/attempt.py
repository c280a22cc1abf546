"""A snapshot of a client's attempt to pay, for payment modules."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Self

from puqpanel.domain.texts import SOURCE
from puqpanel.host.contract.payments import SavedMethod
from puqpanel.infra import catalogs
from puqpanel.operations.billing import attempts, payment_methods
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
        """Return the attempt with this UUID.

        Raises:
            NotFoundError: it does not exist.
        """
        row = attempts.find_attempt(uuid)
        documents = [each.document for each in row.documents]
        text = attempts.describe(row).translated(
            catalogs.find(row.client.language or "en") or SOURCE
        )
        return cls(
            row.uuid,
            row.uuid,
            row.amount.major,
            row.currency,
            text,
            Invoice.of_documents(documents, row.amount, text),
            row.save_method,
            payment_methods.saved(row.method) if row.method is not None else None,
            payment_methods.customer_id(row.client_id, row.gateway),
            row.outside_id,
            row.url,
            dict(row.data or {}),
        )

    @classmethod
    def sample(cls, currency: str = "EUR") -> Self:
        """Return an attempt to pay a sample invoice, for tests."""
        invoice = Invoice.sample(currency)
        return cls(SAMPLE, SAMPLE, invoice.total, currency, invoice.number, invoice)
