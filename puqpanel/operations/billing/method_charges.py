"""Charges of saved payment methods: opened once, made by a task, never twice while unknown.

A charge is an attempt with a method. It is `open` until its gateway is asked, and `unknown` from
then until the gateway has answered. Its UUID is the key at the gateway, so it can be repeated.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta

import sqlalchemy as sa

from puqpanel.domain import charging
from puqpanel.domain.document_states import OPEN
from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.errors import ConflictError, InvalidInput
from puqpanel.domain.money import Money
from puqpanel.domain.payment_states import AWAITED, AttemptStatus, PaymentStatus
from puqpanel.domain.permissions import CLIENT_BILLING_MANAGE, PAYMENTS_MANAGE
from puqpanel.domain.principals import Principal
from puqpanel.domain.texts import Text, _, verbatim
from puqpanel.infra.clock import now
from puqpanel.infra.db import retry_deadlocks, save, session, transaction
from puqpanel.models import (
    AttemptDocument,
    Client,
    ConfiguredModule,
    Document,
    Payment,
    PaymentAttempt,
    PaymentMethod,
)
from puqpanel.models.columns import new_uuid
from puqpanel.operations.billing import gateways, ledger, payment_methods
from puqpanel.operations.billing.attempts import (
    REUSED_FOR,
    UNAVAILABLE,
    check_part,
    check_together,
    find_attempt,
)
from puqpanel.operations.billing.documents import find_document_of, lock_document
from puqpanel.operations.billing.payment_polls import first_poll
from puqpanel.operations.billing.payments import spend_credit
from puqpanel.operations.modules import configured_modules
from puqpanel.operations.system import audit

JOB = "ChargeJob"
REPEATS, BACKOFF_SECONDS = 12, 300
REPEATED_FOR = timedelta(hours=23)
"""How long a charge without an answer is repeated: gateways forget keys after a day."""
IN_FLIGHT = (AttemptStatus.OPEN, AttemptStatus.UNKNOWN)
BUSY = _("A payment of this document is being processed. Wait until its outcome is known.")
UNCONFIRMED = _(
    "The gateway did not confirm whether the payment method was charged. Look it up at the"
    " provider."
)


def can_charge(gateway: ConfiguredModule, document: Document) -> bool:
    """Return whether saved methods of a gateway can pay a document now."""
    offered = gateways.is_offered(gateway, document.company, document.currency)
    return offered and gateways.supports(gateway, "charge")


def chargeable_methods(client: Client, document: Document) -> list[PaymentMethod]:
    """Return the saved methods of a client with which a document can be paid now."""
    offered = gateways.offered(document.company, document.currency)
    able = {row.uuid for row in offered if gateways.supports(row, "charge")}
    return [row for row in payment_methods.methods_of(client) if row.gateway in able]


def charges_in_flight(document_ids: Collection[int]) -> Sequence[PaymentAttempt]:
    """Return the charges for documents whose outcome is not known."""
    query = (
        sa.select(PaymentAttempt)
        .where(
            PaymentAttempt.id.in_(
                sa.select(AttemptDocument.attempt_id).where(
                    AttemptDocument.document_id.in_(document_ids)
                )
            ),
            PaymentAttempt.method_id.is_not(None),
            PaymentAttempt.status.in_(IN_FLIGHT),
        )
        .order_by(PaymentAttempt.id)
        .execution_options(populate_existing=True)
    )
    return session().scalars(query).all()


def attempts_of(document: Document) -> Sequence[PaymentAttempt]:
    """Return the attempts to pay a document, the newest first."""
    query = (
        sa.select(PaymentAttempt)
        .join(AttemptDocument, AttemptDocument.attempt_id == PaymentAttempt.id)
        .where(AttemptDocument.document_id == document.id)
        .order_by(PaymentAttempt.id.desc())
    )
    return session().scalars(query.limit(50)).all()


def _is_awaited(documents: Sequence[Document]) -> bool:
    """Return whether a payment that may be of documents is pending or unknown."""
    first = documents[0]
    ids = [row.id for row in documents]
    of_documents = Payment.attempt_id.in_(
        sa.select(AttemptDocument.attempt_id).where(AttemptDocument.document_id.in_(ids))
    )
    unassigned = sa.and_(
        Payment.attempt_id.is_(None),
        Payment.client_id == first.client_id,
        Payment.company_id == first.company_id,
        Payment.currency == first.currency,
    )
    query = sa.select(Payment.id).where(
        Payment.status.in_((*AWAITED, PaymentStatus.PARKED)), sa.or_(of_documents, unassigned)
    )
    return session().scalar(query.limit(1)) is not None


def _is_being_paid(document: Document) -> bool:
    """Return whether the client opened a checkout for a document a short time ago."""
    query = (
        sa.select(PaymentAttempt.id)
        .join(AttemptDocument, AttemptDocument.attempt_id == PaymentAttempt.id)
        .where(
            AttemptDocument.document_id == document.id,
            PaymentAttempt.method_id.is_(None),
            PaymentAttempt.status == AttemptStatus.OPEN,
            PaymentAttempt.created_at > now() - REUSED_FOR,
        )
    )
    return session().scalar(query.limit(1)) is not None


@retry_deadlocks
@transaction()
def charge_own(
    *,
    actor: Principal,
    method_uuid: str,
    document_uuids: Sequence[str],
    amount: Money | None = None,
) -> PaymentAttempt:
    """Charge a saved method of the user's client for documents, or return the running charge.

    Args:
        actor: the user.
        method_uuid: the method.
        document_uuids: in the order in which they are paid.
        amount: a part of a single document; all that is open unless given.

    Raises:
        NotFoundError: the method or a document does not exist or belongs to another client.
        ConflictError: the gateway is not offered, nothing is open, or a payment is processed.
        InvalidInput: the amount is out of range, or the documents can't be paid together.
    """
    actor.require_own(CLIENT_BILLING_MANAGE, staff=PAYMENTS_MANAGE)
    method = payment_methods.find_own(actor, method_uuid)
    uuids = [find_document_of(actor, uuid).uuid for uuid in dict.fromkeys(document_uuids)]
    gateway = gateways.lock_gateway(method.gateway)
    ledger.lock_client(method.client_id)
    method = payment_methods.find_own(actor, method_uuid)
    documents = [lock_document(uuid) for uuid in uuids]
    if running := charges_in_flight([row.id for row in documents]):
        return running[0]
    total = check_together(documents)
    if amount is not None:
        check_part(documents, amount, total)
    if not can_charge(gateway, documents[0]):
        raise ConflictError(UNAVAILABLE)
    if _is_awaited(documents):
        raise ConflictError(BUSY)
    return _open(actor, method, documents, total if amount is None else amount, new_uuid())


@retry_deadlocks
@transaction()
def charge_automatically(
    *, actor: Principal, document_uuid: str, method_uuid: str, number: int
) -> PaymentAttempt | None:
    """Charge the automatic method of a client for a document, once for each try.

    Credit of the client pays first.

    Args:
        actor: who requests it.
        document_uuid: the document.
        method_uuid: the method, as it was read.
        number: which try.

    Returns:
        The attempt; None if the document was paid, is being paid, or was tried already.
    """
    actor.require(PAYMENTS_MANAGE)
    query = sa.select(PaymentMethod).where(PaymentMethod.uuid == method_uuid)
    method = session().scalars(query).one()
    gateway = gateways.lock_gateway(method.gateway)
    client = ledger.lock_client(method.client_id)
    session().refresh(method)
    document = lock_document(document_uuid)
    uuid = charging.key(document.uuid, number)
    known = sa.select(PaymentAttempt.id).where(PaymentAttempt.uuid == uuid)
    if session().scalar(known) is not None or not (method.active and method.automatic):
        return None
    if document.status not in OPEN or document.client_id != client.id or document.adds_funds:
        return None
    if charges_in_flight([document.id]) or _is_awaited([document]) or _is_being_paid(document):
        return None
    credit = ledger.credit(client, document.company, document.currency)
    if credit.minor > 0:
        spend_credit(actor, client.id, document.uuid)
        credit = ledger.credit(client, document.company, document.currency)
    # credit that does not cover a proforma pays the rest of it later
    amount = document.open - credit if document.kind == DocumentKind.PROFORMA else document.open
    if amount.minor <= 0 or not can_charge(gateway, document):
        return None
    return _open(actor, method, [document], amount, uuid)


def _open(
    actor: Principal,
    method: PaymentMethod,
    documents: Sequence[Document],
    amount: Money,
    uuid: str,
) -> PaymentAttempt:
    """Insert a charge, and add the task that makes it."""
    attempt = save(
        PaymentAttempt(
            uuid=uuid,
            gateway=method.gateway,
            company_id=documents[0].company_id,
            client_id=method.client_id,
            currency=amount.currency,
            minor=amount.minor,
            status=AttemptStatus.OPEN,
            method=method,
            documents=[
                AttemptDocument(document_id=document.id, position=position)
                for position, document in enumerate(documents)
            ],
        )
    )
    payment_methods.request_task(
        JOB,
        method,
        {"attempt": uuid},
        title="Charge a payment method",
        tries=REPEATS,
        backoff=BACKOFF_SECONDS,
        actor=actor,
    )
    return attempt


@retry_deadlocks
@transaction()
def begin(uuid: str) -> Text | None:
    """Record that the gateway is asked to make a charge now, unless it must not be made.

    Returns:
        Why it must not be made or repeated; None if it may.
    """
    attempt = _lock(uuid)
    if attempt.status not in IN_FLIGHT:
        return _("This charge has ended.")
    reported = sa.select(Payment.id).where(Payment.attempt_id == attempt.id).limit(1)
    if session().scalar(reported) is not None:
        return _("The gateway has reported a payment for this charge.")
    reason = _obstacle(attempt)
    if attempt.status == AttemptStatus.OPEN:
        if reason is not None:
            attempt.status, attempt.reason = AttemptStatus.EXPIRED, reason
        else:
            attempt.status, attempt.expires_at = AttemptStatus.UNKNOWN, now() + REPEATED_FOR
    elif reason is None and attempt.expires_at is not None and attempt.expires_at < now():
        reason = UNCONFIRMED
    return reason


def _lock(uuid: str) -> PaymentAttempt:
    """Lock the gateway and the client of a charge, and return its current state."""
    attempt = find_attempt(uuid)
    gateways.lock_gateway(attempt.gateway)
    ledger.lock_client(attempt.client_id)
    session().refresh(attempt)
    return attempt


def _obstacle(attempt: PaymentAttempt) -> Text | None:
    """Return why a charge must not be made; None if it may."""
    assert attempt.method is not None
    session().refresh(attempt.method)
    documents = [lock_document(row.document.uuid) for row in attempt.documents]
    left = Money.total((row.open for row in documents), attempt.currency)
    if any(row.status not in OPEN for row in documents) or left < attempt.amount:
        return _("The document was paid or changed in the meantime.")
    if not attempt.method.active:
        return _("The payment method was removed, or is no longer charged.")
    if _is_awaited(documents):
        return _("Another payment of the document is being processed.")
    return None


@retry_deadlocks
@transaction()
def fail(*, uuid: str, reason: str) -> None:
    """Record that the gateway refused a charge."""
    attempt = _lock(uuid)
    if attempt.status in IN_FLIGHT:
        _fail(attempt, reason)
        payment_methods.count_failure(attempt)


def _fail(attempt: PaymentAttempt, reason: str) -> None:
    attempt.status, attempt.next_poll_at = AttemptStatus.FAILED, None
    attempt.reason = verbatim(reason[:500])


def leave_unknown(uuid: str) -> None:
    """Record that a charge is no longer repeated although its outcome is unknown.

    Requires a transaction. Its gateway is asked about it if it can be.
    """
    attempt = find_attempt(uuid)
    if attempt.status == AttemptStatus.UNKNOWN:
        attempt.reason = UNCONFIRMED
        if attempt.outside_id:
            attempt.next_poll_at = first_poll(configured_modules.find_instance(attempt.gateway))


@retry_deadlocks
@transaction()
def mark_not_charged(*, actor: Principal, uuid: str, reason: str) -> None:
    """Record that a charge without an answer was not made, as staff found out at the provider.

    Raises:
        ConflictError: its outcome is known.
        InvalidInput: no reason is given.
    """
    actor.require(PAYMENTS_MANAGE)
    if not reason.strip():
        raise InvalidInput({"reason": [_("Enter a reason.")]})
    attempt = _lock(uuid)
    if attempt.method_id is None or attempt.status not in IN_FLIGHT:
        raise ConflictError(_("The outcome of this charge is already known."))
    _fail(attempt, reason.strip())
    for row in attempt.documents:
        audit.record(
            actor=actor,
            action="payment.not_charged",
            subject_type="document",
            subject_uuid=row.document.uuid,
            summary=_("Charge of %(amount)s marked as not made.", amount=attempt.amount),
            after={"amount": str(attempt.amount), "reason": reason.strip()},
        )
