"""Record what gateways report about refunds, each once, also those made elsewhere."""

from __future__ import annotations

import uuid

import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError
from puqpanel.domain.money import Money
from puqpanel.domain.payment_states import PaymentStatus, RefundStatus
from puqpanel.domain.principals import AUTOMATION
from puqpanel.domain.texts import _, verbatim
from puqpanel.host.contract.payments import RefundReport
from puqpanel.infra.clock import now
from puqpanel.infra.db import retry_deadlocks, save, session, transaction
from puqpanel.models import Payment, Refund
from puqpanel.operations.billing import ledger
from puqpanel.operations.billing.gateways import lock_gateway
from puqpanel.operations.billing.payment_polls import INTERVALS
from puqpanel.operations.billing.taking_back import give_back, take_back
from puqpanel.operations.system import audit

_S = RefundStatus
AWAITED = (_S.REQUESTED, _S.PENDING, _S.UNKNOWN)
"""Statuses of refunds that may still succeed or fail."""
_SENT = (_S.PENDING, _S.UNKNOWN, _S.SUCCEEDED)
"""Statuses of refunds that the gateway was asked for."""


class UnknownPaymentError(ConflictError):
    """A refund or dispute is of a payment that was not reported yet."""


@retry_deadlocks
@transaction()
def record_refund(gateway_uuid: str, report: RefundReport) -> Refund | None:
    """Record what a gateway reports about a refund.

    Returns:
        The refund; None if there is nothing to record: the gateway made one that failed, or it
        returned a parked payment, which is closed.

    Raises:
        UnknownPaymentError: its payment was not reported yet.
        ConflictError: it has another currency, or more was refunded than was paid.
    """
    lock_gateway(gateway_uuid)
    payment = find_reported(gateway_uuid, report.payment)
    amount = amount_of(payment, report.amount, report.currency)
    status = RefundStatus(report.status)
    if payment.status != PaymentStatus.SUCCEEDED:
        if status is _S.SUCCEEDED:
            _close_parked(payment, amount)
        return None
    refund = _known(payment, report, amount)
    if refund is None:
        if status is _S.FAILED or amount.minor <= 0:
            return None
        refund = insert(payment, "refund", report.outside_id, amount)
    elif refund.status == _S.FAILED and status is _S.SUCCEEDED:
        refund = _revived(refund)
    settle(refund, status, report.outside_id, report.reason)
    return refund


def settle(refund: Refund, status: RefundStatus, outside_id: str, detail: str) -> None:
    """Move a refund forward; one that fails gives its money back; requires a transaction."""
    siblings = {row.outside_id for row in refund.payment.refunds if row.kind == refund.kind}
    if outside_id and refund.outside_id is None and outside_id not in siblings:
        refund.outside_id = outside_id
    before = RefundStatus(refund.status)
    if before is _S.FAILED or before == status:
        return
    if before is _S.SUCCEEDED and status is not _S.FAILED:
        return
    refund.status = status
    refund.detail = verbatim(detail[:500])
    polled = status in (_S.PENDING, _S.UNKNOWN) and refund.kind == "refund"
    refund.next_poll_at = now() + INTERVALS[0] if polled else None
    session().flush()
    if status is _S.FAILED and refund.minor:
        client_id = refund.payment.client_id
        assert client_id is not None
        give_back(AUTOMATION, refund, ledger.lock_client(client_id))
    record(refund)


def find_reported(gateway_uuid: str, outside_id: str) -> Payment:
    """Return a payment whose money arrived.

    Raises:
        UnknownPaymentError: it was not reported yet.
    """
    query = sa.select(Payment).where(
        Payment.gateway == gateway_uuid, Payment.outside_id == outside_id
    )
    payment = session().scalar(query.execution_options(populate_existing=True))
    arrived = (PaymentStatus.SUCCEEDED, PaymentStatus.PARKED, PaymentStatus.CLOSED)
    if payment is None or payment.status not in arrived:
        text = _("The payment %(id)s was not reported as received yet.", id=outside_id)
        raise UnknownPaymentError(text)
    session().expire(payment, ["refunds"])
    return payment


