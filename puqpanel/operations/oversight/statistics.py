"""Figures over all services, tasks and modules.

Plain numbers, each by a fixed number of queries that add up in the database.

Days are calendar days in UTC; a range is from its first day to its last, both included.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa

from puqpanel.domain.errors import UserError
from puqpanel.domain.money import Money
from puqpanel.domain.service_states import ServiceStatus
from puqpanel.domain.task_states import TaskStatus
from puqpanel.infra.clock import now
from puqpanel.infra.db import session
from puqpanel.models import Module, ModuleLog, Product, Service, Task
from puqpanel.operations.oversight.dashboard import MONTHLY

By = Literal["day", "week", "month"]
LONGEST = 3660
"""Days that a range may have."""
# What was sold and went into force some time, and is lost by being terminated.
_SOLD = Service.status.in_(
    (ServiceStatus.ACTIVE, ServiceStatus.SUSPENDED, ServiceStatus.TERMINATED)
)


class Movement(NamedTuple):
    """What came and went in one day, week or month, which begins on `start`."""

    start: date
    new: int
    lost: int


class Churn(NamedTuple):
    """A month: services at its start, terminations, cancellations, and churn in percent."""

    month: date
    in_force: int
    terminated: int
    cancelled: int
    percent: float | None


class Income(NamedTuple):
    """What active services cost in a month, in one currency.

    Of one product where `product` names it.
    """

    currency: str
    amount: Decimal
    services: int
    product: str = ""


class ProductFigures(NamedTuple):
    """Services of one product."""

    product: str
    module: str
    active: int
    total: int


class Outcome(NamedTuple):
    """How jobs for services ended in one day, week or month."""

    start: date
    completed: int
    failed: int


class ModuleOutcome(NamedTuple):
    """How one module's jobs for services ended."""

    module: str
    completed: int
    failed: int
    lost: int


class Provisioning(NamedTuple):
    """Jobs for services in a range.

    By time, by module, and the most frequent reasons of failures.
    """

    slots: list[Outcome]
    modules: list[ModuleOutcome]
    reasons: list[tuple[str, int]]


class ModuleHealth(NamedTuple):
    """A module: status, circuit breaker, failure count, and its tasks and errors in a range."""

    module: str
    version: str
    status: str
    failing: str
    strikes: int
    parked: int
    completed: int
    failed: int
    errors: int


def services_by_status() -> dict[str, int]:
    """Return how many services stand how; every status is there. One query."""
    found = {status.value: 0 for status in ServiceStatus}
    for status, count in session().execute(
        sa.select(Service.status, sa.func.count()).group_by(Service.status)
    ):
        found[str(status)] = count
    return found


def services_by_product(limit: int = 25) -> list[ProductFigures]:
    """Return the products with the most active services. One query."""
    active = sa.func.sum(sa.case((Service.status == ServiceStatus.ACTIVE, 1), else_=0))
    query = sa.select(Product.name, Product.module, active, sa.func.count()).join(
        Service, Service.product_id == Product.id
    )
    query = (
        query.group_by(Product.id, Product.name, Product.module)
        .order_by(active.desc(), Product.name)
        .limit(limit)
    )
    return [
        ProductFigures(name, module, int(count), int(total))
        for name, module, count, total in session().execute(query)
    ]


def new_and_lost(first: date, last: date, by: By = "day") -> list[Movement]:
    """Return new and lost services for each day, week or month of a range, in two queries.

    Args:
        first, last: the range.
        by: weeks begin on Monday; the first and the last slot hold what of them lies in the range.

    Raises:
        UserError: the range is none, or longer than ten years.
    """
    begin, end = _range(first, last)
    gone = sa.func.coalesce(Service.terminated_at, Service.status_since)
    new = _by_day(Service.created_at, begin, end)
    lost = _by_day(
        gone, begin, end, Service.status.in_((ServiceStatus.TERMINATED, ServiceStatus.CANCELLED))
    )
    made, left = _slotted(new, by), _slotted(lost, by)
    return [Movement(start, made[start], left[start]) for start in _slots(first, last, by)]


