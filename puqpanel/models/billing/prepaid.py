"""Debits of prepaid services, their sums by month and tax, and the caps that customers set."""

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from puqpanel.domain.money import Money
from puqpanel.infra.db import Model, UtcDateTime
from puqpanel.models.billing.documents import Document
from puqpanel.models.columns import Created, Id, Key, Reference, Word


class PrepaidTotal(Model):
    """The debits of a client in a month that are taxed alike, for one line group of a statement.

    Attributes:
        month: the first day of the month in which the periods ended.
        entry: whether the prices are net or gross, a `PriceEntry`.
        tax: category, reason, country and taxes of the group.
        tax_key: a digest of the two above.
        amount_minor: the sum as the prices were entered.
        debited_minor: what was taken from credit, with tax; the total of the group.
        document_id: the statement; None until it is issued.
        live: True until the statement is issued, then NULL.
    """

    __tablename__ = "prepaid_totals"
    __table_args__ = (
        sa.UniqueConstraint(
            *("client_id", "company_id", "currency", "month", "tax_key", "live"),
            name="uq_prepaid_totals_live",
        ),
        sa.Index("ix_prepaid_totals_document_id", "document_id"),
        sa.Index("ix_prepaid_totals_live_month", "live", "month"),
    )
    id: Mapped[Key]
    client_id: Mapped[Reference] = mapped_column(sa.ForeignKey("clients.id"))
    company_id: Mapped[Reference] = mapped_column(sa.ForeignKey("companies.id"))
    currency: Mapped[str] = mapped_column(sa.String(3))
    month: Mapped[date]
    entry: Mapped[Word]
    tax: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    tax_key: Mapped[str] = mapped_column(sa.String(64))
    amount_minor: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    debited_minor: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    document_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("documents.id"))
    live: Mapped[bool | None] = mapped_column(default=True)
    document: Mapped["Document | None"] = relationship()


class Debit(Model):
    """What a period of a prepaid service cost: each period is charged once.

    Attributes:
        span_id: the time at one price to which the period belongs.
        kind: a `ChargeKind`.
        unit_minor: the price of a whole period, as it was entered.
        share: the share of the price, a fraction such as `3/31`; `1` for a whole period.
        amount_minor: price and share, as the price was entered.
        debited_minor: what was taken from credit, with tax. The debits of a month sum to the total
            of its statement, so that a single one can differ from its own tax by a minor unit.
        posting_id: the posting that took it; None if nothing was taken.
    """

    __tablename__ = "debits"
    __table_args__ = (
        sa.UniqueConstraint("service_id", "kind", "starts_at"),
        sa.Index("ix_debits_total_id", "total_id"),
        sa.Index("ix_debits_posting_id", "posting_id"),
    )
    id: Mapped[Key]
    service_id: Mapped[Reference] = mapped_column(sa.ForeignKey("services.id"))
    span_id: Mapped[Reference] = mapped_column(sa.ForeignKey("prepaid_spans.id"))
    total_id: Mapped[Reference] = mapped_column(sa.ForeignKey("prepaid_totals.id"))
    kind: Mapped[Word]
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    currency: Mapped[str] = mapped_column(sa.String(3))
    unit_minor: Mapped[int] = mapped_column(sa.BigInteger)
    share: Mapped[Word] = mapped_column(default="1")
    amount_minor: Mapped[int] = mapped_column(sa.BigInteger)
    debited_minor: Mapped[int] = mapped_column(sa.BigInteger)
    posting_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("postings.id"))
    created_at: Mapped[Created]
    total: Mapped["PrepaidTotal"] = relationship()

    @property
    def unit(self) -> Money:
        """The price of a whole period, as it was entered."""
        return Money(self.unit_minor, self.currency)

    @property
    def debited(self) -> Money:
        """What was taken from credit."""
        return Money(self.debited_minor, self.currency)


class PrepaidAccount(Model):
    """What a client set for its prepaid services in a currency, and of what it was warned.

    Attributes:
        cap_minor: the most that may be spent in a calendar month, with tax; None for no limit.
        low_credit: whether the client was warned that its credit is used up soon; reset when there
            is more of it again.
        cap_warned_on: the first day of the month in which the client was warned about the cap.
    """

    __tablename__ = "prepaid_accounts"
    __table_args__ = (sa.UniqueConstraint("client_id", "currency"),)
    id: Mapped[Key]
    client_id: Mapped[Reference] = mapped_column(sa.ForeignKey("clients.id"))
    currency: Mapped[str] = mapped_column(sa.String(3))
    cap_minor: Mapped[int | None] = mapped_column(sa.BigInteger)
    low_credit: Mapped[bool] = mapped_column(default=False)
    cap_warned_on: Mapped[date | None]
