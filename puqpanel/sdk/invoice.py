"""A snapshot of an invoice for payment modules."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Self

from puqpanel.host.contract.names import bind
from puqpanel.sdk.service import ServiceClient as InvoiceClient
from puqpanel.sdk.service import ServiceCurrency as InvoiceCurrency

SAMPLE = "00000000-0000-4000-8000-000000000001"


@dataclass(frozen=True)
class InvoiceLine:
    """One line of an invoice.

    Attributes:
        text: the description.
        amount: the total of the line for its whole quantity, tax included, in major units.
        quantity: the number of units.
    """

    text: str
    amount: Decimal
    quantity: int = 1


@bind
@dataclass(frozen=True)
class Invoice:
    """An invoice at the time it was read. Amounts are `Decimal` in major units.

    Attributes:
        uuid: the invoice's uuid.
        number: the number printed on it.
        client: who is billed; the currency is `client.currency.code`.
        lines: the lines, as a tuple.
        total: the amount of the invoice, tax included.
        paid: the amount received so far.
    """

    uuid: str
    number: str
    client: InvoiceClient
    lines: tuple[InvoiceLine, ...]
    total: Decimal
    paid: Decimal = Decimal(0)

    @property
    def due_amount(self) -> Decimal:
        """The amount still to be paid; never negative."""
        return max(self.total - self.paid, Decimal(0) * self.total)

    @classmethod
    def sample(cls, currency: str = "EUR") -> Self:
        """Return a sample invoice for previews.

        Args:
            currency: the ISO 4217 code.
        """
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
