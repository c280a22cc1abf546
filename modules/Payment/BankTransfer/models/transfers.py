"""Transfers that clients were asked for, each with its reference."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Collection
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from puqpanel.sdk import PaymentAttempt, UtcDateTime, db, major_units, minor_units, now

from ..services.references import new_reference
from .base import BIG, Base

TRIES = 5


class Transfer(Base):
    """What a client was asked to transfer for one document, or for several at once.

    The reference stays the same for these documents; the attempt, the amount and the names are
    those of the last attempt.
    """

    __tablename__ = "transfers"
    __table_args__ = (
        sa.UniqueConstraint("reference"),
        sa.UniqueConstraint("gateway_uuid", "documents"),
        sa.Index("ix_mod_payment_banktransfer_transfers_minor", "minor", "currency"),
    )
    id: Mapped[int] = mapped_column(BIG, primary_key=True)
    gateway_uuid: Mapped[str] = mapped_column(sa.String(36))
    documents: Mapped[str] = mapped_column(sa.String(64))
    reference: Mapped[str] = mapped_column(sa.String(10))
    attempt_uuid: Mapped[str] = mapped_column(sa.String(36))
    invoice_uuid: Mapped[str] = mapped_column(sa.String(36))
    number: Mapped[str] = mapped_column(sa.String(200))
    client: Mapped[str] = mapped_column(sa.String(200))
    company: Mapped[str] = mapped_column(sa.String(200))
    minor: Mapped[int] = mapped_column(sa.BigInteger)
    currency: Mapped[str] = mapped_column(sa.String(3))
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)

    @property
    def amount(self) -> Decimal:
        """The amount in major units."""
        return major_units(self.minor, self.currency)


def expected_transfer(gateway_uuid: str, attempt: PaymentAttempt) -> Transfer:
    """Return the transfer for an attempt's documents, created if necessary."""
    invoice, client = attempt.invoice, attempt.invoice.client
    documents = hashlib.sha256(f"{invoice.uuid}/{invoice.number}".encode()).hexdigest()
    values = {
        "attempt_uuid": attempt.uuid,
        "invoice_uuid": invoice.uuid,
        "number": invoice.number[:200],
        "client": client.name[:200],
        "company": client.company[:200],
        "minor": minor_units(attempt.amount, attempt.currency),
        "currency": attempt.currency,
        "updated_at": now(),
    }
    mine = (Transfer.gateway_uuid == gateway_uuid, Transfer.documents == documents)
    for _ in range(TRIES):
        with db.transaction() as session:
            session.execute(sa.update(Transfer).where(*mine).values(**values))
        query = sa.select(Transfer).where(*mine).execution_options(populate_existing=True)
        transfer: Transfer | None = db.session.scalar(query)
        if transfer is not None:
            return transfer
        # the unique keys decide if two pages are opened at once, or a reference is already used
        with contextlib.suppress(sa.exc.IntegrityError), db.transaction() as session:
            session.add(
                Transfer(
                    gateway_uuid=gateway_uuid,
                    documents=documents,
                    reference=new_reference(),
                    **values,
                )
            )
    raise RuntimeError("no reference could be stored")


def with_references(references: Collection[str]) -> list[Transfer]:
    """Return the transfers with these references."""
    query = sa.select(Transfer).where(Transfer.reference.in_(references))
    return list(db.session.scalars(query)) if references else []


def with_amounts(currency: str, minors: Collection[int], since: datetime) -> list[Transfer]:
    """Return the transfers of these amounts that clients were asked for since a moment."""
    query = sa.select(Transfer).where(
        Transfer.minor.in_(minors), Transfer.currency == currency, Transfer.updated_at >= since
    )
    return list(db.session.scalars(query.order_by(Transfer.id).limit(500)))