def amount_of(payment: Payment, amount: object, currency: str) -> Money:
    """Return a reported amount of a payment.

    Raises:
        ConflictError: it has another currency than the payment.
    """
    if currency.upper() != payment.currency:
        raise ConflictError(
            _(
                "The payment is in %(currency)s, but the refund or dispute in %(other)s.",
                currency=payment.currency,
                other=currency.upper(),
            )
        )
    return Money.from_major(str(amount), payment.currency)


def insert(payment: Payment, kind: str, outside_id: str, amount: Money, key: str = "") -> Refund:
    """Insert a refund or dispute that the panel did not request, and take its money back.

    Raises:
        ConflictError: more was refunded than was paid.
    """
    assert payment.client_id is not None
    client = ledger.lock_client(payment.client_id)
    refund = save(
        Refund(
            **({"uuid": key} if key else {}),
            payment=payment,
            kind=kind,
            status=_S.PENDING,
            currency=amount.currency,
            minor=min(amount, payment.amount - payment.refunded).minor,
            outside_id=outside_id or None,
            day=ledger.today(payment.company),
            next_poll_at=now() + INTERVALS[0] if kind == "refund" else None,
        )
    )
    if refund.minor <= 0 and amount.minor > 0:
        raise ConflictError(_("More was refunded than was paid."))
    if refund.minor:
        take_back(AUTOMATION, refund, client)
    record(refund)
    return refund


def _known(payment: Payment, report: RefundReport, amount: Money) -> Refund | None:
    """Return the refund that a report is about, if the panel knows it."""
    rows = [row for row in payment.refunds if row.kind == "refund"]
    for row in reversed(rows):
        if report.outside_id and report.outside_id == row.outside_id:
            return row
    for row in rows:
        if report.key and report.key == row.uuid:
            return row
    if report.key:
        return None
    # asked for, but the gateway's answer had no identifier or was lost
    unnamed = [
        row
        for row in rows
        if row.outside_id is None and row.status in _SENT and row.amount == amount
    ]
    return unnamed[0] if unnamed else None


def _revived(refund: Refund) -> Refund:
    """Return a refund in the place of one that counted as failed and succeeded after all."""
    key = str(uuid.uuid5(uuid.UUID(refund.uuid), "succeeded"))
    earlier = session().scalar(sa.select(Refund).where(Refund.uuid == key))
    return earlier or insert(refund.payment, refund.kind, "", refund.amount, key)


def _close_parked(payment: Payment, amount: Money) -> None:
    """Close a parked payment that the gateway returned.

    Raises:
        ConflictError: only a part was returned; staff must assign the payment first.
    """
    if payment.status == PaymentStatus.CLOSED:
        return
    if amount < payment.amount:
        raise ConflictError(_("Assign the parked payment first: a part of it was refunded."))
    payment.status = PaymentStatus.CLOSED
    payment.reason = _("Sent back to the payer.")
    audit.record(
        actor=AUTOMATION,
        action="payment.dismissed",
        subject_type="payment",
        subject_uuid=payment.uuid,
        summary=_("Parked payment refunded at the gateway."),
        after={"amount": str(amount)},
    )


def record(refund: Refund) -> None:
    """Write an audit entry about the status of a refund or dispute."""
    text = {
        ("refund", "succeeded"): _("%(amount)s refunded."),
        ("refund", "failed"): _("The refund of %(amount)s failed."),
        ("dispute", "succeeded"): _("The dispute of %(amount)s was lost."),
        ("dispute", "failed"): _("The dispute of %(amount)s was won."),
        ("dispute", "pending"): _("%(amount)s disputed by the payer."),
    }.get((refund.kind, refund.status), _("The refund of %(amount)s is pending."))
    audit.record(
        actor=AUTOMATION,
        action=f"payment.{refund.kind}_{refund.status}",
        subject_type="payment",
        subject_uuid=refund.payment.uuid,
        summary=text % {"amount": refund.amount},
        after={"amount": str(refund.amount)},
    )
