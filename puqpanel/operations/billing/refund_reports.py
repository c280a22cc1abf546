"""Record what gateways report about refunds and disputes, each once, also those made elsewhere."""

from __future__ import annotations

import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError
from puqpanel.domain.money import Money
from puqpanel.domain.payment_states import PaymentStatus, RefundStatus
from puqpanel.domain.principals import AUTOMATION
from puqpanel.domain.texts import _, verbatim
from puqpanel.host.contract.payments import DisputeReport, RefundReport
from puqpanel.infra.clock import now
from puqpanel.infra.db import retry_deadlocks, save, session, transaction
from puqpanel.infra.events import raise_event
from puqpanel.models import Payment, Refund
from puqpanel.operations.billing import ledger
from puqpanel.operations.billing.gateways import lock_gateway
from puqpanel.operations.billing.payment_polls import INTERVALS
from puqpanel.operations.billing.taking_back import give_back, take_back
from puqpanel.operations.system import audit

AWAITED = (RefundStatus.REQUESTED, RefundStatus.PENDING, RefundStatus.UNKNOWN)
"""Statuses of refunds that may still succeed or fail."""


class UnknownPaymentError(ConflictError):
    """A refund or dispute is of a payment that was not reported yet."""


@retry_deadlocks
@transaction()
def record_refund(gateway_uuid: str, report: RefundReport) -> Refund | None:
    """Record what a gateway reports about a refund.

    Returns:
        The refund; None if the gateway made one that failed, so that there is nothing to record.

    Raises:
        UnknownPaymentError: its payment was not reported yet.
    """
    lock_gateway(gateway_uuid)
    payment = _payment(gateway_uuid, report.payment)
    amount = Money.from_major(report.amount, report.currency.upper())
    refund = _refund(payment, report, amount)
    status = RefundStatus(report.status)
    if refund is None:
        if status is RefundStatus.FAILED or amount.minor <= 0:
            return None
        refund = _made_elsewhere(payment, "refund", report.outside_id, amount)
    settle(refund, status, report.outside_id, report.reason)
    return refund


@retry_deadlocks
@transaction()
def record_dispute(gateway_uuid: str, report: DisputeReport) -> None:
    """Record what a gateway reports about a dispute; money moves only once it was withdrawn.

    Raises:
        UnknownPaymentError: its payment was not reported yet.
    """
    lock_gateway(gateway_uuid)
    payment = _payment(gateway_uuid, report.payment)
    amount = Money.from_major(report.amount, report.currency.upper())
    query = sa.select(Refund).where(
        Refund.payment_id == payment.id,
        Refund.kind == "dispute",
        Refund.outside_id == report.outside_id,
    )
    dispute = session().scalar(query)
    if dispute is None:
        if not report.withdrawn or report.status == "won" or amount.minor <= 0:
            return
        dispute = _made_elsewhere(payment, "dispute", report.outside_id, amount)
        client = payment.client
        payload = {"payment_uuid": payment.uuid, "client_uuid": client.uuid if client else ""}
        raise_event("payment.disputed", payload)
    given_back = report.status == "won" or not report.withdrawn
    status = {"open": RefundStatus.PENDING, "lost": RefundStatus.SUCCEEDED}.get(
        report.status, RefundStatus.FAILED
    )
    settle(dispute, RefundStatus.FAILED if given_back else status, "", report.reason)


def settle(refund: Refund, status: RefundStatus, outside_id: str, detail: str) -> None:
    """Move a refund forward; one that fails gives its money back; requires a transaction."""
    if outside_id and refund.outside_id is None:
        refund.outside_id = outside_id
    before = RefundStatus(refund.status)
    if before is RefundStatus.FAILED or before == status:
        return
    if before is RefundStatus.SUCCEEDED and status is not RefundStatus.FAILED:
        return
    refund.status = status
    refund.detail = verbatim(detail[:500])
    polled = status in (RefundStatus.PENDING, RefundStatus.UNKNOWN) and refund.kind == "refund"
    refund.next_poll_at = now() + INTERVALS[0] if polled else None
    session().flush()
    if status is RefundStatus.FAILED:
        client_id = refund.payment.client_id
        assert client_id is not None
        give_back(AUTOMATION, refund, ledger.lock_client(client_id))
    _record(refund)


def _payment(gateway_uuid: str, outside_id: str) -> Payment:
    query = sa.select(Payment).where(
        Payment.gateway == gateway_uuid, Payment.outside_id == outside_id
    )
    payment = session().scalar(query.execution_options(populate_existing=True))
    if payment is None or payment.status != PaymentStatus.SUCCEEDED:
        text = _("The payment %(id)s was not reported as received yet.", id=outside_id)
        raise UnknownPaymentError(text)
    return payment


def _refund(payment: Payment, report: RefundReport, amount: Money) -> Refund | None:
    """Return the refund that a report is about, if the panel knows it."""
    rows = [row for row in payment.refunds if row.kind == "refund"]
    for row in rows:
        if report.key == row.uuid or (report.outside_id and report.outside_id == row.outside_id):
            return row
    # the answer was lost, and the gateway does not return the panel's key
    waiting = [
        row
        for row in rows
        if row.outside_id is None and row.status in AWAITED and row.amount == amount
    ]
    return waiting[0] if waiting and not report.key else None


def _made_elsewhere(payment: Payment, kind: str, outside_id: str, amount: Money) -> Refund:
    """Insert a refund that staff made at the gateway, or a dispute, and take the money back."""
    assert payment.client_id is not None
    client = ledger.lock_client(payment.client_id)
    refund = save(
        Refund(
            payment=payment,
            kind=kind,
            status=RefundStatus.PENDING,
            currency=amount.currency,
            minor=min(amount, payment.amount - payment.refunded).minor,
            outside_id=outside_id or None,
            day=ledger.today(payment.company),
        )
    )
    if refund.minor <= 0:
        raise ConflictError(_("More was refunded than was paid."))
    take_back(AUTOMATION, refund, client)
    _record(refund)
    return refund


def _record(refund: Refund) -> None:
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
