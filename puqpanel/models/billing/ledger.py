"""The ledger: postings, each with a unique key, and their entries, which sum to zero."""

from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from puqpanel.infra.db import Model
from puqpanel.models.columns import Created, Id, Key, Message, Reference, Word


class Posting(Model):
    """A transaction of the ledger.

    Attributes:
        key: such as `invoice:` and the document's UUID; a fact is posted once.
        day: in the company's time zone.
        summary: what happened, for statements.
    """

    __tablename__ = "postings"
    __table_args__ = (sa.Index("ix_postings_client_id_id", "client_id", "id"),)
    id: Mapped[Key]
    key: Mapped[str] = mapped_column(sa.String(200), unique=True)
    company_id: Mapped[Reference] = mapped_column(sa.ForeignKey("companies.id"))
    client_id: Mapped[Reference] = mapped_column(sa.ForeignKey("clients.id"))
    day: Mapped[date] = mapped_column(index=True)
    summary: Mapped[Message]
    created_at: Mapped[Created]
    entries: Mapped[list["LedgerEntry"]] = relationship(order_by="LedgerEntry.id")


class LedgerEntry(Model):
    """An amount on an account: positive for a debit, negative for a credit.

    Attributes:
        account: an `Account`.
        client_id: the client of the posting.
        document_id: the document of a receivable.
        gateway: key of the gateway of a clearing account; empty for payments that staff recorded.
    """

    __tablename__ = "entries"
    __table_args__ = (
        sa.Index("ix_entries_balance", "client_id", "account", "currency", "minor"),
        sa.Index("ix_entries_document_id", "document_id", "account", "minor"),
    )
    id: Mapped[Key]
    posting_id: Mapped[Reference] = mapped_column(sa.ForeignKey("postings.id"), index=True)
    account: Mapped[Word]
    client_id: Mapped[Reference] = mapped_column(sa.ForeignKey("clients.id"))
    document_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("documents.id"))
    gateway: Mapped[str] = mapped_column(sa.String(120), default="")
    currency: Mapped[str] = mapped_column(sa.String(3))
    minor: Mapped[int] = mapped_column(sa.BigInteger)
