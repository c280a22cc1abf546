"""Documents: proformas, invoices and credit notes, with their lines and taxes."""

from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from puqpanel.domain.document_states import OPEN, DocumentStatus
from puqpanel.domain.documents import FUNDS, DocumentKind
from puqpanel.domain.money import Money
from puqpanel.infra.db import ExactDecimal, Model
from puqpanel.models.accounts.clients import Client
from puqpanel.models.billing.companies import Company
from puqpanel.models.columns import Created, Id, Key, Moment, Reference, Sentence, Uuid, Word


class Document(Model):
    """A document; once it is issued, only what was paid and credited changes.

    Attributes:
        kind: a `DocumentKind`.
        status: a `DocumentStatus`.
        number: in its series; NULL until it is issued.
        sequence: its place in the series, whatever the numbers start again at.
        count: its place since the numbers started again.
        seller: the company at issue, as a `Party`; empty on drafts, as the next two are.
        buyer: the client at issue, with the chosen billing address.
        bank: where to pay.
        converted_tax: the tax in the national currency of the company: `minor`, `currency`, `rate`
            and `rate_on`; None if the document is in that currency, or there was no rate.
        prepaid_minor: what had been paid before issue, on its proforma; the document says so.
        paid_minor: what was paid.
        credited_minor: what credit notes took back.
        written_off_minor: what will never be paid.
        corrects_id: the invoice that a credit note corrects.
        origin_id: the proforma of an invoice.
        digest: seals the content and the document before it in the series.
        before: the digest of the document before it.
        link_renewals: how often its public link was renewed; earlier links no longer work.
    """

    __tablename__ = "documents"
    __table_args__ = (
        sa.UniqueConstraint("company_id", "kind", "number"),
        sa.UniqueConstraint("company_id", "kind", "sequence"),
        sa.UniqueConstraint("origin_id"),
        sa.Index("ix_documents_client_id_id", "client_id", "id"),
        sa.Index("ix_documents_status_id", "status", "id"),
        sa.Index("ix_documents_kind_id", "kind", "id"),
        sa.Index("ix_documents_status_due_on", "status", "due_on"),
        sa.Index("ix_documents_issued_on_id", "issued_on", "id"),
        sa.Index("ix_documents_corrects_id", "corrects_id"),
    )
    id: Mapped[Key]
    uuid: Mapped[Uuid]
    company_id: Mapped[Reference] = mapped_column(sa.ForeignKey("companies.id"))
    client_id: Mapped[Reference] = mapped_column(sa.ForeignKey("clients.id"))
    kind: Mapped[Word]
    status: Mapped[Word] = mapped_column(default=DocumentStatus.DRAFT)
    number: Mapped[str | None] = mapped_column(sa.String(80), index=True)
    sequence: Mapped[int | None] = mapped_column(sa.BigInteger)
    count: Mapped[int | None] = mapped_column(sa.BigInteger)
    currency: Mapped[str] = mapped_column(sa.String(3))
    language: Mapped[str] = mapped_column(sa.String(35), default="en")
    entry: Mapped[Word]
    issued_on: Mapped[date | None]
    supplied_on: Mapped[date | None]
    due_on: Mapped[date | None]
    issued_at: Mapped[Moment | None]
    seller: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    buyer: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    bank: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    reference: Mapped[str] = mapped_column(sa.String(200), default="")
    notes: Mapped[Sentence]
    reason: Mapped[Sentence]
    net_minor: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    tax_minor: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    converted_tax: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    prepaid_minor: Mapped[int] = mapped_column(sa.BigInteger, default=0, server_default="0")
    paid_minor: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    credited_minor: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    written_off_minor: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    corrects_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("documents.id"))
    origin_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("documents.id"))
    digest: Mapped[str] = mapped_column(sa.String(64), default="")
    before: Mapped[str] = mapped_column(sa.String(64), default="")
    link_renewals: Mapped[int] = mapped_column(sa.Integer, default=0)
    created_at: Mapped[Created]
    company: Mapped["Company"] = relationship(lazy="joined", innerjoin=True)
    client: Mapped["Client"] = relationship(lazy="joined", innerjoin=True)
    lines: Mapped[list["DocumentLineRow"]] = relationship(
        order_by="DocumentLineRow.position", cascade="all, delete-orphan"
    )
    taxes: Mapped[list["DocumentTax"]] = relationship(
        order_by="DocumentTax.position", cascade="all, delete-orphan"
    )
    corrects: Mapped["Document | None"] = relationship(
        foreign_keys=corrects_id, remote_side="Document.id"
    )

    @property
    def net(self) -> Money:
        """The sum without tax."""
        return Money(self.net_minor, self.currency)

    @property
    def tax(self) -> Money:
        """The sum of all taxes."""
        return Money(self.tax_minor, self.currency)

    @property
    def total(self) -> Money:
        """The sum with tax."""
        return self.net + self.tax

    @property
    def paid(self) -> Money:
        """What was paid."""
        return Money(self.paid_minor, self.currency)

    @property
    def credited(self) -> Money:
        """What credit notes took back."""
        return Money(self.credited_minor, self.currency)

    @property
    def adds_funds(self) -> bool:
        """Whether it is a proforma whose payment becomes credit."""
        proforma = self.kind == DocumentKind.PROFORMA
        return proforma and any(row.kind == FUNDS for row in self.lines)

    @property
    def open(self) -> Money:
        """What is left to pay; zero unless it is issued."""
        if self.status not in OPEN:
            return Money.zero(self.currency)
        settled = self.paid_minor + self.credited_minor + self.written_off_minor
        return self.total - Money(settled, self.currency)


