"""Billing addresses of clients, besides the client's own."""

from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from puqpanel.domain.documents import Party
from puqpanel.domain.tax_rules import TaxBuyer, VatStatus
from puqpanel.infra.db import Model
from puqpanel.models.accounts.clients import Client
from puqpanel.models.columns import Created, Key, Reference, Uuid


class Address(Model):
    """A billing address of a client besides its own, which is the default.

    Attributes:
        label: how its client calls it.
        company: the name on documents; empty for that of the client.
    """

    __tablename__ = "addresses"
    id: Mapped[Key]
    uuid: Mapped[Uuid]
    client_id: Mapped[Reference] = mapped_column(sa.ForeignKey("clients.id"), index=True)
    label: Mapped[str] = mapped_column(sa.String(100))
    company: Mapped[str] = mapped_column(sa.String(200), default="")
    street: Mapped[str] = mapped_column(sa.String(200))
    postcode: Mapped[str] = mapped_column(sa.String(20))
    city: Mapped[str] = mapped_column(sa.String(100))
    region: Mapped[str] = mapped_column(sa.String(100), default="")
    country: Mapped[str] = mapped_column(sa.String(2))
    created_at: Mapped[Created]
    client: Mapped[Client] = relationship(lazy="joined", innerjoin=True)

    @property
    def party(self) -> Party:
        """The client at this address; its VAT number is shown in its own country only."""
        own = self.client.party
        return replace(
            own,
            name=self.company or own.name,
            street=self.street,
            city=self.city,
            postcode=self.postcode,
            region=self.region,
            country=self.country,
            vat_number=own.vat_number if self.country == self.client.country else "",
        )

    @property
    def tax_buyer(self) -> TaxBuyer:
        """What matters for tax; a VAT number counts in the client's own country only."""
        own = self.client.tax_buyer
        if self.country == self.client.country:
            return replace(own, region=self.region)
        return replace(
            own,
            country=self.country,
            region=self.region,
            vat_status=VatStatus.NONE,
            has_number=bool(self.client.tax_number),
        )
