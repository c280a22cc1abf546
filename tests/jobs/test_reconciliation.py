"""The scheduled comparison of services with their providers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.infra.clock import now
from puqpanel.infra.db import release, session, transaction
from puqpanel.infra.settings import Settings
from puqpanel.models import Module, Service, Task
from puqpanel.operations.oversight import maintenance, module_checks, tasks
from puqpanel.operations.provisioning import observations
from puqpanel.sdk.testing import Provider
from tests.operations.provisioning.provider_file import (
    STAFF,
    again,
    kind_of,
    provider,
    serving,
    set_states,
    source,
    states,
    work,
)
from tests.sample import make_client, make_service, write_module

ENTRY = "Compare services with their providers"
LIMITED = """
from puqpanel.sdk import Product, Result, http

class Limited(Product):
    def observe(self):
        with http.session(self.product_data["url"]) as cloud:
            answer = cloud.get("/accounts")
        return {"exists": False} if answer.ok else Result.error(answer.error)
"""


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return tmp_path / "book.json"


@pytest.fixture
def rate() -> int:
    """How many services the module lets the panel ask for in a minute."""
    return 3


@pytest.fixture
def settings(settings: Settings, tmp_path: Path, book: Path, rate: int) -> Settings:
    extra = f"observe_per_minute = {rate!r}"
    write_module(tmp_path / "modules", source(book, extra), name="Cloud")
    write_module(tmp_path / "modules", LIMITED, name="Limited")
    return replace(settings, modules_dir=tmp_path / "modules")


@pytest.fixture
def cloud(app: Panel, settings: Settings) -> Iterator[Panel]:
    with serving(app, settings, "Cloud", "Limited") as panel:
        yield panel


@pytest.fixture
def made(cloud: Panel) -> list[Service]:
    """Five active services that the provider does not have."""
    client = make_client(STAFF)[0]
    services = [make_service(STAFF, "Product/Cloud", client=client) for _ in range(5)]
    for service in services:
        set_states(service, "active", "completed")
    return services


def compare() -> list[Task]:
    """Run the schedule once, and the tasks that it adds."""
    maintenance.ENTRIES[ENTRY][1](None)  # type: ignore[arg-type]
    return work()


def test_all_services_are_asked_for_once_a_day(made: list[Service], book: Path) -> None:
    for _ in made:
        assert [task.status for task in compare()] == ["completed"], "one service in each batch"
    assert sorted(provider(book)["asked"]) == sorted(service.uuid for service in made)
    assert [kind_of(service) for service in made] == ["gone"] * 5
    assert {states(service) for service in made} == {("active", "completed")}
    assert "log" not in provider(book), "nothing is changed"
    assert compare() == [], "nothing is due"
    with transaction() as current:
        current.execute(sa.update(Service).values(observe_at=now() - timedelta(seconds=1)))
    provider(book, answer={"exists": True})
    for _ in made:
        compare()
    assert [kind_of(service) for service in made] == [""] * 5, "the differences vanished"


def test_batches_are_as_large_as_a_day_needs_but_not_larger_than_the_limit(
    made: list[Service], cloud: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = cloud.registry.modules["Product/Cloud"]
    assert observations.batch_size(module) == 1
    monkeypatch.setattr(observations, "SPREAD", 3)
    assert observations.batch_size(module) == 2
    monkeypatch.setattr(observations, "SPREAD", 1)
    assert observations.batch_size(module) == 3, "the module's limit"


@pytest.mark.parametrize("rate", [0, -1])
def test_a_module_can_be_left_out(made: list[Service], book: Path) -> None:
    assert compare() == []
    assert "asked" not in provider(book)


def test_services_that_were_never_provisioned_or_are_in_progress_are_left_out(
    made: list[Service], book: Path
) -> None:
    others = [
        ("pending", "pending"),
        ("active", "processing"),
        ("terminated", "terminated"),
        ("cancelled", "failed"),
    ]
    for service, pair in zip(made, others, strict=False):
        set_states(service, *pair)
    for _ in made:
        compare()
    assert provider(book)["asked"] == [made[4].uuid]


def test_a_time_far_in_the_future_counts_as_due(made: list[Service], book: Path) -> None:
    with transaction() as current:
        current.execute(sa.update(Service).values(observe_at=now() + timedelta(days=4000)))
    assert len(compare()) == 1


@pytest.mark.parametrize("values", [{"error": "Down."}, {"raises": "Bug."}])
def test_a_provider_that_does_not_answer_is_asked_only_a_few_times(
    made: list[Service], book: Path, values: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observations, "SPREAD", 1)
    monkeypatch.setattr("puqpanel.jobs.observations.MAX_FAILURES", 2)
    provider(book, **values)
    (task,) = compare()
    assert task.status == "completed" and "failed: 2" in str(task.note)
    assert len(provider(book)["asked"]) == 2
    assert [kind_of(service) for service in made] == [""] * 5
    assert session().scalars(sa.select(Module.failure_count)).all() == [0, 0]


def test_no_second_batch_while_one_is_open(made: list[Service]) -> None:
    for _ in range(3):
        maintenance.ENTRIES[ENTRY][1](None)  # type: ignore[arg-type]
    assert session().scalar(sa.select(sa.func.count()).select_from(Task)) == 1


def test_nothing_is_asked_while_the_circuit_breaker_is_open(
    made: list[Service], book: Path
) -> None:
    maintenance.ENTRIES[ENTRY][1](None)  # type: ignore[arg-type]
    with transaction() as current:
        current.execute(sa.update(Module).values(circuit_open_reason="It failed."))
    assert [task.status for task in work()] == ["completed"]
    assert compare() == []
    assert "asked" not in provider(book)


def test_a_service_is_compared_again_when_its_provider_allows(cloud: Panel) -> None:
    with Provider() as limited:
        limited.fail("429", after=276)
        service = make_service(STAFF, "Product/Limited", {"url": limited.url})
        set_states(service, "active", "completed")
        (task,) = compare()
        due = again(service).observe_at
        assert (task.status, kind_of(service)) == ("completed", "")
        assert due and timedelta(seconds=270) < due - now() <= timedelta(seconds=276)
        assert compare() == [], "not meanwhile"
        with transaction() as current:
            current.execute(sa.update(Service).values(observe_at=now()))
        release()
        (task,) = compare()
        assert (task.status, kind_of(service)) == ("completed", "gone")


def test_a_refresh_waits_too(cloud: Panel) -> None:
    with Provider() as limited:
        limited.fail("429", after=276)
        service = make_service(STAFF, "Product/Limited", {"url": limited.url})
        set_states(service, "active", "completed")
        observations.refresh(actor=STAFF, service_uuid=service.uuid)
        (task,) = work()
        assert (task.status, kind_of(service)) == ("waiting", "")


def test_batches_are_maintenance(
    made: list[Service], settings: Settings, drain: Callable[..., None]
) -> None:
    """They are hidden and soon deleted, and do not count as jobs of the module that succeeded."""
    maintenance.ENTRIES[ENTRY][1](settings)
    drain(1)
    release()
    hidden = sa.select(Task.status, Task.job).where(tasks.MAINTENANCE)
    assert [tuple(row) for row in session().execute(hidden)] == [("completed", "ReconcileJob")]
    assert module_checks.differences(settings).state == "warn"
    with transaction() as current:
        current.execute(sa.update(Task).values(ended_at=now() - timedelta(hours=2)))
    assert tasks.prune(0) == 1
