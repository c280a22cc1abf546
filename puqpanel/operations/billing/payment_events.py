"""Webhook events: verified, stored once, answered, and read by a task until it succeeds."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError
from puqpanel.domain.payment_states import EventStatus
from puqpanel.domain.permissions import PAYMENTS_MANAGE
from puqpanel.domain.principals import Principal
from puqpanel.domain.task_states import OnLoss
from puqpanel.domain.texts import Text, _
from puqpanel.host import calls
from puqpanel.host.contract.payments import WebhookEvent
from puqpanel.host.loaded import LoadedModule
from puqpanel.infra.clock import now
from puqpanel.infra.db import find, retry_deadlocks, save, session, transaction, write
from puqpanel.models import ConfiguredModule, PaymentEvent
from puqpanel.models.columns import new_uuid
from puqpanel.operations.modules.availability import defines
from puqpanel.operations.modules.configured_modules import find_instance
from puqpanel.tasks import add

JOB = "PaymentEventJob"
TRIES, BACKOFF_SECONDS = 12, 300
"""A refund may be reported an hour before its payment."""
_SECRET_HEADERS = ("authorization", "cookie", "proxy-authorization")
PRUNED = 1000


def is_event_reader(module: LoadedModule) -> bool:
    """Return whether the panel stores the webhooks of a module, which then reads them."""
    return defines(module, "read_event")


def verify(
    *, module: LoadedModule, gateway: ConfiguredModule, body: bytes, headers: Mapping[str, str]
) -> tuple[WebhookEvent, calls.Called]:
    """Ask the module whether the provider sent a webhook.

    Args:
        module: of the gateway.
        gateway: the gateway.
        body: the raw bytes.
        headers: by name.

    Returns:
        The event, and the call, whose value is True if it is accepted.
    """
    event = WebhookEvent(
        new_uuid(), body, {key.lower(): value for key, value in headers.items()}, now()
    )
    call = calls.Call(module, "verify_event", (event,), instance_uuid=gateway.uuid)
    return event, calls.invoke(call)


@retry_deadlocks
@transaction()
def store(*, gateway_uuid: str, event: WebhookEvent) -> bool:
    """Store a verified event and add the task that reads it; a repeated delivery is read again.

    Returns:
        Whether it is new.
    """
    digest = hashlib.sha256(event.body).hexdigest()
    same = sa.and_(PaymentEvent.gateway == gateway_uuid, PaymentEvent.digest == digest)
    known = session().scalar(sa.select(PaymentEvent).where(same).with_for_update())
    if known is not None:
        known.deliveries += 1
        if known.status != EventStatus.RECEIVED:
            # some providers send only an identifier, with the same body for each change
            known.status = EventStatus.RECEIVED
            session().flush()
            _request(known)
        return False
    headers = {key: value for key, value in event.headers.items() if key not in _SECRET_HEADERS}
    row = PaymentEvent(
        uuid=event.uuid,
        gateway=gateway_uuid,
        digest=digest,
        status=EventStatus.RECEIVED,
        content={"body": base64.b64encode(event.body).decode(), "headers": headers},
        created_at=event.received_at,
    )
    save(row, ConflictError(_("This event was delivered twice at once.")))
    _request(row)
    return True


def _request(row: PaymentEvent) -> None:
    add.add(
        job=JOB,
        queue="System",
        data={"event": row.uuid},
        title="Read a payment event",
        subject_type="gateway",
        subject_uuid=row.gateway,
        module=find_instance(row.gateway).module,
        tries=TRIES,
        backoff=BACKOFF_SECONDS,
        max_exceptions=TRIES,
        on_loss=OnLoss.REPEAT,
    )


def find_event(uuid: str) -> PaymentEvent:
    """Return a stored event.

    Raises:
        NotFoundError: it does not exist.
    """
    query = sa.select(PaymentEvent).where(PaymentEvent.uuid == uuid)
    return find(query.execution_options(populate_existing=True), _("Event not found."))


def content(row: PaymentEvent) -> WebhookEvent:
    """Return an event as a module reads it."""
    stored: dict[str, Any] = row.content or {}
    body = base64.b64decode(str(stored.get("body", "")))
    return WebhookEvent(row.uuid, body, dict(stored.get("headers", {})), row.created_at)


@transaction()
def close(*, uuid: str, status: EventStatus, note: Text) -> None:
    """Record what an event reported, or why it could not be read."""
    row = find_event(uuid)
    row.status, row.note = status, note


@transaction()
def read_again(*, actor: Principal, uuid: str) -> None:
    """Add the task that reads an event which could not be read.

    Raises:
        ConflictError: it was read.
    """
    actor.require(PAYMENTS_MANAGE)
    row = find_event(uuid)
    if row.status == EventStatus.READ:
        raise ConflictError(_("This event was read already."))
    row.status = EventStatus.RECEIVED
    _request(row)


def prune(days: int) -> int:
    """Delete a batch of events that were read, older than a number of days; return how many."""
    with transaction():
        old = sa.select(PaymentEvent.id).where(
            PaymentEvent.status == EventStatus.READ,
            PaymentEvent.created_at < now() - timedelta(days=days),
        )
        ids = list(session().scalars(old.limit(PRUNED)))
        return write(sa.delete(PaymentEvent).where(PaymentEvent.id.in_(ids))) if ids else 0
