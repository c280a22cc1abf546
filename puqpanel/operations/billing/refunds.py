"""Refunds: staff pay back a payment through its gateway, or record that it was paid back."""

from __future__ import annotations

import contextlib
import uuid as uuids

import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, InvalidInput, NotFoundError
from puqpanel.domain.money import Money
from puqpanel.domain.payment_states import PaymentStatus, RefundStatus
from puqpanel.domain.permissions import PAYMENTS_MANAGE
from puqpanel.domain.principals import Principal
from puqpanel.domain.task_states import OnLoss
from puqpanel.domain.texts import Text, _
from puqpanel.infra.db import find, retry_deadlocks, save, session, transaction
from puqpanel.models import Payment, Refund
from puqpanel.models.columns import new_uuid
from puqpanel.operations.billing import gateways, ledger
from puqpanel.operations.billing.refund_reports import AWAITED, settle
from puqpanel.operations.billing.taking_back import take_back
from puqpanel.operations.modules import configured_modules
from puqpanel.operations.system import audit
from puqpanel.tasks import add

JOB = "RefundJob"


def find_payment(uuid: str) -> Payment:
    """Return a payment.

    Raises:
        NotFoundError: it does not exist.
    """
    query = sa.select(Payment).where(Payment.uuid == uuid)
    return find(query.execution_options(populate_existing=True), _("Payment not found."))


def find_refund(uuid: str) -> Refund:
    """Return a refund.

    Raises:
        NotFoundError: it does not exist.
    """
    query = sa.select(Refund).where(Refund.uuid == uuid)
    return find(query.execution_options(populate_existing=True), _("Refund not found."))


def refundable(payment: Payment) -> Money:
    """Return how much of a payment can be refunded: it must be credit of its client."""
    zero = Money.zero(payment.currency)
    if payment.status != PaymentStatus.SUCCEEDED or payment.client is None:
        return zero
    available = ledger.credit(payment.client, payment.company, payment.currency)
    return max(zero, min(payment.amount - payment.refunded, available))


def check_received(payment: Payment) -> None:
    """Check that a payment was received from a client.

    Raises:
        ConflictError: it was not.
    """
    if payment.client_id is None or payment.status != PaymentStatus.SUCCEEDED:
        raise ConflictError(_("Only payments that were received can be refunded."))


def check_undecided(refund: Refund) -> None:
    """Check that the outcome of a refund or dispute is not known.

    Raises:
        ConflictError: it is.
    """
    if refund.status not in AWAITED:
        raise ConflictError(_("The outcome of this refund is known."))


def through_gateway(payment: Payment) -> bool:
    """Return whether the gateway of a payment can refund it."""
    if not payment.gateway:
        return False
    found = configured_modules.list_instances(gateways.TYPE)
    gateway = next((row for row in found if row.uuid == payment.gateway), None)
    return gateway is not None and gateways.supports(gateway, "refund")


@retry_deadlocks
@transaction()
def request(
    *,
    actor: Principal,
    payment_uuid: str,
    amount: Money,
    reason: str,
    outside: bool = False,
    token: str = "",
) -> Refund:
    """Refund a payment from the credit of its client.

    To refund an invoice, issue a credit note first: what it credits becomes credit.

    Args:
        actor: staff.
        payment_uuid: the payment.
        amount: at most what `refundable` returns.
        reason: for the record; required.
        outside: record that it was paid back outside of the panel instead.
        token: of the form, so that a form that is sent twice makes one refund.

    Raises:
        InvalidInput: the amount is out of range, or no reason is given.
        ConflictError: the gateway can't refund.
    """
    actor.require(PAYMENTS_MANAGE)
    if not reason.strip():
        raise InvalidInput({"reason": [_("Enter a reason.")]})
    payment = find_payment(payment_uuid)
    check_received(payment)
    with contextlib.suppress(NotFoundError):  # recorded by staff, or by a gateway of old
        gateways.lock_gateway(payment.gateway)
    assert payment.client_id is not None
    client = ledger.lock_client(payment.client_id)
    key = str(uuids.uuid5(uuids.UUID(payment.uuid), token)) if token else new_uuid()
    query = sa.select(Refund).where(Refund.uuid == key)
    if (earlier := session().scalar(query)) is not None:
        return earlier
    limit = refundable(payment)
    if amount.currency != payment.currency or not 0 < amount.minor <= limit.minor:
        raise InvalidInput({"amount": [_range(payment, limit)]})
    if not outside and not through_gateway(payment):
        raise ConflictError(_("The gateway can't refund. Record a refund that was made elsewhere."))
    refund = save(
        Refund(
            uuid=key,
            payment=payment,
            kind="refund",
            status=RefundStatus.SUCCEEDED if outside else RefundStatus.REQUESTED,
            currency=amount.currency,
            minor=amount.minor,
            day=ledger.today(payment.company),
            reason=reason.strip(),
        )
    )
    take_back(actor, refund, client)
    audit.record(
        actor=actor,
        action="payment.refund_requested",
        subject_type="payment",
        subject_uuid=payment.uuid,
        summary=_("Refund of %(amount)s: %(reason)s", amount=amount, reason=reason.strip()),
        after={"amount": str(amount), "reason": reason.strip(), "outside": outside},
    )
    if not outside:
        _request_job(refund, actor)
    return refund


def _range(payment: Payment, limit: Money) -> Text:
    if limit.minor > 0:
        return _("Enter an amount greater than 0 and at most %(rest)s.", rest=limit)
    return _(
        "The client has no credit to refund. Issue a credit note for the invoice first; what it"
        " credits can be refunded."
    )


def _request_job(refund: Refund, actor: Principal) -> None:
    add.add(
        job=JOB,
        queue="System",
        data={"refund": refund.uuid},
        title="Refund a payment",
        subject_type="payment",
        subject_uuid=refund.payment.uuid,
        module=configured_modules.find_instance(refund.payment.gateway).module,
        tries=5,
        backoff=60,
        max_exceptions=5,
        on_loss=OnLoss.REPEAT,
        actor=actor,
    )


@retry_deadlocks
@transaction()
def decide(*, actor: Principal, uuid: str, succeeded: bool, reason: str) -> None:
    """Record the outcome of a refund that the gateway did not confirm, as staff found out.

    Raises:
        ConflictError: its outcome is known.
        InvalidInput: no reason is given.
    """
    actor.require(PAYMENTS_MANAGE)
    if not reason.strip():
        raise InvalidInput({"reason": [_("Enter a reason.")]})
    refund = find_refund(uuid)
    if refund.payment.gateway:
        gateways.lock_gateway(refund.payment.gateway)
    session().refresh(refund)
    check_undecided(refund)
    audit.record(
        actor=actor,
        action="payment.refund_decided",
        subject_type="payment",
        subject_uuid=refund.payment.uuid,
        summary=_("Outcome of the refund of %(amount)s entered.", amount=refund.amount),
        after={"succeeded": succeeded, "reason": reason.strip()},
    )
    settle(refund, RefundStatus.SUCCEEDED if succeeded else RefundStatus.FAILED, "", reason)


@retry_deadlocks
@transaction()
def record_outcome(
    *, uuid: str, status: RefundStatus, outside_id: str = "", detail: str = ""
) -> None:
    """Record what the gateway answered to a refund."""
    refund = find_refund(uuid)
    gateways.lock_gateway(refund.payment.gateway)
    session().refresh(refund)
    settle(refund, status, outside_id, detail)