class DocumentLineRow(Model):
    """A line of a document.

    Attributes:
        tax_position: which of the document's taxes applies.
        unit_price: of a unit, in major units, as it was entered.
        amount_minor: as the price was entered.
        net_minor: without tax.
        service_id: the service that the line pays for.
        kind: what it pays for, a `ChargeKind` or FUNDS; empty if it is for no service.
        explanation: why the amount is what it is: price row, share of the period, coupon.
    """

    __tablename__ = "document_lines"
    __table_args__ = (sa.UniqueConstraint("document_id", "position"),)
    id: Mapped[Key]
    document_id: Mapped[Reference] = mapped_column(
        sa.ForeignKey("documents.id", ondelete="CASCADE")
    )
    position: Mapped[int] = mapped_column(sa.Integer)
    description: Mapped[str] = mapped_column(sa.String(500))
    details: Mapped[Sentence]
    quantity: Mapped[Decimal] = mapped_column(ExactDecimal)
    unit_price: Mapped[Decimal] = mapped_column(ExactDecimal)
    amount_minor: Mapped[int] = mapped_column(sa.BigInteger)
    net_minor: Mapped[int] = mapped_column(sa.BigInteger)
    tax_position: Mapped[int] = mapped_column(sa.SmallInteger)
    tax_class: Mapped[Word]
    service_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("services.id"), index=True)
    kind: Mapped[Word] = mapped_column(default="")
    period_start: Mapped[date | None]
    period_end: Mapped[date | None]
    explanation: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)


class DocumentTax(Model):
    """A tax group of a document: how it is taxed, its net amount and its taxes.

    Attributes:
        country: whose tax is charged; empty if none is, and on documents from before it was kept.
        taxes: of each tax, in order: name, rate, compound and minor.
    """

    __tablename__ = "document_taxes"
    __table_args__ = (sa.UniqueConstraint("document_id", "position"),)
    id: Mapped[Key]
    document_id: Mapped[Reference] = mapped_column(
        sa.ForeignKey("documents.id", ondelete="CASCADE")
    )
    position: Mapped[int] = mapped_column(sa.SmallInteger)
    category: Mapped[Word]
    country: Mapped[str] = mapped_column(sa.String(2), default="", server_default="")
    reason: Mapped[Sentence]
    net_minor: Mapped[int] = mapped_column(sa.BigInteger)
    taxes: Mapped[list[dict[str, Any]]] = mapped_column(sa.JSON, default=list)


class Charge(Model):
    """What was charged for a period of a service: each period only once.

    Attributes:
        kind: a `ChargeKind`.
        change_uuid: the change of the service that is charged, which is charged only once too;
            empty for the periods themselves.
        amount_minor: as the price was entered, with discounts.
        live: True, and NULL once it was reversed, so that the period can be charged again.
    """

    __tablename__ = "charges"
    __table_args__ = (
        sa.UniqueConstraint(
            "service_id",
            "kind",
            "period_start",
            "change_uuid",
            "live",
            name="uq_charges_live",
        ),
        sa.Index("ix_charges_document_id", "document_id"),
    )
    id: Mapped[Key]
    service_id: Mapped[Reference] = mapped_column(sa.ForeignKey("services.id"))
    document_id: Mapped[Reference] = mapped_column(sa.ForeignKey("documents.id"))
    kind: Mapped[Word]
    period_start: Mapped[date]
    period_end: Mapped[date | None]
    change_uuid: Mapped[str] = mapped_column(sa.String(36), default="")
    currency: Mapped[str] = mapped_column(sa.String(3))
    amount_minor: Mapped[int] = mapped_column(sa.BigInteger)
    live: Mapped[bool | None] = mapped_column(default=True)
    created_at: Mapped[Created]
