"""The figures and trends of the dashboard, compared with counting each row."""

from __future__ import annotations

import random
from datetime import timedelta

from puqpanel.app import Panel
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.clock import now
from puqpanel.infra.db import session, transaction
from puqpanel.models import Service, Task
from puqpanel.operations.oversight import dashboard
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
