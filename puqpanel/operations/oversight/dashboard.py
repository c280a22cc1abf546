"""The dashboard: key figures, trends and services that need attention. Five queries in all."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute

from puqpanel.domain.money import Money
from puqpanel.domain.periods import Period
from puqpanel.domain.service_states import ProvisionStatus, ServiceStatus
from puqpanel.domain.task_states import TaskStatus
from puqpanel.infra.clock import now
from puqpanel.infra.db import session
from puqpanel.models import Product, Service, Task
from puqpanel.operations.oversight.kept import MANY, Kept, kept

_BROKEN = (ProvisionStatus.FAILED, ProvisionStatus.NOT_FOUND)
_IN_FORCE = (ServiceStatus.PENDING, ServiceStatus.ACTIVE, ServiceStatus.SUSPENDED)
TROUBLED = Service.provision_status.in_(_BROKEN) & Service.status.in_(_IN_FORCE)
"""Selects the services that need attention."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Key figures.

    Args:
        active: active services.
        pending: pending services.
        failed: services whose provisioning failed or whose account is missing at the provider.
        failed_day: those of them that failed in the last 24 hours.
        new_week: services created in the last 7 days.
        lost_week: services terminated in the last 7 days.
        new_before: services created in the 7 days before those.
        lost_before: services terminated in the 7 days before those.
        recurring: monthly recurring revenue by currency, the one with the most services first.
    """

    active: int
    pending: int
    failed: int
    failed_day: int
    new_week: int
    lost_week: int
    new_before: int
    lost_before: int
    recurring: list[Money]


@dataclass(frozen=True, slots=True)
class Overview:
    """The key figures, and the trends as of `services_by_week` and `tasks_by_hour`."""

    figures: Figures
    weeks: list[tuple[datetime, int, int]]
    hours: list[tuple[datetime, int, int]]


def overview() -> Kept[Overview]:
    """Return the key figures and trends; of many services, as they were some seconds ago."""
    return kept(
        "overview",
        lambda: Overview(figures(), services_by_week(), tasks_by_hour()),
        lambda counted: counted.figures.active + counted.figures.pending >= MANY,
    )


def figures() -> Figures:
    """Return the current key figures."""
    moment = now()
    day, week, before = (moment - timedelta(days=days) for days in (1, 7, 14))

    counts = {
        "active": _count(Service, Service.status == ServiceStatus.ACTIVE),
        "pending": _count(Service, Service.status == ServiceStatus.PENDING),
        "failed": _count(Service, TROUBLED),
        "failed_day": _count(Service, TROUBLED, Service.provision_since >= day),
        "new_week": _count(Service, Service.created_at >= week),
        "lost_week": _count(Service, Service.terminated_at >= week),
        "new_before": _count(Service, Service.created_at >= before, Service.created_at < week),
        "lost_before": _count(
            Service, Service.terminated_at >= before, Service.terminated_at < week
        ),
    }
    query = sa.select(*(count.label(name) for name, count in counts.items()))
    row = session().execute(query).mappings().one()
    recurring = [money for money, _, _ in recurring_revenue() if money.minor]
    return Figures(**{name: int(value) for name, value in row.items()}, recurring=recurring)


def recurring_revenue(
    *columns: InstrumentedAttribute[str],
) -> list[tuple[Money, int, tuple[str, ...]]]:
    """Return the monthly recurring revenue of active services. One query.

    Prices at which they were sold, normalised to a month and rounded once, without one-time prices.

    Args:
        columns: of products; the revenue is broken down by them.

    Returns:
        The revenue, the number of services and the values of `columns`: the currency with the most
        services first, the largest amount of a currency first.

    Raises:
        UserError: the period of a service is unknown.
    """
    keys = (Service.currency, *columns)
    query = (
        sa.select(*keys, Service.period, sa.func.sum(Service.price_minor), sa.func.count())
        .where(Service.status == ServiceStatus.ACTIVE)
        .group_by(*keys, Service.period)
    )
    if columns:
        query = query.join(Product, Product.id == Service.product_id)
    sums: dict[tuple[str, ...], Fraction] = defaultdict(Fraction)
    counts: Counter[tuple[str, ...]] = Counter()
    for *key, period, total, count in session().execute(query):
        sums[tuple(key)] += int(total) * Period.of(period).per_month
        counts[tuple(key)] += count
    revenue = [
        (Money(1, key[0]).scaled(total), counts[key], key[1:]) for key, total in sums.items()
    ]
    sold = Counter[str]()
    for amount, services, _ in revenue:
        sold[amount.currency] += services
    # amounts of different currencies have no order
    return sorted(
        revenue,
        key=lambda row: (-sold[row[0].currency], row[0].currency, -row[0].minor, row[2]),
    )


def services_by_week(weeks: int = 12) -> list[tuple[datetime, int, int]]:
    """Return the start of each of the last weeks and the services created and terminated in it."""
    slots = _slots(weeks, timedelta(weeks=1))
    created = [_within(Service.created_at, slot) for slot in slots]
    terminated = [_within(Service.terminated_at, slot) for slot in slots]
    return _by_slot(slots, created, terminated)


def tasks_by_hour(hours: int = 24) -> list[tuple[datetime, int, int]]:
    """Return the start of each of the last hours, with the tasks completed and failed in it."""
    slots = _slots(hours, timedelta(hours=1))
    good, bad = TaskStatus.COMPLETED, (TaskStatus.FAILED, TaskStatus.LOST)
    completed = [_within(Task.ended_at, slot, Task.status == good) for slot in slots]
    failed = [_within(Task.ended_at, slot, Task.status.in_(bad)) for slot in slots]
    return _by_slot(slots, completed, failed)


def failed_services(limit: int = 6) -> Sequence[Service]:
    """Return services that need attention, newest first."""
    newest = sa.union_all(
        *(
            sa.select(
                sa.select(Service.id)
                .where(Service.provision_status == broken, Service.status == status)
                .order_by(Service.provision_since.desc())
                .limit(limit)
                .subquery()
            )
            for broken in _BROKEN
            for status in _IN_FORCE
        )
    ).subquery()
    return (
        session()
        .scalars(
            sa.select(Service)
            .where(Service.id.in_(sa.select(newest.c.id)))
            .order_by(Service.provision_since.desc(), Service.id.desc())
            .limit(limit)
        )
        .all()
    )


Slot = tuple[datetime, datetime]
Count = sa.ScalarSelect[int]


def _slots(number: int, length: timedelta) -> list[Slot]:
    end = now()
    starts = [end - length * left for left in range(number, 0, -1)]
    return [(start, start + length) for start in starts]


def _by_slot(
    slots: list[Slot], first: list[Count], second: list[Count]
) -> list[tuple[datetime, int, int]]:
    """Return the start of each slot and its two counts, in one query."""
    row = session().execute(sa.select(*first, *second)).one()
    return [(start, row[n], row[n + len(slots)]) for n, (start, _end) in enumerate(slots)]


def _within(column: Any, slot: Slot, *conditions: sa.ColumnElement[bool]) -> Count:
    return _count(column.class_, column >= slot[0], column < slot[1], *conditions)


def _count(model: type[Any], *conditions: sa.ColumnElement[bool]) -> Count:
    """Count rows in a subquery of its own, which uses the index of its conditions."""
    return sa.select(sa.func.count()).select_from(model).where(*conditions).scalar_subquery()
