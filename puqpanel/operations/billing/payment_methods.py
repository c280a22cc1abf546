"""Saved payment methods of clients: kept when a payment reports one, charged only while active."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

import sqlalchemy as sa

from puqpanel.domain import charging
from puqpanel.domain.payment_states import AttemptStatus
from puqpanel.domain.permissions import CLIENT_BILLING_MANAGE, CLIENT_BILLING_VIEW, PAYMENTS_MANAGE
from puqpanel.domain.principals import AUTOMATION, Principal
from puqpanel.domain.task_states import OnLoss
from puqpanel.domain.texts import Text, _
from puqpanel.host.contract.payments import MethodReport, SavedMethod
from puqpanel.infra.db import find, retry_deadlocks, save, session, transaction
from puqpanel.infra.events import raise_event
from puqpanel.models import Client, ConfiguredModule, PaymentAttempt, PaymentMethod
from puqpanel.operations.billing import ledger
from puqpanel.operations.billing.gateways import TYPE, lock_gateway
from puqpanel.operations.modules import configured_modules
from puqpanel.operations.system import audit
from puqpanel.tasks import add

REMOVE_JOB = "RemoveMethodJob"
SAME_DAY = timedelta(hours=20)
"""Charges of a method that fail within this time of each other count once."""
MAX_FAILURES = 3
"""Charges that fail in a row before a method is no longer charged."""


def methods_of(client: Client) -> Sequence[PaymentMethod]:
    """Return the active payment methods of a client, the newest first."""
    query = sa.select(PaymentMethod).where(
        PaymentMethod.client_id == client.id, PaymentMethod.active.is_(True)
    )
    return session().scalars(query.order_by(PaymentMethod.id.desc())).all()


def saved(method: PaymentMethod) -> SavedMethod:
    """Return what a module gets of a method."""
    return SavedMethod(
        method.outside_id, method.customer_id, method.brand, method.last4, method.expires
    )


def label(method: PaymentMethod) -> str:
    """Return how a method is shown, such as “Visa •••• 4242”."""
    brand = method.brand.replace("_", " ").title()
    return f"{brand} •••• {method.last4}".strip() if method.last4 else brand


def customer_id(client_id: int, gateway_uuid: str) -> str:
    """Return the gateway's identifier of a client; empty if it has none yet."""
    query = (
        sa.select(PaymentMethod.customer_id)
        .where(
            PaymentMethod.client_id == client_id,
            PaymentMethod.gateway == gateway_uuid,
            PaymentMethod.customer_id != "",
        )
        .order_by(PaymentMethod.id.desc())
        .limit(1)
    )
    return session().scalar(query) or ""


def keep(gateway: ConfiguredModule, attempt: PaymentAttempt, reported: SavedMethod) -> None:
    """Keep the method of a payment that succeeded; the first of a client is charged automatically.

    Requires a transaction in which the client is locked.
    """
    query = sa.select(PaymentMethod).where(
        PaymentMethod.gateway == gateway.uuid, PaymentMethod.outside_id == reported.outside_id
    )
    method = session().scalar(query)
    if method is not None:
        method.failures = 0
        return
    if not attempt.save_method:
        return  # the client did not agree
    has_automatic = session().scalar(
        sa.select(PaymentMethod.id)
        .where(PaymentMethod.client_id == attempt.client_id, PaymentMethod.automatic.is_(True))
        .limit(1)
    )
    method = save(
        PaymentMethod(
            gateway=gateway.uuid,
            client_id=attempt.client_id,
            outside_id=reported.outside_id,
            customer_id=reported.customer_id[:200],
            brand=reported.brand[:40],
            last4=reported.last4[-4:],
            expires=reported.expires[:7],
            automatic=has_automatic is None,
        )
    )
    _record(AUTOMATION, attempt.client, "saved", _("%(name)s saved.", name=label(method)))


@retry_deadlocks
@transaction()
def record_change(gateway_uuid: str, report: MethodReport) -> None:
    """Record what a gateway reports about a saved method; unknown ones are ignored."""
    lock_gateway(gateway_uuid)
    query = sa.select(PaymentMethod).where(
        PaymentMethod.gateway == gateway_uuid, PaymentMethod.outside_id == report.outside_id
    )
    method = session().scalar(query)
    if method is None:
        return
    if report.expires:
        method.expires = report.expires[:7]
    if report.removed and method.active:
        _switch_off(method, _("%(name)s was removed at the gateway.", name=label(method)))


