"""Change running services: their product, options or billing period.

What is due is invoiced, and the change takes effect with the payment; a change that costs nothing
does so at once, and one to a lower price at the end of the days that were charged. The task that
asks the module to change the package is added in the transaction in which a change takes effect.
The new product is taken from stock with the request, and the old one given back with the effect.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from puqpanel.domain import texts
from puqpanel.domain.changes import ChangeStatus, Effect, following
from puqpanel.domain.document_states import OPEN, DocumentStatus
from puqpanel.domain.errors import ConflictError, InvalidInput
from puqpanel.domain.money import Money
from puqpanel.domain.periods import Period
from puqpanel.domain.permissions import ORDERS_MANAGE
from puqpanel.domain.principals import AUTOMATION, Principal
from puqpanel.domain.service_states import ServiceStatus
from puqpanel.domain.task_states import OnLoss
from puqpanel.domain.texts import Text, _
from puqpanel.infra import catalogs
from puqpanel.infra.clock import now
from puqpanel.infra.db import retry_deadlocks, save, session, transaction
from puqpanel.models import Change, Document, Price, Service
from puqpanel.operations.catalog.options import groups_of
from puqpanel.operations.catalog.products import check_configured
from puqpanel.operations.ordering import (
    change_documents,
    contracts,
    coupon_uses,
    limits,
    orders,
    plans,
    stock,
)
from puqpanel.operations.ordering.cancellation import take_back
from puqpanel.operations.ordering.orders import PriceChangedError
from puqpanel.operations.ordering.plans import Plan, Target
from puqpanel.operations.ordering.quotes import sold_at
from puqpanel.operations.provisioning import prepaid_spans
from puqpanel.operations.provisioning.services import lock_service
from puqpanel.operations.system import audit, batches
from puqpanel.tasks import add

MAX_REASON_LENGTH = 500
CHUNK = 200
RUNNING = (ServiceStatus.ACTIVE, ServiceStatus.SUSPENDED)
OVER = (*contracts.ENDED, ServiceStatus.FRAUD)


@dataclass(frozen=True, slots=True)
class Request:
    """A change that is to be requested.

    Args:
        service_uuid: the service.
        target: what it is to become.
        token: of the form, so that a form that is sent twice requests one change.
        expected: the total that was shown; if it is another one now, nothing is changed. None to
            accept any.
        expected_month: what a month of a prepaid service was shown to cost; checked like the total.
        free_reason: why staff charge nothing; the change takes effect immediately. Empty to charge.
    """

    service_uuid: str
    target: Target
    token: str
    expected: Money | None = None
    expected_month: Money | None = None
    free_reason: str = ""


@retry_deadlocks
@transaction()
def request(*, actor: Principal, change: Request) -> Change:
    """Change a service, or issue the document of what is due for it.

    Args:
        actor: staff, or a user of the client.
        change: what is requested.

    Raises:
        ConflictError: the service cannot be changed now.
        InvalidInput: a choice is invalid.
        PermissionDenied: the actor may not.
        PriceChangedError: the total is not the one that was shown.
    """
    service = contracts.enter(actor, change.service_uuid, ORDERS_MANAGE)
    earlier = session().scalar(sa.select(Change).where(Change.token == change.token))
    if earlier is not None and earlier.service_id == service.id:
        return earlier
    free = " ".join(change.free_reason.split())
    if free:
        actor.require(ORDERS_MANAGE)
    if len(free) > MAX_REASON_LENGTH:
        text = _("Enter at most %(limit)s characters.", limit=MAX_REASON_LENGTH)
        raise InvalidInput({"reason": [text]})
    plans.check_changeable(actor, service)
    limits.check_change(actor, service)
    check_configured(change.target.product)
    with texts.using(catalogs.find(service.client.language) or texts.SOURCE):
        plan = plans.plan(actor, service, change.target)
        total = plan.settlement.quote.total
        if change.expected is not None and not free and total != change.expected:
            text = _(
                "The total has changed to %(total)s. Check the price and confirm the change again.",
                total=total,
            )
            raise PriceChangedError(text)
        orders.check_month(plan.settlement.quote, change.expected_month)
        if change.target.product.id != service.product_id:
            stock.take(change.target.product)
        row = _row(actor, service, plan, change, free)
        if not free and change_documents.is_needed(plan):
            change_documents.issue(actor, row, plan)
    _record(actor, row, "service.change_requested", _("Change to %(plan)s requested."))
    if free or plan.settlement.effect == Effect.AT_ONCE:
        _apply(actor, row)
    return row


@retry_deadlocks
@transaction()
def withdraw(*, actor: Principal, service_uuid: str) -> None:
    """Take back a change that has not taken effect; its document is cancelled or credited.

    Raises:
        ConflictError: there is none.
        PermissionDenied: the actor may not.
    """
    service = contracts.enter(actor, service_uuid, ORDERS_MANAGE)
    change = contracts.change_of(service)
    if change is None:
        raise ConflictError(_("This service has no pending change."))
    drop(actor, change, _("Change to %(plan)s cancelled."))


def drop(actor: Principal, change: Change, summary: Text) -> None:
    """Withdraw an open change whose client and service are locked.

    Its document is cancelled or credited; what was paid becomes credit of the client. What it took
    from stock is given back.
    """
    if not _close(change, ChangeStatus.WITHDRAWN):
        return
    if change.product_id != change.service.product_id:
        stock.give_back(change.product_id)
    for document in change_documents.of(change):
        language = catalogs.find(document.language) or texts.SOURCE
        take_back(AUTOMATION, document, _("Change cancelled").translated(language))
    _record(actor, change, "service.change_withdrawn", summary)


def apply_paid(name: str, payload: Any) -> None:
    """Apply the change of an invoice that was paid: a recorder of the panel's events.

    Args:
        name: the event.
        payload: its values.
    """
    if name != "invoice.paid":
        return
    query = (
        sa.select(Change)
        .join(
            Document,
            sa.or_(Document.id == Change.document_id, Document.origin_id == Change.document_id),
        )
        .where(
            Document.uuid == payload["invoice_uuid"],
            Change.status == ChangeStatus.WAITING,
            Change.live.is_(True),
        )
    )
    for change in session().scalars(query).all():
        if lock_service(change.service.uuid).status in RUNNING:
            _apply(AUTOMATION, change)


def carry_out_due() -> int:
    """Apply scheduled changes whose day has come, and withdraw those that nobody paid in time.

    One that fails is logged and left for the next run; the Health page shows it once it is overdue.

    Returns:
        How many were applied or withdrawn.
    """
    last, done = 0, 0
    while rows := session().execute(_due().where(Change.id > last)).all():
        last = rows[-1].id
        done += batches.carry_out(_carry_out, rows)
    return done


def _due() -> sa.Select[*tuple[int, str]]:
    tomorrow = now().date() + timedelta(days=1)  # today somewhere in the world
    settled = set(DocumentStatus) - {*OPEN, DocumentStatus.DRAFT}
    return (
        sa.select(Change.id, Service.uuid)
        .join(Service, Service.id == Change.service_id)
        .outerjoin(Document, Document.id == Change.document_id)
        .where(
            Change.live.is_(True),
            sa.or_(
                Service.status.in_(OVER),
                sa.and_(Change.status == ChangeStatus.SCHEDULED, Change.effective_on <= tomorrow),
                sa.and_(
                    Change.status == ChangeStatus.WAITING,
                    sa.or_(Change.expires_on < tomorrow, Document.status.in_(settled)),
                ),
            ),
        )
        .order_by(Change.id)
        .limit(CHUNK)
    )


@retry_deadlocks
@transaction()
def _carry_out(change_id: int, service_uuid: str) -> bool:
    service = contracts.lock(service_uuid)
    change = session().get(Change, change_id, populate_existing=True)
    if change is None or not change.live:
        return False
    today, document = contracts.day_of(service.client), change.document
    if service.status in contracts.ENDED:
        drop(AUTOMATION, change, _("Change to %(plan)s dropped: the service has ended."))
    elif service.status == ServiceStatus.FRAUD:
        drop(AUTOMATION, change, _("Change to %(plan)s dropped: the service is marked as fraud."))
    elif change.status == ChangeStatus.SCHEDULED:
        if change.effective_on > today or service.status not in RUNNING:
            return False
        _apply(AUTOMATION, change)
    elif document is not None and document.status == DocumentStatus.PAID:
        if service.status not in RUNNING:
            return False  # it was not when the payment came
        _apply(AUTOMATION, change)
    elif document is not None and document.status not in OPEN:
        drop(AUTOMATION, change, _("Change to %(plan)s dropped: its document was cancelled."))
    elif change.expires_on is not None and change.expires_on < today:
        drop(AUTOMATION, change, _("Change to %(plan)s dropped: it was not paid in time."))
    else:
        return False
    return True


def _row(
    actor: Principal, service: Service, plan: Plan, change: Request, free_reason: str
) -> Change:
    settlement, product = plan.settlement, change.target.product
    minor, period = sold_at(plan.configuration)
    status = {Effect.WHEN_PAID: ChangeStatus.WAITING}.get(settlement.effect, ChangeStatus.SCHEDULED)
    anchor, paid_until = settlement.anchor, settlement.paid_until
    if free_reason:  # what was charged stays, and the next period begins when it ends
        status, paid_until = ChangeStatus.SCHEDULED, None
        other_period = period != service.period
        until = service.paid_until
        anchor = (
            following(
                (service.anchor, Period(service.period)), until, product.anchor_policy, period
            )
            if other_period and until
            else None
        )
    row = Change(
        service_id=service.id,
        service=service,
        status=status,
        product_id=product.id,
        product=product,
        price_id=_price_id(plan),
        price_minor=minor,
        currency=service.currency,
        period=period.value,
        selection=dict(plan.configuration.values),
        anchored_on=anchor.start if anchor else None,
        anchor_day=anchor.kept_day if anchor else None,
        paid_until=paid_until,
        effective_on=contracts.day_of(service.client) if free_reason else settlement.starts_on,
        reason=free_reason,
        requested_by=actor.name[:200],
        token=change.token,
    )
    return save(
        row,
        ConflictError(_("This form has already been submitted. Reload the page and try again.")),
    )


def _price_id(plan: Plan) -> int | None:
    """Return the price row of a product without options that cost something."""
    base, *options = plan.configuration.parts
    if any(part.price.recurring for part in options):
        return None
    return session().scalar(sa.select(Price.id).where(Price.uuid == base.price.source))


def _apply(actor: Principal, change: Change) -> None:
    """Let a change take effect, once; its client and service are locked."""
    if not _close(change, ChangeStatus.DONE):
        return
    service, product = change.service, change.product
    values = dict(service.service_data)
    moves = service.product_id != product.id
    if moves and service.name == service.product.name:
        service.name = product.name
    if moves:
        stock.give_back(service.product_id)
    gone = {group.key for group in groups_of(service.product)} - set(change.selection)
    old = {key: values[key] for key in (*gone, *change.selection) if key in values}
    for key in gone:
        values.pop(key, None)
    values |= change.selection
    changes_package = moves or values != service.service_data
    before = _terms(service)
    service.service_data = values
    service.provision_data = {
        key: value for key, value in service.provision_data.items() if key not in change.selection
    }
    if coupon_uses.kept_discount(service, product) is None:
        coupon_uses.end_discount(service)
    service.product_id, service.product = product.id, product
    service.price_id, service.price_minor = change.price_id, change.price_minor
    service.period, service.observe_at = change.period, None
    if change.anchored_on is not None:
        service.anchored_on, service.anchor_day = change.anchored_on, change.anchor_day
    service.paid_until = change.paid_until or service.paid_until
    prepaid_spans.follow(service)
    session().flush()
    audit.record(
        actor=actor,
        action="service.changed",
        subject_type="service",
        subject_uuid=service.uuid,
        summary=_change_text(_("Changed to %(plan)s."), change),
        before=before,
        after={**_terms(service), **({"reason": change.reason} if change.reason else {})},
    )
    if changes_package:
        add.add(
            job="ChangeJob",
            queue="System",
            data={
                "service": service.uuid,
                "change": change.uuid,
                "before": {"product": before["product"], "options": old},
            },
            title=_("Change the package of a service").source,
            subject_type="service",
            subject_uuid=service.uuid,
            tries=10,
            backoff=60,
            on_loss=OnLoss.REPEAT,
            actor=AUTOMATION,
        )


def _close(change: Change, status: ChangeStatus) -> bool:
    """End an open change in one statement; return False if it has ended."""
    statement = (
        sa.update(Change)
        .where(Change.id == change.id, Change.live.is_(True))
        .values(status=status, live=None)
        .execution_options(synchronize_session=False)
    )
    session().flush()
    closed = bool(session().execute(statement).rowcount)  # type: ignore[attr-defined]
    session().refresh(change, ["status", "live"])
    return closed


def _terms(service: Service) -> dict[str, str]:
    return {
        "product": service.product.name,
        "price": str(service.price),
        "period": service.period,
    }


def _change_text(text: Text, change: Change) -> Text:
    return text % {"plan": f"{change.product.name}, {change.price}"}


def _record(actor: Principal, change: Change, action: str, summary: Text) -> None:
    document = change.document
    audit.record(
        actor=actor,
        action=action,
        subject_type="service",
        subject_uuid=change.service.uuid,
        summary=_change_text(summary, change),
        after={
            "product": change.product.name,
            "price": str(change.price),
            "period": change.period,
            "document": document.number if document else None,
            "reason": change.reason,
        },
    )
