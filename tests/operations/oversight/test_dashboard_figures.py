"""The figures and trends of the dashboard, compared with counting each row."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from puqpanel.app import Panel
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.clock import now
from puqpanel.infra.db import session, transaction
from puqpanel.models import Service, Task
from puqpanel.operations.oversight import dashboard, kept
from tests.sample import make_service

SEED = 7


def test_they_equal_what_counting_each_row_gives(panel: Panel) -> None:
    chance, first = random.Random(SEED), make_service(AUTOMATION, module="")
    same = {
        name: getattr(first, name) for name in ("client_id", "product_id", "currency", "period")
    }
    with transaction() as current:
        services = [Service(name=f"S{n}", price_minor=1, **same) for n in range(40)]
        current.add_all(services)
        for service in services:
            service.status = chance.choice(["pending", "active", "terminated"])
            service.provision_status = chance.choice(["completed", "failed", "not_found"])
            service.created_at = now() - timedelta(days=chance.uniform(-1, 100))
            service.provision_since = now() - timedelta(hours=chance.uniform(0, 72))
            if service.status == "terminated":
                service.terminated_at = now() - timedelta(days=chance.uniform(0, 100))
        for number in range(60):
            status = chance.choice(["completed", "failed", "lost", "cancelled"])
            ended = now() - timedelta(hours=chance.uniform(0, 30))
            current.add(Task(job=f"J{number}", queue="Module", status=status, ended_at=ended))
    weeks, hours, found = (
        dashboard.services_by_week(),
        dashboard.tasks_by_hour(),
        dashboard.figures(),
    )
    tasks, services = list(session().query(Task)), list(session().query(Service))
    assert len(weeks) == 12 and sum(new for _, new, _ in weeks) > 10
    for start, new, lost in weeks:
        end = start + timedelta(weeks=1)
        assert new == sum(start <= one.created_at < end for one in services), f"seed {SEED}"
        ends = [one.terminated_at for one in services if one.terminated_at]
        assert lost == sum(start <= at < end for at in ends), f"seed {SEED}"
    for start, good, bad in hours:
        end = start + timedelta(hours=1)
        in_hour = [one.status for one in tasks if one.ended_at and start <= one.ended_at < end]
        assert good == in_hour.count("completed"), f"seed {SEED}"
        assert bad == in_hour.count("failed") + in_hour.count("lost"), f"seed {SEED}"
    troubled = [
        one
        for one in services
        if one.status != "terminated" and one.provision_status in ("failed", "not_found")
    ]
    assert (found.active, found.failed, found.failed_day) == (
        sum(one.status == "active" for one in services),
        len(troubled),
        sum(one.provision_since >= now() - timedelta(days=1) for one in troubled),
    )


def test_trends_end_at_the_time_at_which_they_are_counted(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_service(AUTOMATION, module="")
    assert [new for _, new, _ in dashboard.services_by_week()] == [0] * 11 + [1]
    monkeypatch.setattr(dashboard, "now", lambda: now() + timedelta(weeks=1))
    assert [new for _, new, _ in dashboard.services_by_week()] == [0] * 10 + [1, 0]
    assert (dashboard.figures().new_week, dashboard.figures().new_before) == (0, 1)


def test_they_are_counted_each_time_unless_there_are_many(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make_service(AUTOMATION, module="")
    same = {name: getattr(first, name) for name in ("client_id", "product_id")}

    def sell() -> None:
        with transaction() as current:
            current.add(Service(name="S", status="active", **same))

    sell()
    assert dashboard.overview().value.figures.active == 1
    sell()
    assert dashboard.overview().value.figures.active == 2
    monkeypatch.setattr(dashboard, "MANY", 2)
    counted = dashboard.overview()
    sell()
    assert dashboard.overview() is counted
    monkeypatch.setattr(kept, "now", lambda: now() + kept.AGE)
    again = dashboard.overview()
    assert again.value.figures.active == 3 and again.at > counted.at


def test_who_comes_while_they_are_counted_gets_the_ones_before(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def count(number: int) -> kept.Kept[int]:
        return kept.kept("number", lambda: number, lambda _: True)

    assert count(1).value == 1
    monkeypatch.setattr(kept, "now", lambda: now() + kept.AGE)

    def busy() -> int:
        assert count(3).value == 1
        return 2

    assert kept.kept("number", busy, lambda _: True).value == 2
    assert count(4).value == 2
