"""The module's one table, mod_payment_samplepayment_transfers: which reference stands for which
invoice.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from puqpanel.sdk import Invoice, UtcDateTime, db, now


class Base(db.Tables, db.DeclarativeBase):
    """The base of the module's tables."""


class Transfer(Base):
    """A payment that is awaited by one gateway for one invoice.

    `state` is waiting, paid or returned.
    """

    __tablename__ = "transfers"
    __table_args__ = (sa.UniqueConstraint("gateway_uuid", "reference"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    gateway_uuid: Mapped[str] = mapped_column(sa.String(36))
    invoice_uuid: Mapped[str] = mapped_column(sa.String(36), index=True)
    reference: Mapped[str] = mapped_column(sa.String(20))
    amount: Mapped[Decimal] = mapped_column(sa.Numeric(14, 2))
    currency: Mapped[str] = mapped_column(sa.String(3))
    state: Mapped[str] = mapped_column(sa.String(20), default="waiting")
    transaction_id: Mapped[str] = mapped_column(sa.String(100), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)

    @classmethod
    def find(cls, gateway_uuid: str, reference: str) -> Transfer | None:
        """The one under this reference, or None."""
        found: Transfer | None = db.session.scalar(
            sa.select(cls)
            .where(cls.gateway_uuid == gateway_uuid, cls.reference == reference)
            .execution_options(populate_existing=True)
        )
        return found


def reference_of(gateway_uuid: str, invoice_uuid: str) -> str:
    """Ten letters and digits that are the same each time the client opens the page, and easy to
    type.
    """
    digest = hashlib.sha256(f"{gateway_uuid}/{invoice_uuid}".encode()).digest()
    return "SP" + base64.b32encode(digest)[:10].decode()


def awaited(gateway_uuid: str, invoice: Invoice) -> Transfer:
    """The transfer that is awaited for an invoice; made when it is asked for first, and always
    of the amount that is due now.
    """
    reference = reference_of(gateway_uuid, invoice.uuid)
    wanted = {"amount": invoice.due_amount, "currency": invoice.client.currency.code}
    found = Transfer.find(gateway_uuid, reference)
    if found is None:
        # Two pages may be opened at once: the unique key lets one of them make the row, and the
        # other finds it.
        with contextlib.suppress(sa.exc.IntegrityError), db.transaction() as session:
            session.add(
                Transfer(
                    gateway_uuid=gateway_uuid,
                    invoice_uuid=invoice.uuid,
                    reference=reference,
                    **wanted,
                )
            )
    elif found.state == "waiting" and (found.amount, found.currency) != (
        wanted["amount"],
        wanted["currency"],
    ):
        with db.transaction() as session:
            session.execute(
                sa.update(Transfer)
                .where(Transfer.id == found.id, Transfer.state == "waiting")
                .values(**wanted)
            )
    made = Transfer.find(gateway_uuid, reference)
    if made is None:
        raise RuntimeError("the transfer that was just made is gone")
    return made


def note_outcome(transfer: Transfer, state: str, transaction_id: str) -> None:
    """Writes down what became of it."""
    with db.transaction() as session:
        session.execute(
            sa.update(Transfer)
            .where(Transfer.id == transfer.id)
            .values(state=state, transaction_id=transaction_id)
        )