def count_failure(attempt: PaymentAttempt) -> None:
    """Count a charge that failed; too many in a row switch the method off.

    Charges on the same day count once: the documents of a day fail for the same reason.
    """
    method = attempt.method
    if method is None:
        return
    for row in attempt.documents:
        if charging.try_of(attempt.uuid, row.document.uuid):
            payload = {
                "invoice_uuid": row.document.uuid,
                "client_uuid": attempt.client.uuid,
                "reason": attempt.reason,
            }
            raise_event("invoice.charge_failed", payload)
    if _has_failed_that_day(attempt):
        return
    method.failures += 1
    if method.failures >= MAX_FAILURES and method.active:
        text = _(
            "%(name)s is no longer charged, because %(count)s charges failed.",
            name=label(method),
            count=method.failures,
        )
        _switch_off(method, text)


def _has_failed_that_day(attempt: PaymentAttempt) -> bool:
    """Return whether another charge of the same method failed within a day before an attempt."""
    query = sa.select(PaymentAttempt.id).where(
        PaymentAttempt.method_id == attempt.method_id,
        PaymentAttempt.id != attempt.id,
        PaymentAttempt.status == AttemptStatus.FAILED,
        PaymentAttempt.created_at > attempt.created_at - SAME_DAY,
        PaymentAttempt.created_at < attempt.created_at + SAME_DAY,
    )
    return session().scalar(query.limit(1)) is not None


@retry_deadlocks
@transaction()
def set_automatic(*, actor: Principal, uuid: str, automatic: bool) -> None:
    """Choose whether a method is charged before documents are due, instead of any other.

    Raises:
        NotFoundError: it does not exist or belongs to another client.
    """
    actor.require_own(CLIENT_BILLING_MANAGE, staff=PAYMENTS_MANAGE)
    method = find_own(actor, uuid)
    client = ledger.lock_client(method.client_id)
    for other in methods_of(client):
        other.automatic = automatic and other.id == method.id
    text = (
        _("%(name)s pays automatically.", name=label(method))
        if automatic
        else _("%(name)s no longer pays automatically.", name=label(method))
    )
    _record(actor, client, "automatic", text)


@retry_deadlocks
@transaction()
def remove(*, actor: Principal, uuid: str) -> PaymentMethod:
    """Remove a saved method of the user's client; the gateway is told afterwards.

    Raises:
        NotFoundError: it does not exist or belongs to another client.
    """
    actor.require_own(CLIENT_BILLING_MANAGE, staff=PAYMENTS_MANAGE)
    method = find_own(actor, uuid)
    client = ledger.lock_client(method.client_id)
    method.active = method.automatic = False
    _record(actor, client, "removed", _("%(name)s removed.", name=label(method)))
    request_task(REMOVE_JOB, method, {"method": method.uuid}, title="Remove a payment method")
    return method


def request_task(
    job: str,
    method: PaymentMethod,
    data: Mapping[str, str],
    *,
    title: str,
    tries: int = 8,
    backoff: int = 900,
    actor: Principal = AUTOMATION,
) -> None:
    """Add a task that calls the gateway of a method; requires a transaction.

    Nothing is added if the gateway was deleted.
    """
    found = configured_modules.list_instances(TYPE)
    gateway = next((row for row in found if row.uuid == method.gateway), None)
    if gateway is None:
        return
    add.add(
        job=job,
        queue="System",
        data=data,
        title=title,
        subject_type="gateway",
        subject_uuid=gateway.uuid,
        module=gateway.module,
        tries=tries,
        backoff=backoff,
        max_exceptions=tries,
        on_loss=OnLoss.REPEAT,
        actor=actor,
    )


def find_method(uuid: str) -> PaymentMethod:
    """Return a method, also one that was removed.

    Raises:
        NotFoundError: it does not exist.
    """
    query = sa.select(PaymentMethod).where(PaymentMethod.uuid == uuid)
    return find(query, _("Payment method not found."))


def find_own(actor: Principal, uuid: str) -> PaymentMethod:
    """Return an active method of a user's current client.

    Raises:
        NotFoundError: it does not exist or belongs to another client.
    """
    client_id = actor.client.id if actor.client and actor.may(CLIENT_BILLING_VIEW) else None
    query = sa.select(PaymentMethod).where(
        PaymentMethod.uuid == uuid,
        PaymentMethod.client_id == client_id,
        PaymentMethod.active.is_(True),
    )
    return find(query, _("Payment method not found."))


def _switch_off(method: PaymentMethod, text: Text) -> None:
    method.active = method.automatic = False
    client = session().get_one(Client, method.client_id)
    _record(AUTOMATION, client, "switched_off", text)
    payload = {"client_uuid": client.uuid, "name": label(method)}
    raise_event("payment_method.disabled", payload)


def _record(actor: Principal, client: Client, act: str, text: Text) -> None:
    audit.record(
        actor=actor,
        action=f"payment_method.{act}",
        subject_type="client",
        subject_uuid=client.uuid,
        summary=text,
    )
