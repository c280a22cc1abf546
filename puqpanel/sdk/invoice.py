"""A handle on an invoice, as payment modules see it: plain values, amounts as Decimal in major
units.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Self

from puqpanel.host.contract.names import bind
from puqpanel.sdk.service import ServiceClient as InvoiceClient
from puqpanel.sdk.service import ServiceCurrency as InvoiceCurrency

SAMPLE = "00000000-0000-4000-8000-000000000001"


@dataclass(frozen=True)
class InvoiceLine:
    """One line. `amount` is for all of its quantity, tax included."""

    text: str
    amount: Decimal
    quantity: int = 1


@bind
@dataclass(frozen=True)
class Invoice:
    """An invoice as it was when it was read.

    Attributes: uuid; number; client with `client.currency.code`; lines; total; paid, what arrived
    of it so far; due_amount, what is left.
    """

    uuid: str
    number: str
    client: InvoiceClient
    lines: tuple[InvoiceLine, ...]
    total: Decimal
    paid: Decimal = Decimal(0)

    @property
    def due_amount(self) -> Decimal:
        """What is still to be paid; never less than nothing."""
        return max(self.total - self.paid, Decimal(0) * self.total)

    @classmethod
    def sample(cls, currency: str = "EUR") -> Self:
        """An invoice that nobody has, to show how paying one looks."""
        client = InvoiceClient(
            SAMPLE,
            "Sample Client",
            "client@example.com",
            "Sample Ltd",
            "DE",
            InvoiceCurrency(currency),
        )
        lines = (
            InvoiceLine("Web hosting, one month", Decimal("9.90")),
            InvoiceLine("Domain example.com, one year", Decimal("12.00")),
        )
        return cls(SAMPLE, "SAMPLE-0001", client, lines, Decimal("21.90"))
