"""Expected transfers, in the table mod_payment_samplepayment_transfers."""

from __future__ import annotations

import base64
import contextlib
import hashlib
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from puqpanel.sdk import Invoice, UtcDateTime, db, now


class Base(db.Tables, db.DeclarativeBase):
    """Base class of the tables; adds the module's prefix to their names."""


class Transfer(Base):
    """A transfer that one gateway expects for one invoice.

    `state` is waiting, paid or returned.
    """

    __tablename__ = "transfers"
    __table_args__ = (sa.UniqueConstraint("gateway_uuid", "reference"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    gateway_uuid: Mapped[str] = mapped_column(sa.String(36))
    invoice_uuid: Mapped[str] = mapped_column(sa.String(36), index=True)
    reference: Mapped[str] = mapped_column(sa.String(20))
    state: Mapped[str] = mapped_column(sa.String(20), default="waiting")
    transaction_id: Mapped[str] = mapped_column(sa.String(100), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)

    @classmethod
    def find(cls, gateway_uuid: str, reference: str) -> Transfer | None:
        """Return the transfer with this reference, or None."""
        transfer: Transfer | None = db.session.scalar(
            sa.select(cls)
            .where(cls.gateway_uuid == gateway_uuid, cls.reference == reference)
            .execution_options(populate_existing=True)
        )
        return transfer


def make_reference(gateway_uuid: str, invoice_uuid: str) -> str:
    """Return a short reference that is always the same for an invoice."""
    digest = hashlib.sha256(f"{gateway_uuid}/{invoice_uuid}".encode()).digest()
    return "SP" + base64.b32encode(digest)[:10].decode()


def expected_transfer(gateway_uuid: str, invoice: Invoice) -> Transfer:
    """Return the transfer for an invoice, created if necessary."""
    reference = make_reference(gateway_uuid, invoice.uuid)
    transfer = Transfer.find(gateway_uuid, reference)
    if transfer is None:
        # If two pages are opened at once, the unique key lets only one of them insert the row.
        with contextlib.suppress(sa.exc.IntegrityError), db.transaction() as session:
            session.add(
                Transfer(gateway_uuid=gateway_uuid, invoice_uuid=invoice.uuid, reference=reference)
            )
        transfer = Transfer.find(gateway_uuid, reference)
    if transfer is None:
        raise RuntimeError("the transfer was deleted meanwhile")
    return transfer


def record_outcome(transfer: Transfer, state: str, transaction_id: str) -> None:
    """Record that a transfer was paid or returned."""
    with db.transaction() as session:
        session.execute(
            sa.update(Transfer)
            .where(Transfer.id == transfer.id)
            .values(state=state, transaction_id=transaction_id)
        )
