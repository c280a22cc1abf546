"""The dashboard: key figures, trends and services that need attention. Five queries in all."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute

from puqpanel.domain.money import Money
from puqpanel.domain.periods import Period
from puqpanel.domain.service_states import ProvisionStatus, ServiceStatus
from puqpanel.domain.task_states import TaskStatus
from puqpanel.infra.clock import now
from puqpanel.infra.db import UtcDateTime, session
from puqpanel.models import Product, Service, Task
from puqpanel.operations.oversight.kept import MANY, Kept, kept

_BROKEN = (ProvisionStatus.FAILED, ProvisionStatus.NOT_FOUND)
_IN_FORCE = (ServiceStatus.PENDING, ServiceStatus.ACTIVE, ServiceStatus.SUSPENDED)
TROUBLED = Service.provision_status.in_(_BROKEN) & Service.status.in_(_IN_FORCE)
"""Selects the services that need attention."""

Count = sa.ScalarSelect[int]
Selected = sa.Select[*tuple[Any, ...]]


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
    times = {name: moment - timedelta(days=days) for name, days in _AGES.items()}
    row = session().execute(_figures_query(), times).mappings().one()
    recurring = [money for money, _, _ in recurring_revenue() if money.minor]
    return Figures(**{name: int(value) for name, value in row.items()}, recurring=recurring)


_AGES = {"day": 1, "week": 7, "before": 14}
"""The days since the times from which services are counted."""


@cache
def _figures_query() -> Selected:
    day, week, before = map(_time, _AGES)
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
    return sa.select(*(count.label(name) for name, count in counts.items()))


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
    return _by_slot(_weeks_query(weeks), weeks, timedelta(weeks=1))


@cache
def _weeks_query(weeks: int) -> Selected:
    return sa.select(*_within(Service.created_at, weeks), *_within(Service.terminated_at, weeks))


def tasks_by_hour(hours: int = 24) -> list[tuple[datetime, int, int]]:
    """Return the start of each of the last hours, with the tasks completed and failed in it."""
    return _by_slot(_hours_query(hours), hours, timedelta(hours=1))


@cache
def _hours_query(hours: int) -> Selected:
    good, bad = TaskStatus.COMPLETED, (TaskStatus.FAILED, TaskStatus.LOST)
    return sa.select(
        *_within(Task.ended_at, hours, Task.status == good),
        *_within(Task.ended_at, hours, Task.status.in_(bad)),
    )


def failed_services(limit: int = 6) -> Sequence[Service]:
    """Return services that need attention, newest first."""
    return session().scalars(_failed_query(limit)).all()


@cache
def _failed_query(limit: int) -> sa.Select[Service]:
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
        sa.select(Service)
        .where(Service.id.in_(sa.select(newest.c.id)))
        .order_by(Service.provision_since.desc(), Service.id.desc())
        .limit(limit)
    )


def _by_slot(query: Selected, number: int, length: timedelta) -> list[tuple[datetime, int, int]]:
    """Return the start of each of the last slots and its two counts."""
    end = now()
    times = [end - length * left for left in range(number, -1, -1)]
    row = session().execute(query, {f"at{n}": at for n, at in enumerate(times)}).one()
    return [(start, row[n], row[n + number]) for n, start in enumerate(times[:-1])]


def _within(column: Any, slots: int, *conditions: sa.ColumnElement[bool]) -> list[Count]:
    """Count the rows whose time is in each of the slots between `at0`, `at1` and so on."""
    times = [_time(f"at{n}") for n in range(slots + 1)]
    return [
        _count(column.class_, column >= start, column < end, *conditions)
        for start, end in pairwise(times)
    ]


def _time(name: str) -> sa.BindParameter[datetime]:
    return sa.bindparam(name, type_=UtcDateTime)


def _count(model: type[Any], *conditions: sa.ColumnElement[bool]) -> Count:
    """Count rows in a subquery of its own, which uses the index of its conditions."""
    return sa.select(sa.func.count()).select_from(model).where(*conditions).scalar_subquery()
