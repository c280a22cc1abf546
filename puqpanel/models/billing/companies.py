"""Companies, which are the sellers on documents, and the series in which they number them."""

from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from puqpanel.domain.documents import BankAccount, Party
from puqpanel.domain.numbering import Reset
from puqpanel.domain.tax import PriceEntry
from puqpanel.domain.tax_rules import TaxSeller
from puqpanel.infra.db import Model
from puqpanel.models.columns import Created, Key, Name, Reference, Sentence, Uuid, Word


class Company(Model):
    """A company that sells.

    Attributes:
        name: the legal name, as documents show it.
        is_default: True for the company that sells to countries of no other company, and NULL for
            all others.
        countries: ISO 3166 codes of the countries that it sells to.
        entry: whether its prices are net or gross, a `PriceEntry`.
        proforma_first: whether a proforma is issued first, and the invoice when it is paid.
        zone: IANA time zone of its days.
        due_days: days from issue until payment is due.
        notes: printed on each document.
        logo: digest of the stored image; empty if there is none.
        template: its own PDF template; empty for the panel's.
    """

    __tablename__ = "companies"
    id: Mapped[Key]
    uuid: Mapped[Uuid]
    name: Mapped[Name]
    is_default: Mapped[bool | None] = mapped_column(unique=True)
    active: Mapped[bool] = mapped_column(default=True)
    countries: Mapped[list[str]] = mapped_column(sa.JSON, default=list)
    street: Mapped[str] = mapped_column(sa.String(200), default="")
    city: Mapped[str] = mapped_column(sa.String(100), default="")
    postcode: Mapped[str] = mapped_column(sa.String(20), default="")
    region: Mapped[str] = mapped_column(sa.String(100), default="")
    country: Mapped[str] = mapped_column(sa.String(2))
    vat_number: Mapped[str] = mapped_column(sa.String(40), default="")
    tax_number: Mapped[str] = mapped_column(sa.String(40), default="")
    registration: Mapped[str] = mapped_column(sa.String(200), default="")
    email: Mapped[str] = mapped_column(sa.String(254), default="")
    phone: Mapped[str] = mapped_column(sa.String(40), default="")
    website: Mapped[str] = mapped_column(sa.String(200), default="")
    bank_holder: Mapped[str] = mapped_column(sa.String(200), default="")
    bank: Mapped[str] = mapped_column(sa.String(200), default="")
    iban: Mapped[str] = mapped_column(sa.String(34), default="")
    bic: Mapped[str] = mapped_column(sa.String(11), default="")
    vat_registered: Mapped[bool] = mapped_column(default=True)
    one_stop_shop: Mapped[bool] = mapped_column(default=False)
    entry: Mapped[Word] = mapped_column(default=PriceEntry.NET)
    proforma_first: Mapped[bool] = mapped_column(default=False)
    zone: Mapped[str] = mapped_column(sa.String(64), default="UTC")
    due_days: Mapped[int] = mapped_column(sa.SmallInteger, default=14)
    notes: Mapped[Sentence]
    logo: Mapped[str] = mapped_column(sa.String(64), default="")
    template: Mapped[Sentence]
    created_at: Mapped[Created]
    series: Mapped[list["Series"]] = relationship(order_by="Series.kind")

    @property
    def party(self) -> Party:
        """The seller as documents show it."""
        return Party(
            name=self.name,
            street=self.street,
            city=self.city,
            postcode=self.postcode,
            region=self.region,
            country=self.country,
            vat_number=self.vat_number,
            tax_number=self.tax_number,
            registration=self.registration,
            email=self.email,
            phone=self.phone,
            website=self.website,
        )

    @property
    def bank_account(self) -> BankAccount:
        """Where clients pay by bank transfer."""
        return BankAccount(self.bank_holder or self.name, self.iban, self.bic, self.bank)

    @property
    def tax_seller(self) -> TaxSeller:
        """What matters of it for tax."""
        return TaxSeller(self.country, self.region, self.vat_registered, self.one_stop_shop)


class Series(Model):
    """The numbers of one kind of document of a company.

    The row is locked while a document is issued, so numbers have no gaps and follow the dates.

    Attributes:
        kind: a `DocumentKind`.
        pattern: such as `FV/{year}/{month}/{number:04}`.
        reset: when the count starts again, a `Reset`.
        period: which count is running: empty, a year, or a year and month.
        sequence: how many documents it has.
        count: the last number.
        last_on: the day of the last document.
        digest: the digest of the last document.
    """

    __tablename__ = "series"
    __table_args__ = (sa.UniqueConstraint("company_id", "kind"),)
    id: Mapped[Key]
    company_id: Mapped[Reference] = mapped_column(sa.ForeignKey("companies.id"))
    kind: Mapped[Word]
    pattern: Mapped[str] = mapped_column(sa.String(80))
    reset: Mapped[Word] = mapped_column(default=Reset.YEARLY)
    period: Mapped[str] = mapped_column(sa.String(7), default="")
    sequence: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    count: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    last_on: Mapped[date | None]
    digest: Mapped[str] = mapped_column(sa.String(64), default="")
