"""What ends and changes of a service share: who may request them, its day, its documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import joinedload, selectinload

from puqpanel.domain.document_states import OPEN
from puqpanel.domain.errors import ConflictError, NotFoundError, PermissionDenied
from puqpanel.domain.permissions import CLIENT_ORDERS_MANAGE
from puqpanel.domain.principals import Principal, PrincipalKind
from puqpanel.domain.service_states import ServiceStatus
from puqpanel.domain.texts import _
from puqpanel.infra.clock import now
from puqpanel.infra.db import session
from puqpanel.models import (
    Change,
    Client,
    Document,
    DocumentLineRow,
    Ending,
    Service,
    ServiceDifference,
)
from puqpanel.operations.billing.companies import NoCompanyError, company_for
from puqpanel.operations.billing.ledger import lock_client, today
from puqpanel.operations.provisioning.services import find_service, lock_service

ENDED = (ServiceStatus.TERMINATED, ServiceStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class Found:
    """A service with its stored difference, the request to end it and its open change."""

    service: Service
    difference: ServiceDifference | None
    ending: Ending | None
    change: Change | None


def find_with_rows(uuid: str) -> Found:
    """Return one service with what is open about it, in one query.

    Raises:
        NotFoundError: the service does not exist.
    """
    query = (
        sa.select(Service, ServiceDifference, Ending, Change)
        .outerjoin(ServiceDifference, ServiceDifference.service_id == Service.id)
        .outerjoin(Ending, sa.and_(Ending.service_id == Service.id, Ending.live.is_(True)))
        .outerjoin(Change, sa.and_(Change.service_id == Service.id, Change.live.is_(True)))
        .where(Service.uuid == uuid)
        .options(joinedload(Change.product), joinedload(Change.document).lazyload("*"))
    )
    row = session().execute(query).first()
    if row is None:
        raise NotFoundError(_("Service not found."))
    service, difference, ending, change = row
    return Found(
        service, difference, *((None, None) if service.status in ENDED else (ending, change))
    )


def ending_of(service: Service) -> Ending | None:
    """Return the request to end a service; None if there is none, or the service has ended."""
    if service.status in ENDED:
        return None
    return session().scalar(
        sa.select(Ending).where(Ending.service_id == service.id, Ending.live.is_(True))
    )


def change_of(service: Service) -> Change | None:
    """Return the open change of a service; None if there is none, or the service has ended."""
    if service.status in ENDED:
        return None
    return session().scalar(
        sa.select(Change).where(Change.service_id == service.id, Change.live.is_(True))
    )


def check_actor(actor: Principal, service_uuid: str, permission: str) -> None:
    """Check that an actor may change the contract of a service.

    Args:
        actor: a user, who needs the permission for orders of the service's client, or staff.
        service_uuid: the service.
        permission: what staff need, also if they view as a user.

    Raises:
        PermissionDenied: the actor may not, or the service is not one of the user's client.
    """
    if actor.kind is not PrincipalKind.USER:
        actor.require(permission)
        return
    actor.require_own(CLIENT_ORDERS_MANAGE, staff=permission)
    owner = session().scalar(sa.select(Service.client_id).where(Service.uuid == service_uuid))
    if actor.client is None or owner != actor.client.id:
        raise PermissionDenied(_("You can't change this service."))


def enter(actor: Principal, service_uuid: str, permission: str) -> Service:
    """Check an actor as `check_actor` does, and lock the client and the service.

    Requires a transaction.

    Raises:
        NotFoundError: there is no such service.
        PermissionDenied: see `check_actor`.
    """
    check_actor(actor, service_uuid, permission)
    service = lock(service_uuid)
    check_actor(actor, service_uuid, permission)  # it may have been transferred
    return service


def lock(service_uuid: str) -> Service:
    """Lock the client of a service, then the service; requires a transaction.

    Raises:
        NotFoundError: there is no such service.
    """
    client = lock_client(find_service(service_uuid).client_id)
    service = lock_service(service_uuid)
    if service.client_id != client.id:
        raise ConflictError(_("This service was changed just now. Try again."))
    return service


def day_of(client: Client, moment: datetime | None = None) -> date:
    """Return the day of a moment, now unless given, where the company that sells to a client is."""
    try:
        return today(company_for(client), moment)
    except NoCompanyError:
        return (moment or now()).date()


def open_documents(service: Service) -> Sequence[Document]:
    """Return the unpaid documents of its client with lines of a service, the oldest first."""
    query = (
        sa.select(Document)
        .where(
            Document.status.in_(OPEN),
            Document.client_id == service.client_id,  # a transfer leaves them with the other
            Document.id.in_(
                sa.select(DocumentLineRow.document_id).where(
                    DocumentLineRow.service_id == service.id
                )
            ),
        )
        .options(selectinload(Document.lines))
        .order_by(Document.id)
    )
    return session().scalars(query.execution_options(populate_existing=True)).all()
