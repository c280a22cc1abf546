"""Statistics of services, tasks and modules with known data."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.errors import UserError
from puqpanel.infra.clock import now
from puqpanel.infra.db import db, transaction
from puqpanel.models import Module, ModuleLog, Product, Service, Task, TaskAttempt
from puqpanel.operations.oversight import kept, statistics
from tests.conftest import STAFF
from tests.sample import make_client, make_service


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def add(panel: Panel) -> Any:
    """Return a function that adds services of one product."""
    first = make_service(STAFF, "", client=make_client(STAFF)[0])
    client, product = first.client_id, first.product_id
    with transaction() as current:
        current.execute(sa.delete(Service))

    def one(status: str, created: str, ended: str = "", **more: Any) -> None:
        moments = {
            "created_at": at(created),
            "status_since": at(ended or created),
            "terminated_at": at(ended) if status == "terminated" else None,
        }
        with transaction() as current:
            current.add(
                Service(
                    client_id=client,
                    product_id=more.pop("product_id", product),
                    name="x",
                    status=status,
                    **moments,
                    **more,
                )
            )

    return one


def test_services_by_status_and_product(add: Any) -> None:
    with transaction() as current:
        other = Product(name="Zeta", slug="zeta", module="Product/Zeta")
        current.add(other)
    for status in ("active", "active", "pending", "fraud"):
        add(status, "2026-01-01")
    add("active", "2026-01-01", product_id=other.id)
    counts = statistics.services_by_status()
    assert counts == {
        "pending": 1,
        "active": 3,
        "suspended": 0,
        "terminated": 0,
        "cancelled": 0,
        "fraud": 1,
    }
    assert [
        (one.product, one.module, one.active, one.total) for one in statistics.services_by_product()
    ] == [("Cloud 10", "", 2, 4), ("Zeta", "Product/Zeta", 1, 1)]
    assert len(statistics.services_by_product(limit=1)) == 1


def test_new_and_lost_by_day_week_and_month(add: Any) -> None:
    add("active", "2026-01-31 23:59:59.999")
    add("active", "2026-02-01 00:00:00")
    add("terminated", "2025-06-01", "2026-02-02 12:00")
    add("cancelled", "2026-02-02", "2026-02-04")
    add("suspended", "2025-01-01", "2026-02-03")
    add("active", "2026-02-05 00:00:00")
    days = statistics.new_and_lost(date(2026, 1, 31), date(2026, 2, 4))
    assert [tuple(one)[1:] for one in days] == [(1, 0), (1, 0), (1, 1), (0, 0), (0, 1)]
    assert days[0].start == date(2026, 1, 31)
    weeks = statistics.new_and_lost(date(2026, 1, 31), date(2026, 2, 4), "week")
    assert weeks == [(date(2026, 1, 26), 2, 0), (date(2026, 2, 2), 1, 2)]
    months = statistics.new_and_lost(date(2026, 1, 31), date(2026, 2, 4), "month")
    assert months == [(date(2026, 1, 1), 1, 0), (date(2026, 2, 1), 2, 2)]


def test_churn(add: Any) -> None:
    for _ in range(8):
        add("active", "2025-11-01")
    add("terminated", "2025-11-01", "2026-01-15")
    add("terminated", "2025-11-01", "2025-12-31")
    add("terminated", "2026-01-10", "2026-02-10")
    add("cancelled", "2026-01-02", "2026-01-03")
    add("pending", "2025-11-01")
    add("fraud", "2025-11-01")
    assert statistics.churn(date(2026, 1, 20), date(2026, 3, 1)) == [
        (date(2026, 1, 1), 9, 1, 1, Decimal("22.2")),
        (date(2026, 2, 1), 9, 1, 0, Decimal("11.1")),
        (date(2026, 3, 1), 8, 0, 0, Decimal(0)),
    ]
    assert statistics.churn(date(2020, 1, 1), date(2020, 1, 31)) == [
        (date(2020, 1, 1), 0, 0, 0, None)
    ]


def test_recurring_income_is_normalised_to_a_month(add: Any) -> None:
    add("active", "2026-01-01", price_minor=1000)
    add("active", "2026-01-01", price_minor=12000, period="annually")
    add("active", "2026-01-01", price_minor=99900, period="one_time")
    add("active", "2026-01-01", price_minor=500, currency="JPY")
    add("suspended", "2026-01-01", price_minor=7777)
    assert statistics.recurring_income() == [
        ("EUR", Decimal("20.00"), 3, ""),
        ("JPY", Decimal(500), 1, ""),
    ]
    assert statistics.income_by_product() == [
        ("EUR", Decimal("20.00"), 3, "Cloud 10"),
        ("JPY", Decimal(500), 1, "Cloud 10"),
    ]


def test_an_unknown_period_is_an_error(add: Any) -> None:
    add("active", "2026-01-01", price_minor=1000, period="yearly")
    with pytest.raises(UserError, match="yearly is not a known billing period"):
        statistics.recurring_income()


def test_income_is_rounded_once(add: Any) -> None:
    for _ in range(3):
        add("active", "2026-01-01", price_minor=100, period="annually")
    add("active", "2026-01-01", price_minor=100, period="quarterly")
    assert statistics.recurring_income() == [("EUR", Decimal("0.58"), 4, "")]


@pytest.fixture
def tasks(panel: Panel) -> None:
    """Attempts at jobs of two modules with and without services, in January and later.

    All the tasks that failed were retried afterwards with success.
    """
    rows = [
        ("Product/A", "completed", "s", "2026-01-01", ""),
        ("Product/A", "failed", "s", "2026-01-01 23:59", "The cloud is full."),
        ("Product/A", "lost", "s", "2026-01-02", "Nobody knows."),
        ("Product/B", "failed", "s", "2026-01-02", "The cloud is full."),
        ("Product/B", "completed", "s", "2026-01-03", ""),
        ("Product/B", "parked", "s", "2026-01-01", "waits"),
        ("Product/B", "cancelled", "s", "2026-01-01", ""),
        ("Plugin/C", "failed", "", "2026-01-01", "not of a service"),
        ("Product/A", "failed", "s", "2026-02-01", "later"),
    ]
    with transaction() as current:
        for module, status, service, ended, note in rows:
            task = Task(
                job="ModuleJob",
                queue="Module",
                module=module,
                status="parked" if status == "parked" else "completed",
                subject_type="service" if service else "",
                subject_uuid=service,
                ended_at=at(ended),
            )
            current.add(task)
            current.flush()
            for number, outcome in enumerate(("retrying", status), 1):
                current.add(
                    TaskAttempt(
                        task_id=task.id,
                        number=number,
                        owner="w",
                        started_at=at(ended),
                        ended_at=at(ended),
                        outcome=outcome,
                        message=note,
                    )
                )
        current.add(
            Module(type="Product", name="A", version="1.0.0", status="active", failure_count=2)
        )
        current.add(
            Module(
                type="Product",
                name="B",
                version="1.0.0",
                status="active",
                circuit_open_reason="It failed repeatedly.",
            )
        )
        current.add_all(
            [
                ModuleLog(type="Product", name="A", level=level, action="x", at=at(day))
                for level, day in (
                    ("error", "2026-01-01"),
                    ("info", "2026-01-01"),
                    ("error", "2026-03-01"),
                )
            ]
        )


def test_provisioning_outcomes(tasks: None) -> None:
    found = statistics.provisioning(date(2026, 1, 1), date(2026, 1, 3))
    assert found.slots == [
        (date(2026, 1, 1), 1, 1),
        (date(2026, 1, 2), 0, 2),
        (date(2026, 1, 3), 1, 0),
    ]
    assert found.modules == [("Product/A", 1, 1, 1), ("Product/B", 1, 1, 0)]
    assert found.reasons == [("The cloud is full.", 2), ("Nobody knows.", 1)]


def test_module_health(tasks: None) -> None:
    health = {
        one.module: one for one in statistics.module_health(date(2026, 1, 1), date(2026, 1, 31))
    }
    assert health["Product/A"] == ("Product/A", "1.0.0", "active", "", 2, 0, 1, 2, 1)
    assert health["Product/B"] == (
        "Product/B",
        "1.0.0",
        "failing",
        "It failed repeatedly.",
        0,
        1,
        1,
        1,
        0,
    )


@pytest.mark.parametrize(
    ("first", "last"), [(date(2026, 2, 1), date(2026, 1, 31)), (date(2010, 1, 1), date(2026, 1, 1))]
)
def test_invalid_ranges_are_rejected(panel: Panel, first: date, last: date) -> None:
    for read in (
        statistics.new_and_lost,
        statistics.churn,
        statistics.provisioning,
        statistics.module_health,
    ):
        with pytest.raises(UserError, match="range"):
            read(first, last)  # type: ignore[operator]


def test_number_of_queries_is_constant(add: Any) -> None:
    for number in range(40):
        add("active", f"2026-01-{number % 28 + 1:02}")
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith("BEGIN"):
            seen.append(statement)

    sa.event.listen(db.engine, "before_cursor_execute", note)
    span = date(2025, 1, 1), date(2026, 12, 31)
    try:
        counted = []
        for read in (
            statistics.services_by_status,
            statistics.services_by_product,
            statistics.recurring_income,
            statistics.income_by_product,
        ):
            seen.clear()
            read()
            counted.append(len(seen))
        for ranged in (
            statistics.new_and_lost,
            statistics.churn,
            statistics.provisioning,
            statistics.module_health,
        ):
            seen.clear()
            ranged(*span)  # type: ignore[operator]
            counted.append(len(seen))
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", note)
    assert counted == [2, 2, 2, 2, 3, 5, 5, 5], "one of them asks whether there are many services"


def test_figures_of_many_services_are_kept(add: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    days = date(2026, 1, 1), date(2026, 1, 2)
    add("active", "2026-01-01")
    assert statistics.new_and_lost(*days)[0].new == 1
    monkeypatch.setattr(kept, "MANY", 1)
    statistics.new_and_lost(*days).clear()
    add("active", "2026-01-01")
    assert [slot.new for slot in statistics.new_and_lost(*days)] == [1, 0]
    assert [slot.new for slot in statistics.new_and_lost(*days, by="month")] == [2]
    with pytest.raises(UserError):
        statistics.new_and_lost(*days[::-1])
    monkeypatch.setattr(kept, "now", lambda: now() + kept.AGE)
    assert statistics.new_and_lost(*days)[0].new == 2


def test_a_bounded_number_of_figures_is_kept(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST", 3)
    for number in range(10):
        assert kept.kept(number, lambda number=number: number, lambda _: True).value == number
    assert len(kept._slots[db.session.get_bind()]) <= 3
