"""Which services are renewed, and when: the conditions that select them for their next charge.

Periods that began some days ago are left to staff, so that nobody gets the documents of months at
once after an upgrade, or because a clock was wrong.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from datetime import date, timedelta

import sqlalchemy as sa

from puqpanel.domain.catalog import PERIODS, BillingMode
from puqpanel.domain.changes import ChangeStatus
from puqpanel.domain.order_states import OrderStatus
from puqpanel.domain.periods import Period
from puqpanel.domain.renewals import Lead
from puqpanel.domain.service_states import ServiceStatus
from puqpanel.infra.clock import now
from puqpanel.infra.db import session
from puqpanel.models import Change, Ending, Order, OrderItem, Service
from puqpanel.operations.system import settings

RENEWED = (ServiceStatus.ACTIVE, ServiceStatus.SUSPENDED)
"""Services in these states are charged for their next period."""
MAX_LATE = timedelta(days=3)
"""Periods that began longer ago are renewed only by hand."""
OVERDUE = timedelta(days=2)
"""How long after it was due the Health page shows a renewal; the job runs every hour."""


def lead() -> Lead:
    """Return how long before a period it is charged."""
    names = ("years", "months", "weeks")
    return Lead(*(settings.number(f"billing.renewal_{name}") for name in names))


def invoice_day(service: Service) -> date | None:
    """Return on which day a service is renewed; None if it is not renewed automatically.

    Args:
        service: one that nobody ends or changes.
    """
    if not settings.get("billing.renewals"):
        return None
    if service.paid_until is None or service.paid_until < _oldest() or not recurs(service):
        return None
    return service.paid_until - lead().of(Period(service.period))


def recurs(service: Service) -> bool:
    """Return whether a service is charged for periods, and is in use."""
    recurring = service.period in PERIODS[BillingMode.RECURRING] and service.price_minor > 0
    return recurring and service.status in RENEWED


def overdue() -> sa.Select[str]:
    """Select the names of services that should have been charged for their next period."""
    due_before = sa.and_(_is_due(now().date() - OVERDUE), *renewable())
    begun = sa.and_(Service.paid_until < _oldest(), *_running())
    return sa.select(Service.name).where(sa.or_(due_before, begun)).order_by(Service.id)


def due_ids(day: date | None, late: bool) -> Sequence[int]:
    """Return the services that may be due, by client, currency and first day."""
    # somewhere it is a day later than in UTC; the day of the company decides later
    query = sa.select(Service.id).where(_is_due(day or now().date() + timedelta(days=1)))
    if not late:
        query = query.where(Service.paid_until >= _oldest())
    order = (Service.client_id, Service.currency, Service.paid_until, Service.id)
    return array("q", session().scalars(query.where(*renewable()).order_by(*order)))


def _is_due(last: date) -> sa.ColumnElement[bool]:
    """Return the condition of services whose next period is to be charged by a day."""
    leads = lead()
    periods: dict[timedelta, list[str]] = {}
    for period in PERIODS[BillingMode.RECURRING]:
        periods.setdefault(leads.of(period), []).append(period.value)
    by_period = (
        sa.and_(Service.period.in_(names), Service.paid_until <= last + ahead)
        for ahead, names in periods.items()
    )
    # the second condition is part of the first; an index serves it
    return sa.and_(sa.or_(*by_period), Service.paid_until <= last + max(periods))


def renewable() -> Sequence[sa.ColumnElement[bool]]:
    """Return the conditions of services that are renewed: nobody ends or changes them.

    A change that waits for its payment does not delay a period that has begun.
    """
    change = sa.exists().where(
        Change.service_id == Service.id,
        Change.live.is_(True),
        sa.or_(Change.status == ChangeStatus.SCHEDULED, Service.paid_until > now().date()),
    )
    return *_running(), ~change, ~_ends()


def continued() -> Sequence[sa.ColumnElement[bool]]:
    """Return the conditions of services that will be renewed, perhaps after a change."""
    return *_running(), ~_ends(), Service.paid_until >= _oldest()


def _ends() -> sa.ColumnElement[bool]:
    return sa.exists().where(Ending.service_id == Service.id, Ending.live.is_(True))


def _running() -> Sequence[sa.ColumnElement[bool]]:
    """Return the conditions of services that cost something each period."""
    refused = (
        sa.exists()
        .where(OrderItem.service_id == Service.id, Order.id == OrderItem.order_id)
        .where(Order.status.in_((OrderStatus.FRAUD, OrderStatus.CANCELLED)))
    )
    return (
        Service.status.in_(RENEWED),
        Service.period.in_(PERIODS[BillingMode.RECURRING]),
        Service.price_minor > 0,
        ~refused,
    )


def _oldest() -> date:
    return now().date() - MAX_LATE
