"""Spans of prepaid services: in which times they are active, and at which price."""

from __future__ import annotations

import sqlalchemy as sa

from puqpanel.domain.periods import Period
from puqpanel.domain.service_states import ServiceStatus
from puqpanel.infra.clock import now
from puqpanel.infra.db import session
from puqpanel.models import PrepaidSpan, Service

_TERMS = ("client_id", "price_id", "price_minor", "currency", "period")


def follow(service: Service) -> None:
    """Begin or end the span of a locked service after its status, price or client has changed.

    Suspended services are not charged. Requires a transaction.
    """
    if service.id is None:
        return
    session().flush()
    if not service.prepaid:  # which never changes
        return
    query = sa.select(PrepaidSpan).where(
        PrepaidSpan.service_id == service.id, PrepaidSpan.live.is_(True)
    )
    query = query.with_for_update().execution_options(populate_existing=True)
    span = session().scalar(query)
    charged = (
        service.status == ServiceStatus.ACTIVE
        and service.price_minor > 0
        and service.period != Period.ONE_TIME
    )
    terms = {name: getattr(service, name) for name in _TERMS}
    if span is not None:
        if charged and all(getattr(span, name) == value for name, value in terms.items()):
            return
        span.ended_at = span.next_at = now()
        span.live = None
        session().flush()
    if charged:
        moment = now()
        session().add(
            PrepaidSpan(service_id=service.id, started_at=moment, next_at=moment, **terms)
        )
        session().flush()
