"""The dashboard: key figures, trends and services that need attention. Four queries in all."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute

from puqpanel.domain.money import Money
from puqpanel.domain.periods import Period
from puqpanel.domain.service_states import ProvisionStatus, ServiceStatus
from puqpanel.domain.task_states import TaskStatus
from puqpanel.infra.clock import now
from puqpanel.infra.db import session
from puqpanel.models import Product, Service, Task

TROUBLED = Service.provision_status.in_(
    (ProvisionStatus.FAILED, ProvisionStatus.NOT_FOUND)
) & Service.status.in_((ServiceStatus.PENDING, ServiceStatus.ACTIVE, ServiceStatus.SUSPENDED))
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


def figures() -> Figures:
    """Return the current key figures."""
    moment = now()
    day, week, before = (moment - timedelta(days=days) for days in (1, 7, 14))

    def count(*conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        return sa.func.coalesce(sa.func.sum(sa.case((sa.and_(*conditions), 1), else_=0)), 0)

    counts = sa.select(
        count(Service.status == ServiceStatus.ACTIVE).label("active"),
        count(Service.status == ServiceStatus.PENDING).label("pending"),
        count(TROUBLED).label("failed"),
        count(TROUBLED, Service.provision_since >= day).label("failed_day"),
        count(Service.created_at >= week).label("new_week"),
        count(Service.terminated_at >= week).label("lost_week"),
        count(Service.created_at >= before, Service.created_at < week).label("new_before"),
        count(Service.terminated_at >= before, Service.terminated_at < week).label("lost_before"),
    )
    row = session().execute(counts).mappings().one()
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
        .join(Product, Product.id == Service.product_id)
        .where(Service.status == ServiceStatus.ACTIVE)
        .group_by(*keys, Service.period)
    )
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
    start = now() - timedelta(weeks=weeks)
    rows = (
        session()
        .execute(
            sa.select(Service.created_at, Service.terminated_at).where(
                sa.or_(Service.created_at >= start, Service.terminated_at >= start)
            )
        )
        .all()
    )
    new, lost = (
        Counter(_slot(row[0], start, 7 * 86400) for row in rows),
        Counter(_slot(row[1], start, 7 * 86400) for row in rows),
    )
    return [(start + timedelta(weeks=week), new[week], lost[week]) for week in range(weeks)]


def tasks_by_hour(hours: int = 24) -> list[tuple[datetime, int, int]]:
    """Return the start of each of the last hours, with the tasks completed and failed in it."""
    start = now() - timedelta(hours=hours)
    rows = (
        session().execute(sa.select(Task.ended_at, Task.status).where(Task.ended_at >= start)).all()
    )
    good = Counter(_slot(row[0], start, 3600) for row in rows if row[1] == TaskStatus.COMPLETED)
    bad = Counter(
        _slot(row[0], start, 3600) for row in rows if row[1] in (TaskStatus.FAILED, TaskStatus.LOST)
    )
    return [(start + timedelta(hours=hour), good[hour], bad[hour]) for hour in range(hours)]


def failed_services(limit: int = 6) -> Sequence[Service]:
    """Return services that need attention, newest first."""
    return (
        session()
        .scalars(
            sa.select(Service)
            .where(TROUBLED)
            .order_by(Service.provision_since.desc(), Service.id.desc())
            .limit(limit)
        )
        .all()
    )


def _slot(moment: datetime | None, start: datetime, seconds: int) -> int:
    return (
        -1 if moment is None or moment < start else int((moment - start).total_seconds() // seconds)
    )
