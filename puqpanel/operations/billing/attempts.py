"""Attempts: a client chooses a gateway for documents; the gateway's checkout takes the payment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, ExternalServiceError, InvalidInput
from puqpanel.domain.money import Money
from puqpanel.domain.payment_states import AWAITED, AttemptStatus, PaymentStatus
from puqpanel.domain.permissions import CLIENT_BILLING_MANAGE, CLIENT_BILLING_VIEW, PAYMENTS_MANAGE
from puqpanel.domain.principals import Principal
from puqpanel.domain.texts import Text, _
from puqpanel.host import calls
from puqpanel.host.contract.payments import Checkout
from puqpanel.infra.clock import now
from puqpanel.infra.db import find, retry_deadlocks, save, session, transaction
from puqpanel.models import (
    AttemptDocument,
    Client,
    ConfiguredModule,
    Document,
    Payment,
    PaymentAttempt,
)
from puqpanel.operations.billing import gateways, ledger, payment_polls
from puqpanel.operations.billing.awaited_payments import documents_awaiting_payment
from puqpanel.operations.billing.documents import find_document_of
from puqpanel.operations.billing.payment_polls import first_poll
from puqpanel.operations.billing.payments import check_payable
from puqpanel.operations.modules import configured_modules

REUSED_FOR = timedelta(hours=1)
"""How long the checkout of an attempt is offered again instead of a new one."""
UNAVAILABLE = _(
    "This payment method is unavailable at the moment. Choose another one, or try again later."
)


@retry_deadlocks
@transaction()
def open_attempt(
    *,
    actor: Principal,
    gateway_uuid: str,
    document_uuids: Sequence[str],
    amount: Money | None = None,
    save_method: bool = False,
) -> PaymentAttempt:
    """Open an attempt to pay documents of the user's client, or return the one that is open.

    Args:
        actor: the user.
        gateway_uuid: the gateway.
        document_uuids: in the order in which they are paid.
        amount: a part of a single document; all that is open unless given.
        save_method: whether the user agrees that the payment method is saved.

    Raises:
        NotFoundError: a document does not exist or belongs to another client.
        ConflictError: the gateway is not offered, or nothing is open.
        InvalidInput: the amount is out of range, or the documents can't be paid together.
    """
    actor.require_own(CLIENT_BILLING_MANAGE, staff=PAYMENTS_MANAGE)
    gateway = configured_modules.find_instance(gateway_uuid, gateways.TYPE)
    documents = [find_document_of(actor, uuid) for uuid in dict.fromkeys(document_uuids)]
    total = check_together(documents)
    if amount is not None:
        check_part(documents, amount, total)
    if not gateways.is_offered(gateway, documents[0].company, total.currency):
        raise ConflictError(UNAVAILABLE)
    client = ledger.lock_client(documents[0].client_id)
    if documents_awaiting_payment({row.id for row in documents}):
        raise ConflictError(_("A payment is already being processed. Wait until it is confirmed."))
    wanted = total if amount is None else amount
    if (earlier := _reusable(gateway, client, documents, wanted, save_method)) is not None:
        return earlier
    return _insert(gateway, client, documents, wanted, save_method)


def _insert(
    gateway: ConfiguredModule,
    client: Client,
    documents: Sequence[Document],
    amount: Money,
    save_method: bool,
) -> PaymentAttempt:
    return save(
        PaymentAttempt(
            gateway=gateway.uuid,
            company_id=documents[0].company_id,
            client_id=client.id,
            currency=amount.currency,
            minor=amount.minor,
            status=AttemptStatus.OPEN,
            save_method=save_method,
            documents=[
                AttemptDocument(document_id=document.id, position=position)
                for position, document in enumerate(documents)
            ],
        )
    )


def check_together(documents: Sequence[Document]) -> Money:
    """Return what is open on documents that can be paid together.

    Raises:
        ConflictError: nothing is open on one of them.
        InvalidInput: there are none, or they differ in client, company or currency.
    """
    if not documents:
        raise InvalidInput({"documents": [_("Choose at least one document.")]})
    if len({(row.client_id, row.company_id, row.currency) for row in documents}) > 1:
        text = _("Only documents of one company in one currency can be paid together.")
        raise InvalidInput({"documents": [text]})
    for document in documents:
        check_payable(document)
    return Money.total((row.open for row in documents), documents[0].currency)


def check_part(documents: Sequence[Document], amount: Money, total: Money) -> None:
    """Check that a part of what is open can be paid.

    Raises:
        InvalidInput: it is out of range, or the document must be paid in full.
    """
    whole = any(row.kind == "proforma" for row in documents)
    if amount.currency != total.currency or not 0 < amount.minor <= total.minor:
        text = _("Enter an amount greater than 0 and at most %(rest)s.", rest=total)
        raise InvalidInput({"amount": [text]})
    if amount != total and (whole or len(documents) > 1):
        raise InvalidInput({"amount": [_("A proforma can only be paid in full.")]})


def _reusable(
    gateway: ConfiguredModule,
    client: Client,
    documents: Sequence[Document],
    amount: Money,
    save_method: bool,
) -> PaymentAttempt | None:
    """Return an open attempt for the same, so that a second click makes no second checkout."""
    query = (
        sa.select(PaymentAttempt)
        .where(
            PaymentAttempt.client_id == client.id,
            PaymentAttempt.gateway == gateway.uuid,
            PaymentAttempt.status == AttemptStatus.OPEN,
            PaymentAttempt.currency == amount.currency,
            PaymentAttempt.minor == amount.minor,
            PaymentAttempt.save_method.is_(save_method),
            PaymentAttempt.method_id.is_(None),
            PaymentAttempt.created_at > now() - REUSED_FOR,
            sa.or_(PaymentAttempt.expires_at.is_(None), PaymentAttempt.expires_at > now()),
        )
        .order_by(PaymentAttempt.id.desc())
    )
    wanted = [document.id for document in documents]
    for attempt in session().scalars(query.limit(20)):
        if [row.document_id for row in attempt.documents] == wanted:
            return attempt
    return None


def start(*, actor: Principal, uuid: str) -> PaymentAttempt:
    """Have the gateway create the checkout of an attempt, unless it has one.

    Raises:
        ConflictError: the gateway is unavailable or refused; details are in the module log.
    """
    attempt = find_own(actor, uuid)
    gateway = configured_modules.find_instance(attempt.gateway, gateways.TYPE)
    if attempt.outside_id or attempt.url or not gateways.supports(gateway, "start_payment"):
        return attempt
    module = configured_modules.module_of(gateway)
    assert module is not None
    called = calls.invoke(
        calls.Call(module, "start_attempt", (uuid,), instance_uuid=gateway.uuid, actor=actor)
    )
    checkout = called.value
    if not called.ok or not isinstance(checkout, Checkout) or not is_web(checkout.url):
        raise ExternalServiceError(UNAVAILABLE)
    return _keep(uuid, checkout)


def is_web(url: str) -> bool:
    """Return whether a link leads to a page, if there is one."""
    return not url or url.startswith(("https://", "http://"))


@retry_deadlocks
@transaction()
def _keep(uuid: str, checkout: Checkout) -> PaymentAttempt:
    """Store the checkout of an attempt."""
    query = sa.select(PaymentAttempt).where(PaymentAttempt.uuid == uuid)
    attempt = find(query.with_for_update(of=PaymentAttempt), _("Payment not found."))
    if attempt.outside_id:
        return attempt
    attempt.outside_id, attempt.url = checkout.outside_id[:200], checkout.url[:4000]
    attempt.data, attempt.expires_at = dict(checkout.data), checkout.expires_at
    gateway = configured_modules.find_instance(attempt.gateway, gateways.TYPE)
    if attempt.outside_id:
        attempt.next_poll_at = first_poll(gateway)
    session().flush()
    return attempt


@transaction()
def check(*, actor: Principal, uuid: str) -> None:
    """Add the task that asks the gateway about an attempt, because the client came back from it."""
    attempt = find_own(actor, uuid)
    gateway = configured_modules.find_instance(attempt.gateway, gateways.TYPE)
    is_open = attempt.status in (AttemptStatus.OPEN, AttemptStatus.UNKNOWN)
    if is_open and attempt.outside_id and gateways.supports(gateway, "observe_payment"):
        payment_polls.request(attempt)


def page(*, actor: Principal, attempt: PaymentAttempt) -> calls.Called | None:
    """Return what the gateway shows to the client for an attempt; None if it is unavailable."""
    gateway = configured_modules.find_instance(attempt.gateway, gateways.TYPE)
    module = configured_modules.module_of(gateway)
    if module is None or not gateways.is_offered(gateway, attempt.company, attempt.currency):
        return None
    call = calls.Call(
        module, "show_attempt", (attempt.uuid,), instance_uuid=gateway.uuid, actor=actor
    )
    return calls.invoke(call)


def find_own(actor: Principal, uuid: str) -> PaymentAttempt:
    """Return an attempt of the user's current client.

    Raises:
        NotFoundError: it does not exist or belongs to another client.
    """
    client_id = actor.client.id if actor.client and actor.may(CLIENT_BILLING_VIEW) else None
    query = sa.select(PaymentAttempt).where(
        PaymentAttempt.uuid == uuid, PaymentAttempt.client_id == client_id
    )
    query = query.execution_options(populate_existing=True)
    return find(query, _("Payment not found."))


def find_attempt(uuid: str) -> PaymentAttempt:
    """Return an attempt.

    Raises:
        NotFoundError: it does not exist.
    """
    query = sa.select(PaymentAttempt).where(PaymentAttempt.uuid == uuid)
    return find(query.execution_options(populate_existing=True), _("Payment not found."))


def has_parked(attempt: PaymentAttempt) -> bool:
    """Return whether a payment of an attempt arrived that staff must check."""
    query = sa.select(Payment.id).where(
        Payment.attempt_id == attempt.id, Payment.status == PaymentStatus.PARKED
    )
    return session().scalar(query.limit(1)) is not None


def awaited_payment(document: Document) -> Payment | None:
    """Return a payment of a document that is pending or unknown; None if nothing is awaited."""
    query = (
        sa.select(Payment)
        .join(AttemptDocument, AttemptDocument.attempt_id == Payment.attempt_id)
        .where(AttemptDocument.document_id == document.id, Payment.status.in_(AWAITED))
        .order_by(Payment.id.desc())
        .limit(1)
    )
    return session().scalar(query)


def describe(attempt: PaymentAttempt) -> Text:
    """Return what an attempt pays, such as “Invoice FV/2026/12/0001”."""
    numbers = ", ".join(row.document.number or "" for row in attempt.documents)
    if len(attempt.documents) == 1 and attempt.documents[0].document.kind == "proforma":
        return _("Proforma %(numbers)s", numbers=numbers)
    return _("Invoice %(numbers)s", numbers=numbers)
