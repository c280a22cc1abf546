"""Change the terms of a running service by staff: another price, or another client."""

from __future__ import annotations

from datetime import date, timedelta

import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, InvalidInput
from puqpanel.domain.money import Money
from puqpanel.domain.permissions import SERVICES_MANAGE
from puqpanel.domain.principals import Principal
from puqpanel.domain.texts import _
from puqpanel.infra.db import retry_deadlocks, session, transaction
from puqpanel.models import Charge, Client, Document, Service
from puqpanel.operations.accounts.clients import find_client
from puqpanel.operations.billing.ledger import lock_client
from puqpanel.operations.catalog.price_rows import MAX_PRICE_MINOR
from puqpanel.operations.ordering import contracts
from puqpanel.operations.provisioning import prepaid_spans
from puqpanel.operations.provisioning.services import find_service, lock_service
from puqpanel.operations.system import audit

MAX_REASON_LENGTH = 500
FARTHEST = timedelta(days=5 * 366)


@retry_deadlocks
@transaction()
def override_price(*, actor: Principal, service_uuid: str, price: Money, reason: str) -> None:
    """Give a service a price of its own, for future charges; what was charged stays.

    Args:
        actor: who does it.
        service_uuid: the service.
        price: of each billing period, as prices are entered.
        reason: why, for the record; required.

    Raises:
        ConflictError: the service has ended, or has an open change.
        InvalidInput: the reason is missing, or the price is out of range.
    """
    actor.require(SERVICES_MANAGE)
    reason = _clean_reason(reason)
    service = contracts.lock(service_uuid)
    _check_open(service)
    if price.currency != service.currency or not 0 <= price.minor <= MAX_PRICE_MINOR:
        limit = Money(MAX_PRICE_MINOR, service.currency)
        text = _("Enter an amount up to %(limit)s.", limit=limit)
        raise InvalidInput({"price": [text]})
    before, today = service.price, contracts.day_of(service.client)
    if not before and price and service.paid_until is not None and service.paid_until < today:
        service.paid_until = today  # the days until then were free
    service.price_id, service.price_minor = None, price.minor
    prepaid_spans.follow(service)
    audit.record(
        actor=actor,
        action="service.price_overridden",
        subject_type="service",
        subject_uuid=service_uuid,
        summary=_(
            "Price changed from %(before)s to %(after)s: %(reason)s",
            before=before,
            after=price,
            reason=reason,
        ),
        before={"price": str(before)},
        after={"price": str(price), "reason": reason},
    )


@retry_deadlocks
@transaction()
def set_charged_until(*, actor: Principal, service_uuid: str, day: date, reason: str) -> None:
    """Set the first day of the next period that a service is charged for; nothing is charged now.

    For services that were charged in another way, or whose charge was taken back.

    Args:
        actor: who does it.
        service_uuid: the service.
        day: the first day that is not charged yet.
        reason: why, for the record; required.

    Raises:
        ConflictError: the service has ended, was cancelled, or has an open change.
        InvalidInput: the reason is missing, the day is out of range, or an invoice charges days
            from then on.
    """
    actor.require(SERVICES_MANAGE)
    reason = _clean_reason(reason)
    service = contracts.lock(service_uuid)
    _check_open(service)
    if service.prepaid:
        raise ConflictError(_("Prepaid services have no paid period to change."))
    if contracts.ending_of(service) is not None:
        raise ConflictError(_("This service is set to end. Click “Keep service” first."))
    if abs(day - contracts.day_of(service.client)) > FARTHEST:
        raise InvalidInput({"day": [_("Enter a day within five years from today.")]})
    query = sa.select(Document.number).join(Charge, Charge.document_id == Document.id)
    live = (Charge.service_id == service.id, Charge.live.is_(True), Charge.period_end > day)
    if number := session().scalar(query.where(*live).limit(1)):
        text = _("%(number)s charges days from then on. Credit it first.", number=number)
        raise InvalidInput({"day": [text]})
    before = service.paid_until
    service.paid_until = day
    if service.anchored_on is None:
        service.anchor_day = day.day
    audit.record(
        actor=actor,
        action="service.charged_until_set",
        subject_type="service",
        subject_uuid=service_uuid,
        summary=_("Charged until %(day)s: %(reason)s", day=day, reason=reason),
        before={"charged_until": before.isoformat() if before else None},
        after={"charged_until": day.isoformat(), "reason": reason},
    )


@retry_deadlocks
@transaction()
def transfer(*, actor: Principal, service_uuid: str, client_uuid: str, reason: str) -> None:
    """Transfer a service to another client; documents stay with the client that has them.

    Args:
        actor: who does it.
        service_uuid: the service.
        client_uuid: the new client, with the same currency.
        reason: why, for the record; required.

    Raises:
        ConflictError: the service has ended, was cancelled, or has an open change.
        InvalidInput: the reason is missing, or the client is not suitable.
    """
    actor.require(SERVICES_MANAGE)
    reason = _clean_reason(reason)
    target = find_client(client_uuid)
    clients = _lock_clients({find_service(service_uuid).client_id, target.id})
    service = lock_service(service_uuid)
    if service.client_id not in clients:
        raise ConflictError(_("This service was changed just now. Try again."))
    _check_open(service)
    if contracts.ending_of(service) is not None:
        raise ConflictError(_("This service is set to end. Click “Keep service” first."))
    before, after = clients[service.client_id], clients[target.id]
    if before.id == after.id:
        raise InvalidInput({"client": [_("Choose another client.")]})
    if after.currency != service.currency:
        text = _(
            "%(name)s pays in %(currency)s, but the service is charged in %(charged)s. Choose a"
            " client with the same currency.",
            name=after.name,
            currency=after.currency,
            charged=service.currency,
        )
        raise InvalidInput({"client": [text]})
    service.client_id, service.client = after.id, after
    prepaid_spans.follow(service)
    summary = _(
        "%(service)s transferred from %(before)s to %(after)s: %(reason)s",
        service=service.name,
        before=before.name,
        after=after.name,
        reason=reason,
    )
    for kind, uuid in (("service", service_uuid), ("client", before.uuid), ("client", after.uuid)):
        audit.record(
            actor=actor,
            action="service.transferred",
            subject_type=kind,
            subject_uuid=uuid,
            summary=summary,
            before={"client": before.name},
            after={"client": after.name, "reason": reason},
        )


def _lock_clients(ids: set[int]) -> dict[int, Client]:
    """Lock clients in the order of their ids, so that two transfers do not wait for each other."""
    return {key: lock_client(key) for key in sorted(ids)}


def _check_open(service: Service) -> None:
    if service.status in contracts.ENDED:
        raise ConflictError(_("This service has ended."))
    if contracts.change_of(service) is not None:
        text = _("This service already has a pending change. Cancel that one first.")
        raise ConflictError(text)


def _clean_reason(reason: str) -> str:
    cleaned = " ".join(reason.split())
    if not cleaned:
        raise InvalidInput({"reason": [_("Enter a reason.")]})
    if len(cleaned) > MAX_REASON_LENGTH:
        text = _("Enter at most %(limit)s characters.", limit=MAX_REASON_LENGTH)
        raise InvalidInput({"reason": [text]})
    return cleaned
