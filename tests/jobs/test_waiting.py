"""Tasks that wait because their provider asks to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.principals import Principal, PrincipalKind
from puqpanel.host import calls
from puqpanel.infra.clock import now
from puqpanel.infra.db import release, session, transaction
from puqpanel.infra.settings import Settings
from puqpanel.jobs.entry import HANDLERS
from puqpanel.live import Live, dismantle
from puqpanel.models import Module, Service, Task
from puqpanel.operations.provisioning import requests
from puqpanel.sdk.testing import Provider
from puqpanel.tasks import control, run
from tests.sample import activate, make_service, write_module

STAFF = Principal(PrincipalKind.STAFF, None, "A test", permissions=frozenset({"*"}))
LIMITED = """
from puqpanel.sdk import Product, Result, http

class Limited(Product):
    job_options = {"create_job": {"tries": 1, "backoff": 5}}

    def create_job(self):
        with http.session(self.product_data["url"]) as cloud:
            answer = cloud.post("/accounts", json={})
            how = self.product_data["how"]
            if how == "again":
                answer = cloud.post("/accounts", json={})
            if how == "undo":
                cloud.delete("/accounts/7")
            if how == "read":
                return Result.success(answer.data["id"])
            if how == "pending":
                return Result.pending("It is being built.")
            if how == "final" and not answer.ok:
                return Result.error("Never again.", retry=False)
            if how == "other":
                return Result.error("No such plan.")
        return Result.success() if answer.ok else Result.error(answer.error)

    def observe(self):
        with http.session(self.product_data["url"]) as cloud:
            answer = cloud.get("/accounts")
        return {"exists": False, "suspended": False} if answer.ok else Result.error(answer.error)
"""


@pytest.fixture
def cloud() -> Iterator[Provider]:
    with Provider() as provider:
        yield provider


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    write_module(tmp_path / "modules", LIMITED, name="Limited")
    return replace(settings, modules_dir=tmp_path / "modules")


@pytest.fixture
def limited(app: Panel, settings: Settings) -> Iterator[Panel]:
    with app.app_context():
        activate(app, STAFF, "Limited")
    panel = Live(settings).ensure()
    with panel.app_context():
        yield panel
    dismantle(panel)


def create(cloud: Provider, how: str = "") -> int:
    config = {"url": cloud.url, "how": how}
    service = make_service(STAFF, "Product/Limited", config)
    requests.request(actor=STAFF, service_uuid=service.uuid, verb="create")
    return session().scalars(sa.select(Task.id)).one()


def attempt(task_id: int, **values: Any) -> Task:
    """Make a task due and run it once."""
    with transaction() as current:
        due = {"run_at": now() - timedelta(seconds=1), **values}
        current.execute(sa.update(Task).where(Task.id == task_id).values(due))
    release()
    run.run(task_id, HANDLERS)
    release()
    return session().get_one(Task, task_id, populate_existing=True)


def test_a_job_that_only_returns_its_error_waits_and_then_succeeds(
    limited: Panel, cloud: Provider
) -> None:
    cloud.fail("429", after=276, times=3)
    task_id = create(cloud)
    for number in (1, 2, 3):
        task = attempt(task_id)
        assert (task.status, task.attempt, task.ended_at) == ("waiting", number, None)
        assert timedelta(seconds=270) < task.run_at - now() <= timedelta(seconds=276)
        assert f"{task.run_at:%Y-%m-%d %H:%M} UTC" in str(task.note), task.note
    assert 800 < task.waited <= 828
    service = session().scalars(sa.select(Service)).one()
    assert (service.provision_status, str(service.failure)) == ("processing", "")
    assert attempt(task_id).status == "completed", "with its one try"


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ("read", "waiting"),
        ("pending", "waiting"),
        ("undo", "waiting"),
        ("other", "waiting"),
        ("final", "failed"),
        ("again", "completed"),
    ],
)
def test_which_results_wait(limited: Panel, cloud: Provider, how: str, status: str) -> None:
    cloud.fail("429", after=276)
    task = attempt(create(cloud, how))
    assert task.status == status, task.note
    if status == "waiting":
        assert task.run_at - now() > timedelta(seconds=270)
    assert session().scalars(sa.select(Module.failure_count)).all() == [0]


def test_a_short_wait_lasts_as_long_as_the_backoff(limited: Panel, cloud: Provider) -> None:
    cloud.fail("429", after=0)
    task = attempt(create(cloud))
    assert task.status == "waiting" and now() + timedelta(seconds=3) < task.run_at


def test_a_pending_job_is_waiting(limited: Panel, cloud: Provider) -> None:
    task = attempt(create(cloud, "pending"))
    assert (task.status, str(task.note), task.waited) == ("waiting", "It is being built.", 0)


def test_waiting_is_limited_in_total_until_staff_retry(limited: Panel, cloud: Provider) -> None:
    cloud.fail("429", after=3600, times=2)
    task_id = create(cloud)
    task = attempt(task_id, waited=47 * 3600 + 60)
    assert (task.status, "exceeds the maximum total wait" in str(task.note)) == ("failed", True)
    control.retry(task.uuid, by="A test")
    assert attempt(task_id).status == "waiting"


def test_asking_about_an_interrupted_attempt_waits_too(limited: Panel, cloud: Provider) -> None:
    task_id = create(cloud)
    cloud.fail("429", after=276)
    task = attempt(task_id, in_doubt=True)
    assert (task.status, task.in_doubt) == ("waiting", True)
    assert [seen.method for seen in cloud.seen()] == ["GET"]
    assert attempt(task_id).status == "completed"


def test_a_page_does_not_wait(limited: Panel, cloud: Provider) -> None:
    cloud.fail("429", after=276)
    create(cloud)
    service = session().scalars(sa.select(Service.uuid)).one()
    called = calls.invoke(
        calls.Call(limited.registry.modules["Product/Limited"], "create_job", service_uuid=service)
    )
    assert (called.result.ok, called.wait_until) == (False, None)


def test_a_worker_starts_a_waiting_task_when_it_is_due(
    limited: Panel, cloud: Provider, drain: Callable[..., None]
) -> None:
    cloud.fail("429", after=276)
    task_id = create(cloud)
    drain(1)
    release()
    assert session().get_one(Task, task_id, populate_existing=True).status == "waiting"
    with transaction() as current:
        current.execute(sa.update(Task).values(run_at=now(), dispatched_at=None))
    drain(1)
    release()
    assert session().get_one(Task, task_id, populate_existing=True).status == "completed"
