"""Tax rates of countries, rules of companies that come before the built-in ones, and VAT checks."""

from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from puqpanel.domain.tax import Tax, TaxCategory
from puqpanel.domain.tax_rules import STANDARD_CLASS, BuyerKind, TaxRate, TaxRule, VatStatus
from puqpanel.infra.db import ExactDecimal, Model
from puqpanel.models.columns import Created, Key, Name, Reference, Sentence, Uuid, Word


class CountryTax(Model):
    """A tax of a country or region, from a day on; up to three apply by position."""

    __tablename__ = "country_taxes"
    __table_args__ = (
        sa.UniqueConstraint("country", "region", "tax_class", "position", "valid_from"),
    )
    id: Mapped[Key]
    uuid: Mapped[Uuid]
    country: Mapped[str] = mapped_column(sa.String(2))
    region: Mapped[str] = mapped_column(sa.String(100), default="")
    tax_class: Mapped[Word] = mapped_column(default=STANDARD_CLASS)
    name: Mapped[str] = mapped_column(sa.String(40))
    rate: Mapped[Decimal] = mapped_column(ExactDecimal)
    compound: Mapped[bool] = mapped_column(default=False)
    position: Mapped[int] = mapped_column(sa.SmallInteger, default=1)
    valid_from: Mapped[date]
    created_at: Mapped[Created]

    @property
    def value(self) -> TaxRate:
        """The rate as the tax rules read it."""
        tax = Tax(self.name, self.rate, self.compound)
        return TaxRate(
            self.country, self.region, self.tax_class, tax, self.position, self.valid_from
        )


class CompanyTaxRule(Model):
    """A rule of a company, by country, region and kind of buyer.

    Attributes:
        country: of the buyer; empty for all.
        region: of the buyer; empty for all.
        buyer_kind: a `BuyerKind`; empty for all.
        category: a `TaxCategory`.
        reason: why no tax is charged, as documents state it.
    """

    __tablename__ = "company_tax_rules"
    __table_args__ = (sa.UniqueConstraint("company_id", "country", "region", "buyer_kind"),)
    id: Mapped[Key]
    uuid: Mapped[Uuid]
    company_id: Mapped[Reference] = mapped_column(sa.ForeignKey("companies.id"))
    country: Mapped[str] = mapped_column(sa.String(2), default="")
    region: Mapped[str] = mapped_column(sa.String(100), default="")
    buyer_kind: Mapped[Word] = mapped_column(default="")
    category: Mapped[Word]
    reason: Mapped[Sentence]
    created_at: Mapped[Created]

    @property
    def value(self) -> TaxRule:
        """The rule as the tax rules read it."""
        kind = BuyerKind(self.buyer_kind) if self.buyer_kind else None
        return TaxRule(self.country, self.region, kind, TaxCategory(self.category), self.reason)


class VatCheck(Model):
    """A check of a client's VAT number, kept as evidence.

    Attributes:
        number: with the country prefix.
        status: a `VatStatus`.
        answer: what the service answered, such as the name and the request identifier.
    """

    __tablename__ = "vat_checks"
    id: Mapped[Key]
    client_id: Mapped[Reference] = mapped_column(sa.ForeignKey("clients.id"), index=True)
    number: Mapped[Name]
    status: Mapped[Word] = mapped_column(default=VatStatus.PENDING)
    answer: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    created_at: Mapped[Created]
