"""Clients, which are the accounts that buy, and their users."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from puqpanel.domain.documents import Party
from puqpanel.domain.tax_rules import BuyerKind, TaxBuyer, VatStatus
from puqpanel.infra.db import Model
from puqpanel.models.accounts.users import User
from puqpanel.models.columns import Created, Email, Key, Name, Reference, Sentence, Uuid, Word
from puqpanel.models.searchable import Searchable


class Client(Searchable, Model):
    """A person or company that buys services.

    Attributes:
        name: display name; documents show the company, if there is one.
        buyer_kind: what it is for tax, a `BuyerKind`.
        vat_number: with the country prefix.
        vat_status: what is known about the number, a `VatStatus`.
        language: of its documents; empty for the panel's.
        reference: its own reference, printed on documents, such as a purchase order.
        address_label: how its own address, the default one, is called; empty for no name.
        separate_documents: whether each of its services is renewed by a document of its own.
    """

    __tablename__ = "clients"
    searched = ("name", "company", "email")
    __table_args__ = (sa.Index("ix_clients_active_id", "active", "id"),)
    id: Mapped[Key]
    uuid: Mapped[Uuid]
    name: Mapped[Name] = mapped_column(index=True)
    email: Mapped[Email] = mapped_column(index=True)
    company: Mapped[str] = mapped_column(sa.String(200), default="")
    street: Mapped[str] = mapped_column(sa.String(200), default="")
    city: Mapped[str] = mapped_column(sa.String(100), default="")
    postcode: Mapped[str] = mapped_column(sa.String(20), default="")
    region: Mapped[str] = mapped_column(sa.String(100), default="")
    address_label: Mapped[str] = mapped_column(sa.String(100), default="")
    country: Mapped[str] = mapped_column(sa.String(2), default="")
    phone: Mapped[str] = mapped_column(sa.String(40), default="")
    buyer_kind: Mapped[Word] = mapped_column(default=BuyerKind.CONSUMER)
    vat_number: Mapped[str] = mapped_column(sa.String(40), default="")
    vat_status: Mapped[Word] = mapped_column(default=VatStatus.NONE)
    tax_number: Mapped[str] = mapped_column(sa.String(40), default="")
    language: Mapped[str] = mapped_column(sa.String(35), default="")
    reference: Mapped[str] = mapped_column(sa.String(200), default="")
    currency: Mapped[str] = mapped_column(sa.String(3), default="EUR")
    separate_documents: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    notes: Mapped[Sentence]
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[Created]
    members: Mapped[list["ClientUser"]] = relationship(
        back_populates="client", cascade="all, delete-orphan"
    )
    contacts: Mapped[list["Contact"]] = relationship(
        order_by="Contact.id", cascade="all, delete-orphan"
    )

    @property
    def party(self) -> Party:
        """The buyer as documents show it, with the address of the first billing contact."""
        billing = next((each.email for each in self.contacts if each.billing), "")
        return Party(
            name=self.company or self.name,
            street=self.street,
            city=self.city,
            postcode=self.postcode,
            region=self.region,
            country=self.country,
            vat_number=self.vat_number,
            tax_number=self.tax_number,
            email=billing or self.email,
            phone=self.phone,
        )

    @property
    def tax_buyer(self) -> TaxBuyer:
        """What matters of it for tax."""
        return TaxBuyer(
            self.country,
            self.region,
            BuyerKind(self.buyer_kind),
            VatStatus(self.vat_status),
            has_number=bool(self.vat_number or self.tax_number),
        )


class Contact(Model):
    """Who receives messages for a client, besides the client's own address.

    Attributes:
        language: of the messages; empty for that of the client's documents.
        billing: whether documents are sent there.
        technical: whether messages about services are.
        notices: whether general notices are.
    """

    __tablename__ = "contacts"
    id: Mapped[Key]
    uuid: Mapped[Uuid]
    client_id: Mapped[Reference] = mapped_column(sa.ForeignKey("clients.id"), index=True)
    name: Mapped[Name]
    email: Mapped[Email]
    language: Mapped[str] = mapped_column(sa.String(35), default="")
    billing: Mapped[bool] = mapped_column(default=False)
    technical: Mapped[bool] = mapped_column(default=False)
    notices: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[Created]


class ClientUser(Model):
    """A user of a client; the owner has all permissions, other users those in `permissions`."""

    __tablename__ = "client_users"
    client_id: Mapped[Reference] = mapped_column(
        sa.ForeignKey("clients.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[Reference] = mapped_column(
        sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    owner: Mapped[bool] = mapped_column(default=False)
    permissions: Mapped[list[str]] = mapped_column(sa.JSON, default=list)
    created_at: Mapped[Created]
    client: Mapped["Client"] = relationship(back_populates="members")
    user: Mapped["User"] = relationship()
