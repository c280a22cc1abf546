"""Statistics of services, tasks and modules, aggregated in the database by a few queries.

Days are calendar days in UTC. A range includes its first and its last day. If there are many
services, results are cached for some seconds; one more query checks whether there are many.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, aliased

from puqpanel.domain.date_slots import By, between, starts, sums
from puqpanel.domain.decimals import half_up
from puqpanel.domain.service_states import ServiceStatus
from puqpanel.domain.task_states import TaskStatus
from puqpanel.infra.clock import now
from puqpanel.infra.db import session
from puqpanel.models import Module, ModuleLog, Product, Service, Task, TaskAttempt
from puqpanel.operations.oversight.dashboard import recurring_revenue
from puqpanel.operations.oversight.kept import keep_if_many

_COMPLETED, _LOST = "completed", "lost"
_FAILED = ("failed", "timeout", _LOST)
"""Outcomes of attempts that count as failures. An attempt that will be repeated does not count."""
# services that were active at some time; termination ends them
_SOLD = Service.status.in_(
    (ServiceStatus.ACTIVE, ServiceStatus.SUSPENDED, ServiceStatus.TERMINATED)
)


class Movement(NamedTuple):
    """New and lost services in the day, week or month that begins on `start`."""

    start: date
    new: int
    lost: int


class Churn(NamedTuple):
    """A month: services at its start, terminations, cancellations, and churn in percent."""

    month: date
    in_force: int
    terminated: int
    cancelled: int
    percent: Decimal | None


class Income(NamedTuple):
    """Monthly recurring revenue in one currency, of one product if `product` is set."""

    currency: str
    amount: Decimal
    services: int
    product: str = ""


class ProductFigures(NamedTuple):
    """Numbers of services of one product."""

    product: str
    module: str
    active: int
    total: int


class Outcome(NamedTuple):
    """Completed and failed attempts at jobs of services.

    They ended in the day, week or month that begins on `start`.
    """

    start: date
    completed: int
    failed: int


class ModuleOutcome(NamedTuple):
    """Completed, failed and lost attempts at jobs of services of one module."""

    module: str
    completed: int
    failed: int
    lost: int


class Provisioning(NamedTuple):
    """Attempts at jobs of services: by time, by module, and the most frequent failures."""

    slots: list[Outcome]
    modules: list[ModuleOutcome]
    reasons: list[tuple[str, int]]


class ModuleHealth(NamedTuple):
    """A module: status, circuit breaker, failure count, and its attempts and errors in a range."""

    module: str
    version: str
    status: str
    failing: str
    failure_count: int
    parked: int
    completed: int
    failed: int
    errors: int


@keep_if_many
def services_by_status() -> dict[str, int]:
    """Return the number of services in each status. One query."""
    query = sa.select(Service.status, sa.func.count()).group_by(Service.status)
    counts = dict(session().execute(query).all())
    return {status.value: counts.get(status, 0) for status in ServiceStatus}


@keep_if_many
def services_by_product(limit: int = 25) -> list[ProductFigures]:
    """Return the products with the most active services. One query."""
    active = sa.func.sum(sa.case((Service.status == ServiceStatus.ACTIVE, 1), else_=0))
    query = (
        sa.select(Product.name, Product.module, active, sa.func.count())
        .join(Service, Service.product_id == Product.id)
        .group_by(Product.id, Product.name, Product.module)
        .order_by(active.desc(), Product.name)
        .limit(limit)
    )
    return [
        ProductFigures(name, module, int(count), int(total))
        for name, module, count, total in session().execute(query)
    ]


@keep_if_many
def new_and_lost(first: date, last: date, by: By = "day") -> list[Movement]:
    """Return new and lost services for each day, week or month of a range, in two queries.

    Args:
        first: first day of the range.
        last: last day of the range.
        by: length of a slot. Weeks begin on Monday; slots are cut off at the ends of the range.

    Raises:
        UserError: the range is invalid or longer than ten years.
    """
    begin, end = between(first, last)
    ended_at = sa.func.coalesce(Service.terminated_at, Service.status_since)
    new = _by_day(Service.created_at, begin, end)
    lost = _by_day(
        ended_at,
        begin,
        end,
        Service.status.in_((ServiceStatus.TERMINATED, ServiceStatus.CANCELLED)),
    )
    new_slots, lost_slots = sums(new, by), sums(lost, by)
    return [
        Movement(start, new_slots[start], lost_slots[start]) for start in starts(first, last, by)
    ]


@keep_if_many
def churn(first: date, last: date) -> list[Churn]:
    """Return the churn of each month of a range, in four queries.

    Services at the start of a month are those created earlier and not terminated by then, without
    those that never were active or are marked as fraud today: earlier statuses are not recorded.

    Args:
        first: a day of the first month.
        last: last day of the range.

    Raises:
        UserError: the range is invalid or longer than ten years.
    """
    begin, end = between(first.replace(day=1), last)
    before = sa.select(sa.func.count()).where(
        _SOLD,
        Service.created_at < begin,
        sa.or_(Service.terminated_at.is_(None), Service.terminated_at >= begin),
    )
    in_force = session().scalar(before) or 0
    created = sums(_by_day(Service.created_at, begin, end, _SOLD), "month")
    ended = sums(
        _by_day(Service.terminated_at, begin, end, Service.status == ServiceStatus.TERMINATED),
        "month",
    )
    cancelled = sums(
        _by_day(Service.status_since, begin, end, Service.status == ServiceStatus.CANCELLED),
        "month",
    )
    months = []
    for month in starts(first, last, "month"):
        lost = ended[month] + cancelled[month]
        months.append(
            Churn(
                month,
                in_force,
                ended[month],
                cancelled[month],
                percent(lost, in_force) if in_force else None,
            )
        )
        in_force += created[month] - ended[month]
    return months


@keep_if_many
def recurring_income() -> list[Income]:
    """Return monthly recurring revenue by currency, most services first. One query.

    Prices at which active services were sold, normalised to a month, without one-time prices.
    """
    return _income()


@keep_if_many
def income_by_product(limit: int = 50) -> list[Income]:
    """Return monthly recurring revenue by currency and product, largest first. One query."""
    return _income(Product.name)[:limit]


@keep_if_many
def provisioning(first: date, last: date, by: By = "day") -> Provisioning:
    """Return how attempts at jobs of services ended in a range. Four queries.

    An attempt that failed stays counted after its task was retried.

    Args:
        first: first day of the range.
        last: last day of the range.
        by: length of a slot, as for `new_and_lost`.

    Raises:
        UserError: the range is invalid or longer than ten years.
    """
    begin, end = between(first, last)
    # for each attempt of the range, as there are many more tasks
    task = aliased(Task)
    of_service = sa.exists().where(task.id == TaskAttempt.task_id, task.subject_type == "service")
    completed = sums(
        _by_day(TaskAttempt.ended_at, begin, end, of_service, TaskAttempt.outcome == _COMPLETED),
        by,
    )
    failed = sums(
        _by_day(TaskAttempt.ended_at, begin, end, of_service, TaskAttempt.outcome.in_(_FAILED)), by
    )
    by_module = [
        ModuleOutcome(module, counts[_COMPLETED], _failures(counts) - counts[_LOST], counts[_LOST])
        for module, counts in _attempts_by_module(begin, end, of_service).items()
        if counts[_COMPLETED] or _failures(counts)
    ]
    by_module.sort(key=lambda row: (-(row.failed + row.lost), row.module))
    frequency = sa.func.count()
    reasons = session().execute(
        sa.select(TaskAttempt.message, frequency)
        .where(
            TaskAttempt.ended_at >= begin,
            TaskAttempt.ended_at < end,
            of_service,
            TaskAttempt.outcome.in_(_FAILED),
        )
        .group_by(TaskAttempt.message)
        .order_by(frequency.desc(), TaskAttempt.message)
        .limit(10)
    )
    return Provisioning(
        [Outcome(start, completed[start], failed[start]) for start in starts(first, last, by)],
        by_module,
        [(str(message), number) for message, number in reasons],
    )


def module_health(first: date, last: date) -> list[ModuleHealth]:
    """Return the health of every module that was ever activated. Four queries.

    Args:
        first: first day of the range of tasks and log errors.
        last: last day of the range.

    Raises:
        UserError: the range is invalid or longer than ten years.
    """
    attempts, errors = _module_counts(*between(first, last))
    parked = Counter(
        dict(
            session()
            .execute(
                sa.select(Task.module, sa.func.count())
                .where(Task.status == TaskStatus.PARKED)
                .group_by(Task.module)
            )
            .all()
        )
    )
    modules = []
    for row in session().scalars(sa.select(Module).order_by(Module.type, Module.name)):
        counts = attempts[row.key]
        failing = row.circuit_open_reason and row.status == "active"
        modules.append(
            ModuleHealth(
                module=row.key,
                version=row.version,
                status="failing" if failing else str(row.status),
                failing=str(row.circuit_open_reason or row.reason),
                failure_count=row.failure_count,
                parked=parked[row.key],
                completed=counts[_COMPLETED],
                failed=_failures(counts),
                errors=errors.get(row.key, 0),
            )
        )
    return modules


@keep_if_many
def _module_counts(
    begin: datetime, end: datetime
) -> tuple[dict[str, Counter[str]], dict[str, int]]:
    """Return the attempts of modules by outcome, and the errors in their logs."""
    logged = sa.select(ModuleLog.type, ModuleLog.name, sa.func.count()).where(
        ModuleLog.level == "error", ModuleLog.at >= begin, ModuleLog.at < end
    )
    errors = {
        f"{kind}/{name}": count
        for kind, name, count in session().execute(logged.group_by(ModuleLog.type, ModuleLog.name))
    }
    return _attempts_by_module(begin, end), errors


def _attempts_by_module(
    begin: datetime, end: datetime, *where: sa.ColumnElement[bool]
) -> dict[str, Counter[str]]:
    """Return the number of attempts by module and outcome.

    Attempts rather than tasks, because retrying a task changes its status.
    """
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    query = (
        sa.select(Task.module, TaskAttempt.outcome, sa.func.count())
        .join(TaskAttempt, TaskAttempt.task_id == Task.id)
        .where(TaskAttempt.ended_at >= begin, TaskAttempt.ended_at < end, *where)
    )
    for module, outcome, count in session().execute(
        query.group_by(Task.module, TaskAttempt.outcome)
    ):
        counts[module][outcome] = count
    return counts


def _failures(counts: Counter[str]) -> int:
    return sum(counts[outcome] for outcome in _FAILED)


def _income(*columns: InstrumentedAttribute[str]) -> list[Income]:
    return [
        Income(money.currency, money.major, services, *values)
        for money, services, values in recurring_revenue(*columns)
    ]


def _by_day(column: Any, begin: datetime, end: datetime, *where: Any) -> dict[date, int]:
    """Return the number of rows for each day; the database returns one row for each day."""
    day = sa.func.date(column, type_=sa.Date())
    query = sa.select(day, sa.func.count()).where(column >= begin, column < end, *where)
    return dict(session().execute(query.group_by(day)).all())


def percent(part: Decimal | Fraction | int, whole: Decimal | int) -> Decimal:
    """Return a share in percent with one decimal, rounded half up."""
    return Decimal(half_up(1000 * Fraction(part) / Fraction(whole))).scaleb(-1)


def today() -> date:
    """Return the current day in UTC."""
    return now().date()