def churn(first: date, last: date) -> list[Churn]:
    """Return each month of a range.

    In force at its beginning, terminated, cancelled, and the share of both in what was in force.
    Four queries.

    In force is what was made before and not terminated by then, less what never went into force or
    is a fraud today: what a service was at an earlier time is not kept.

    Raises:
        UserError: the range is none, or longer than ten years.
    """
    begin, end = _range(first.replace(day=1), last)
    before = sa.select(sa.func.count()).where(
        _SOLD,
        Service.created_at < begin,
        sa.or_(Service.terminated_at.is_(None), Service.terminated_at >= begin),
    )
    in_force = session().scalar(before) or 0
    made = _slotted(_by_day(Service.created_at, begin, end, _SOLD), "month")
    ended = _slotted(
        _by_day(Service.terminated_at, begin, end, Service.status == ServiceStatus.TERMINATED),
        "month",
    )
    cancelled = _slotted(
        _by_day(Service.status_since, begin, end, Service.status == ServiceStatus.CANCELLED),
        "month",
    )
    months = []
    for month in _slots(first, last, "month"):
        lost = ended[month] + cancelled[month]
        months.append(
            Churn(
                month,
                in_force,
                ended[month],
                cancelled[month],
                round(100 * lost / in_force, 1) if in_force else None,
            )
        )
        in_force += made[month] - ended[month]
    return months


def recurring_income() -> list[Income]:
    """Return what all active services cost in a month, by currency, the largest first.

    Prices as sold, brought to a month. One query.

    One-time prices do not recur. It is no income that was received: invoices know that.
    """
    return _income()


def income_by_product(limit: int = 50) -> list[Income]:
    """Return the same by product and currency, the largest first. One query."""
    return _income(Product.name)[:limit]


def provisioning(first: date, last: date, by: By = "day") -> Provisioning:
    """Return how jobs for services ended in a range. Four queries.

    Args:
        first, last, by: as for `new_and_lost`.

    Raises:
        UserError: the range is none, or longer than ten years.
    """
    begin, end = _range(first, last)
    bad = (TaskStatus.FAILED, TaskStatus.LOST)
    good = _slotted(
        _by_day(
            Task.ended_at, begin, end, Task.service_uuid != "", Task.status == TaskStatus.COMPLETED
        ),
        by,
    )
    wrong = _slotted(
        _by_day(Task.ended_at, begin, end, Task.service_uuid != "", Task.status.in_(bad)), by
    )
    ours = (Task.service_uuid != "", Task.ended_at >= begin, Task.ended_at < end)
    modules: dict[str, Counter[str]] = defaultdict(Counter)
    for module, status, count in session().execute(
        sa.select(Task.module, Task.status, sa.func.count())
        .where(*ours)
        .group_by(Task.module, Task.status)
    ):
        modules[module][str(status)] += count
    by_module = [
        ModuleOutcome(
            module, counts[TaskStatus.COMPLETED], counts[TaskStatus.FAILED], counts[TaskStatus.LOST]
        )
        for module, counts in modules.items()
        if any(counts[status] for status in (TaskStatus.COMPLETED, *bad))
    ]
    by_module.sort(key=lambda one: (-(one.failed + one.lost), one.module))
    often = sa.func.count()
    reasons = session().execute(
        sa.select(Task.note, often)
        .where(*ours, Task.status.in_(bad))
        .group_by(Task.note)
        .order_by(often.desc(), Task.note)
        .limit(10)
    )
    return Provisioning(
        [Outcome(start, good[start], wrong[start]) for start in _slots(first, last, by)],
        by_module,
        [(note, number) for note, number in reasons],
    )


