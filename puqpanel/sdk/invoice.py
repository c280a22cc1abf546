"""A snapshot of an invoice for payment modules."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Self

import sqlalchemy as sa

from puqpanel.domain.document_states import OPEN
from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.money import Money
from puqpanel.host.contract.names import bind
from puqpanel.infra.db import session
from puqpanel.models.billing.documents import Document
from puqpanel.sdk.money import minor_units
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

    @classmethod
    def find_open(
        cls,
        currency: str,
        *,
        numbers: Collection[str] = (),
        due: Collection[Decimal] = (),
        limit: int = 500,
    ) -> list[Self]:
        """Return the unpaid invoices and proformas that have one of the numbers or amounts.

        For modules that match incoming money. Their `lines` are empty.

        Args:
            currency: ISO 4217 code.
            numbers: as printed.
            due: amounts that are still to be paid, in major units.
            limit: how many to return at most, the oldest first.
        """
        settled = Document.paid_minor + Document.credited_minor + Document.written_off_minor
        minors = [minor_units(amount, currency) for amount in due]
        rows = session().scalars(
            sa.select(Document)
            .where(
                Document.status.in_(OPEN),
                Document.kind != DocumentKind.CREDIT_NOTE,
                Document.currency == currency,
                sa.or_(
                    Document.number.in_(list(numbers)),
                    (Document.net_minor + Document.tax_minor - settled).in_(minors),
                ),
            )
            .order_by(Document.id)
            .limit(limit)
        )
        return [cls._of(row) for row in rows]

    @classmethod
    def of_documents(cls, rows: Sequence[Document], due: Money, description: str) -> Self:
        """Return what an attempt pays: a document, or several as one with their sum.

        Args:
            rows: the documents, of one client and currency.
            due: what is to be paid now.
            description: the only line of several documents, or of one whose lines exclude tax.
        """
        first = cls._of(rows[0])
        if len(rows) > 1:
            number = ", ".join(row.number or "" for row in rows)
            line = InvoiceLine(description, due.major)
            return replace(first, number=number, lines=(line,), total=due.major, paid=0 * due.major)
        lines = tuple(
            InvoiceLine(row.description, Money(row.amount_minor, due.currency).major)
            for row in rows[0].lines
        )
        if sum(line.amount for line in lines) != first.total:
            lines = (InvoiceLine(description, first.total),)
        return replace(first, lines=lines, paid=first.total - due.major)

    @classmethod
    def _of(cls, row: Document) -> Self:
        client = InvoiceClient(
            row.client.uuid,
            row.client.name,
            row.client.email,
            row.client.company,
            row.client.country,
            InvoiceCurrency(row.currency),
        )
        total = row.total.major
        return cls(row.uuid, row.number or "", client, (), total, total - row.open.major)
