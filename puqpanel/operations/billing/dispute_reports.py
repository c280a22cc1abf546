"""Record what gateways report about disputes: money moves only while the gateway has taken it."""

from __future__ import annotations

import sqlalchemy as sa

from puqpanel.domain.money import Money
from puqpanel.domain.payment_states import PaymentStatus, RefundStatus
from puqpanel.domain.principals import AUTOMATION
from puqpanel.domain.texts import _
from puqpanel.host.contract.payments import DisputeReport
from puqpanel.infra.db import retry_deadlocks, session, transaction
from puqpanel.infra.events import raise_event
from puqpanel.models import Payment, Refund
from puqpanel.operations.billing import ledger
from puqpanel.operations.billing.gateways import lock_gateway
from puqpanel.operations.billing.refund_reports import (
    UnknownPaymentError,
    amount_of,
    find_reported,
    insert,
    record,
    settle,
)
from puqpanel.operations.billing.taking_back import take_back


@retry_deadlocks
@transaction()
def record_dispute(gateway_uuid: str, report: DisputeReport) -> None:
    """Record what a gateway reports about a dispute.

    A dispute is stored when it is reported first, with an amount of zero until the money was
    withdrawn. Only one that was won gives it back; what is reported late changes nothing.

    Raises:
        UnknownPaymentError: its payment was not reported yet, or is parked.
    """
    lock_gateway(gateway_uuid)
    payment = find_reported(gateway_uuid, report.payment)
    if payment.status != PaymentStatus.SUCCEEDED:
        raise UnknownPaymentError(_("Assign the parked payment first: its payer disputes it."))
    amount = amount_of(payment, report.amount, report.currency)
    query = sa.select(Refund).where(
        Refund.payment_id == payment.id,
        Refund.kind == "dispute",
        Refund.outside_id == report.outside_id,
    )
    dispute = session().scalar(query)
    if dispute is None:
        dispute = insert(payment, "dispute", report.outside_id, Money.zero(payment.currency))
        client = payment.client
        payload = {"payment_uuid": payment.uuid, "client_uuid": client.uuid if client else ""}
        raise_event("payment.disputed", payload)
    if report.status == "won":
        settle(dispute, RefundStatus.FAILED, "", report.reason)
        return
    if dispute.status == RefundStatus.FAILED:
        return
    if report.withdrawn and not dispute.minor:
        _withdraw(payment, dispute, amount)
    if report.status == "lost":
        settle(dispute, RefundStatus.SUCCEEDED, "", report.reason)


def _withdraw(payment: Payment, dispute: Refund, amount: Money) -> None:
    """Take the money of a dispute back, as far as the payment was not refunded."""
    assert payment.client_id is not None
    client = ledger.lock_client(payment.client_id)
    dispute.minor = min(amount, payment.amount - payment.refunded).minor
    dispute.day = ledger.today(payment.company)
    session().flush()
    if dispute.minor > 0:
        take_back(AUTOMATION, dispute, client)
    record(dispute)