def module_health(first: date, last: date) -> list[ModuleHealth]:
    """Return every module that was ever activated.

    How it stands, its tasks and logged errors in a range. Four queries.

    Raises:
        UserError: the range is none, or longer than ten years.
    """
    begin, end = _range(first, last)
    tasks: dict[str, Counter[str]] = defaultdict(Counter)
    ended = sa.select(Task.module, Task.status, sa.func.count()).where(
        Task.ended_at >= begin, Task.ended_at < end, Task.module != ""
    )
    waiting = sa.select(Task.module, Task.status, sa.func.count()).where(
        Task.status == TaskStatus.PARKED
    )
    for query in (ended.where(Task.status != TaskStatus.PARKED), waiting):
        for module, status, count in session().execute(query.group_by(Task.module, Task.status)):
            tasks[module][str(status)] += count
    logged = sa.select(ModuleLog.type, ModuleLog.name, sa.func.count()).where(
        ModuleLog.level == "error", ModuleLog.at >= begin, ModuleLog.at < end
    )
    errors = {
        f"{kind}/{name}": count
        for kind, name, count in session().execute(logged.group_by(ModuleLog.type, ModuleLog.name))
    }
    found = []
    for row in session().scalars(sa.select(Module).order_by(Module.type, Module.name)):
        ends = tasks[row.key]
        failing = row.circuit_open_reason and row.status == "active"
        status = "failing" if failing else str(row.status)
        bad, parked = ends[TaskStatus.FAILED] + ends[TaskStatus.LOST], ends[TaskStatus.PARKED]
        reason = row.circuit_open_reason or row.reason
        found.append(
            ModuleHealth(
                row.key,
                row.version,
                status,
                reason,
                row.failure_count,
                parked,
                ends[TaskStatus.COMPLETED],
                bad,
                errors.get(row.key, 0),
            )
        )
    return found


def _income(product: Any = None) -> list[Income]:
    columns = [Service.currency, *([product] if product is not None else [])]
    query = sa.select(
        *columns, Service.period, sa.func.sum(Service.price_minor), sa.func.count()
    ).where(Service.status == ServiceStatus.ACTIVE)
    if product is not None:
        query = query.join(Product, Product.id == Service.product_id)
    sums: Counter[tuple[str, ...]] = Counter()
    counts: Counter[tuple[str, ...]] = Counter()
    for *key, period, total, count in session().execute(query.group_by(*columns, Service.period)):
        sums[tuple(key)] += round(int(total) * MONTHLY.get(period, 0.0))
        counts[tuple(key)] += count
    return [
        Income(key[0], Money(total, key[0]).major, counts[key], *key[1:])
        for key, total in sums.most_common()
    ]


def _range(first: date, last: date) -> tuple[datetime, datetime]:
    """Return the moments at which a range begins and ends."""
    if last < first:
        raise UserError("The first day of a range must come before its last day.")
    if (last - first).days > LONGEST:
        raise UserError("A range can span ten years at most.")
    return datetime.combine(first, time(), UTC), datetime.combine(
        last + timedelta(days=1), time(), UTC
    )


def _by_day(column: Any, begin: datetime, end: datetime, *where: Any) -> dict[date, int]:
    """Return how many rows have this moment in each day.

    One row a day comes back, however many there are.
    """
    day = sa.func.date(column, type_=sa.Date())
    query = (
        sa.select(day, sa.func.count()).where(column >= begin, column < end, *where).group_by(day)
    )
    return {row[0]: row[1] for row in session().execute(query)}


def _slotted(days: dict[date, int], by: By) -> Counter[date]:
    sums: Counter[date] = Counter()
    for day, count in days.items():
        sums[_slot(day, by)] += count
    return sums


def _slot(day: date, by: By) -> date:
    return (
        day
        if by == "day"
        else day - timedelta(days=day.weekday())
        if by == "week"
        else day.replace(day=1)
    )


def _slots(first: date, last: date, by: By) -> Iterator[date]:
    """Return each slot that a range touches, by the day on which it begins."""
    slot, day = None, first
    while day <= last:
        if _slot(day, by) != slot:
            slot = _slot(day, by)
            yield slot
        day += timedelta(days=1)


def today() -> date:
    """Return the day that it is, in UTC."""
    return now().date()
