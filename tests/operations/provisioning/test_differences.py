"""Refresh, and what staff do about a difference between a service and its provider."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.errors import ConflictError, PermissionDenied
from puqpanel.host import registry
from puqpanel.infra.db import session, transaction
from puqpanel.infra.settings import Settings
from puqpanel.models import Module, Service, ServiceDifference, Task
from puqpanel.operations.oversight import tasks
from puqpanel.operations.provisioning import differences, observations, requests
from tests.operations.provisioning.provider_file import (
    STAFF,
    again,
    audited,
    kind_of,
    made_active,
    provider,
    refreshed,
    seen,
    serving,
    set_states,
    source,
    states,
    work,
)
from tests.sample import make_service, write_module


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return tmp_path / "book.json"


@pytest.fixture
def settings(settings: Settings, tmp_path: Path, book: Path) -> Settings:
    write_module(tmp_path / "modules", source(book), name="Cloud")
    blind = "from puqpanel.sdk import Product\nclass Blind(Product): pass\n"
    write_module(tmp_path / "modules", blind, name="Blind")
    return replace(settings, modules_dir=tmp_path / "modules")


@pytest.fixture
def cloud(app: Panel, settings: Settings) -> Iterator[Panel]:
    with serving(app, settings, "Cloud", "Blind") as panel:
        yield panel


@pytest.fixture
def service(cloud: Panel) -> Service:
    return made_active(make_service(STAFF, "Product/Cloud"))


def test_a_service_that_agrees_has_no_difference(service: Service, book: Path) -> None:
    assert refreshed(service) == ""
    row = again(service)
    assert row.observed_at is not None and row.observe_at is not None
    assert len(audited("service.refreshed")) == 1
    assert provider(book)["log"] == ["create"], "nothing is changed at the provider"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"exists": False}, "gone"),
        ({"suspended": True}, "suspended"),
        ({"data": {"ip": "10.0.0.9"}}, "data"),
    ],
)
def test_what_differs_is_recorded_and_nothing_is_changed(
    service: Service, book: Path, answer: dict[str, object], kind: str
) -> None:
    provider(book, answer=answer)
    assert refreshed(service) == kind
    assert states(service) == ("active", "completed")
    assert provider(book)["log"] == ["create"]
    provider(book, answer={"exists": True, "suspended": False, "data": {"ip": "10.0.0.1"}})
    assert refreshed(service) == "", "a difference that vanished is removed"


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"error": "Busy."}, "failed"),
        ({"pending": True}, "failed"),
        ({"raises": "Bug."}, "failed"),
        ({"answer": {"exists": None}}, "failed"),
        ({"answer": {"exists": "no"}}, "failed"),
    ],
)
def test_an_unknown_state_is_no_difference(
    service: Service, book: Path, values: dict[str, object], status: str
) -> None:
    provider(book, **values)
    observations.refresh(actor=STAFF, service_uuid=service.uuid)
    assert [task.status for task in work()] == [status]
    assert (kind_of(service), states(service)) == ("", ("active", "completed"))
    assert str(again(service).failure) == "", "the service did not fail"


def test_a_refresh_is_not_part_of_the_service(service: Service, book: Path) -> None:
    """It neither keeps an operation waiting nor becomes what Retry repeats."""
    set_states(service, "suspended", "failed", "suspend")
    provider(book, refuses="No.")
    requests.request(actor=STAFF, service_uuid=service.uuid, verb="unsuspend")
    assert [task.status for task in work()] == ["failed"]
    provider(book, refuses="")
    observations.refresh(actor=STAFF, service_uuid=service.uuid)
    tasks.retry_last_task(actor=STAFF, service_uuid=service.uuid)
    assert {task.status for task in work()} == {"completed"}
    assert states(service) == ("active", "completed")


def test_two_clicks_ask_once(service: Service) -> None:
    first = observations.refresh(actor=STAFF, service_uuid=service.uuid)
    second = observations.refresh(actor=STAFF, service_uuid=service.uuid)
    assert (first.id, second.is_duplicate) == (second.id, True)
    assert len(audited("service.refreshed")) == 1


def test_an_answer_to_an_earlier_state_is_ignored(service: Service, book: Path) -> None:
    asked_at = again(service).provision_since
    with transaction():
        used, difference = observations.record(
            service_uuid=service.uuid,
            observation=observations.Observation(exists=False),
            asked_at=asked_at,
        )
    assert (used, difference, kind_of(service)) == (False, None, "")
    assert again(service).observe_at is None, "it is asked again"


def test_refresh_is_refused_where_nothing_can_be_asked(cloud: Panel, service: Service) -> None:
    other = make_service(STAFF, "Product/Blind", client=service.client)
    set_states(other, "active", "completed")
    with pytest.raises(ConflictError):
        observations.refresh(actor=STAFF, service_uuid=other.uuid)
    for status, provision in (
        ("pending", "pending"),
        ("active", "processing"),
        ("terminated", "terminated"),
        ("cancelled", "pending"),
    ):
        set_states(service, status, provision)
        with pytest.raises(ConflictError):
            observations.refresh(actor=STAFF, service_uuid=service.uuid)


@pytest.mark.parametrize(
    ("before", "answer", "after"),
    [
        (("active", "completed"), {"exists": False}, ("active", "not_found")),
        (("active", "completed"), {"suspended": True}, ("suspended", "suspended")),
        (("active", "failed"), {"suspended": True}, ("suspended", "suspended")),
        (("suspended", "suspended"), {"suspended": False}, ("active", "completed")),
        (("active", "not_found"), {"exists": True}, ("active", "completed")),
        (("active", "not_found"), {"suspended": True}, ("suspended", "suspended")),
        (("pending", "failed"), {"exists": True}, ("active", "completed")),
        (("pending", "failed"), {"suspended": True}, ("suspended", "suspended")),
        (("fraud", "completed"), {"exists": False}, ("fraud", "not_found")),
    ],
)
def test_taking_over_a_state(
    service: Service,
    book: Path,
    before: tuple[str, str],
    answer: dict[str, object],
    after: tuple[str, str],
) -> None:
    set_states(service, *before)
    provider(book, answer=answer)
    assert refreshed(service)
    differences.take_over(actor=STAFF, service_uuid=service.uuid, seen=seen(service))
    assert (states(service), kind_of(service)) == (after, "")
    assert provider(book)["log"] == ["create"], "nothing is sent to the provider"
    assert len(audited("service.taken_over")) == 1
    assert refreshed(service) == "", "the panel and the provider agree"


def test_taking_over_data(service: Service, book: Path) -> None:
    provider(book, answer={"data": {"ip": "10.0.0.9", "password": "hidden-value-1"}})
    assert refreshed(service) == "data"
    differences.take_over(actor=STAFF, service_uuid=service.uuid, seen=seen(service))
    assert again(service).provision_data["ip"] == "10.0.0.9"
    (entry,) = audited("service.taken_over")
    assert entry.before == {"ip": "10.0.0.1", "password": None}
    assert entry.after is not None and entry.after["ip"] == "10.0.0.9"
    assert "hidden-value-1" not in str(entry.after)
    assert refreshed(service) == ""


@pytest.mark.parametrize(
    ("before", "answer", "verb"),
    [
        (("active", "completed"), {"suspended": True}, "unsuspend"),
        (("suspended", "suspended"), {"suspended": False}, "suspend"),
        (("active", "completed"), {"data": {"ip": "10.0.0.9"}}, "change_package"),
    ],
)
def test_pushing_again(
    service: Service, book: Path, before: tuple[str, str], answer: dict[str, object], verb: str
) -> None:
    set_states(service, *before)
    provider(book, answer=answer)
    assert refreshed(service)
    assert differences.push_again(actor=STAFF, service_uuid=service.uuid, seen=seen(service)).ok
    assert [task.status for task in work()] == ["completed"]
    assert (states(service), kind_of(service)) == (before, "")
    assert provider(book)["log"] == ["create", verb]
    assert again(service).observe_at is None, "it is compared again soon"
    assert (len(audited("service.pushed_again")), len(audited(f"service.{verb}_requested"))) == (
        1,
        1,
    )
    assert refreshed(service) == ""


def test_a_push_that_failed_can_be_retried(service: Service, book: Path) -> None:
    provider(book, answer={"suspended": True}, refuses="No.")
    assert refreshed(service) == "suspended"
    differences.push_again(actor=STAFF, service_uuid=service.uuid, seen=seen(service))
    work()
    assert (states(service), kind_of(service)) == (("active", "failed"), "suspended")
    provider(book, refuses="")
    tasks.retry_last_task(actor=STAFF, service_uuid=service.uuid)
    work()
    assert (states(service), kind_of(service)) == (("active", "completed"), "")


@pytest.mark.parametrize("taken_over", [False, True])
@pytest.mark.parametrize("before", [("active", "completed"), ("suspended", "suspended")])
def test_a_service_that_is_gone_is_created_again(
    service: Service, book: Path, before: tuple[str, str], taken_over: bool
) -> None:
    set_states(service, *before)
    provider(book, answer={"exists": False})
    assert refreshed(service) == "gone"
    digest = seen(service)
    if taken_over:
        differences.take_over(actor=STAFF, service_uuid=service.uuid, seen=digest)
        digest = ""
    assert differences.create_again(actor=STAFF, service_uuid=service.uuid, seen=digest).ok
    assert states(service) == (before[0], "processing")
    work()
    assert (states(service), kind_of(service)) == (("active", "completed"), "")
    assert provider(book)["log"] == ["create", "create"]
    assert len(audited("service.created_again")) == 1


def test_a_creation_again_that_failed_can_be_retried(service: Service, book: Path) -> None:
    provider(book, answer={"exists": False}, refuses="Full.")
    assert refreshed(service) == "gone"
    differences.create_again(actor=STAFF, service_uuid=service.uuid, seen=seen(service))
    work()
    assert states(service) == ("active", "failed")
    provider(book, refuses="")
    tasks.retry_last_task(actor=STAFF, service_uuid=service.uuid)
    work()
    assert states(service) == ("active", "completed")


def test_a_service_that_exists_is_not_created_again(service: Service, book: Path) -> None:
    with pytest.raises(ConflictError):
        differences.create_again(actor=STAFF, service_uuid=service.uuid, seen="")
    with pytest.raises(ConflictError):
        requests.request(actor=STAFF, service_uuid=service.uuid, verb="create")
    set_states(service, "active", "not_found")
    provider(book, answer={"exists": True})
    assert refreshed(service) == "found"
    for digest in ("", seen(service)):
        with pytest.raises(ConflictError):
            differences.create_again(actor=STAFF, service_uuid=service.uuid, seen=digest)
    assert provider(book)["log"] == ["create"]


def test_a_retry_of_an_earlier_creation_is_refused(service: Service, book: Path) -> None:
    """Another operation failed since, so the creation is not what staff want to repeat."""
    with transaction() as current:
        current.execute(sa.update(Task).values(status="failed"))
    set_states(service, "active", "failed", "suspend")
    with pytest.raises(ConflictError):
        tasks.retry_last_task(actor=STAFF, service_uuid=service.uuid)
    assert provider(book)["log"] == ["create"]


def test_what_is_refused_is_not_recorded_as_done(
    service: Service, book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = registry.current().modules["Product/Cloud"]
    monkeypatch.setattr(loaded.cls, "job_options", {"unsuspend": {"colour": "red"}})
    provider(book, answer={"suspended": True})
    assert refreshed(service) == "suspended"
    pushed = differences.push_again(actor=STAFF, service_uuid=service.uuid, seen=seen(service))
    assert not pushed.ok
    provider(book, answer={"exists": False})
    assert refreshed(service) == "gone"
    monkeypatch.delitem(registry.current().modules, loaded.key)
    with pytest.raises(ConflictError, match="not active"):
        differences.create_again(actor=STAFF, service_uuid=service.uuid, seen=seen(service))
    assert states(service) == ("active", "not_found")
    assert [len(audited(f"service.{one}")) for one in ("pushed_again", "created_again")] == [0, 0]
    assert len(audited("service.taken_over")) == 1


CHOICES = (differences.take_over, differences.push_again, differences.create_again)


@pytest.mark.parametrize("choose", CHOICES)
def test_a_choice_needs_the_difference_that_was_seen(
    service: Service, book: Path, choose: Callable[..., object]
) -> None:
    provider(book, answer={"suspended": True})
    refreshed(service)
    digest = seen(service)
    provider(book, answer={"exists": False})
    refreshed(service)
    for old in (digest, "", "x" * 20):
        with pytest.raises(ConflictError):
            choose(actor=STAFF, service_uuid=service.uuid, seen=old)
    assert (states(service), provider(book)["log"]) == (("active", "completed"), ["create"])


@pytest.mark.parametrize("choose", CHOICES)
def test_a_choice_waits_for_the_operation_in_progress(
    service: Service, book: Path, choose: Callable[..., object]
) -> None:
    provider(book, answer={"exists": False})
    refreshed(service)
    digest = seen(service)
    requests.request(actor=STAFF, service_uuid=service.uuid, verb="suspend")
    with pytest.raises(ConflictError):
        choose(actor=STAFF, service_uuid=service.uuid, seen=digest)


STATE: dict[str, object] = {"suspended": True}
DATA: dict[str, object] = {"data": {"ip": "10.0.0.9"}}
PROVISION, MANAGE = {"services.provision"}, {"services.manage"}


@pytest.mark.parametrize(
    ("choose", "granted", "answer", "allowed"),
    [
        (differences.take_over, MANAGE, STATE, False),
        (differences.take_over, PROVISION, STATE, True),
        (differences.take_over, PROVISION, DATA, False),
        (differences.take_over, MANAGE, DATA, True),
        (differences.take_over, PROVISION, STATE | DATA, False),
        (differences.take_over, MANAGE, STATE | DATA, False),
        (differences.take_over, PROVISION | MANAGE, STATE | DATA, True),
        (differences.push_again, MANAGE, STATE, False),
        (differences.push_again, PROVISION, STATE, True),
        (differences.create_again, MANAGE, {"exists": False}, False),
        (differences.create_again, PROVISION, {"exists": False}, True),
    ],
)
def test_permissions(
    service: Service,
    book: Path,
    choose: Callable[..., object],
    granted: set[str],
    answer: dict[str, object],
    allowed: bool,
) -> None:
    provider(book, answer=answer)
    refreshed(service)
    digest = seen(service)
    actor = replace(STAFF, permissions=frozenset({"services.view", *granted}))
    if allowed:
        choose(actor=actor, service_uuid=service.uuid, seen=digest)
        return
    with pytest.raises(PermissionDenied):
        choose(actor=actor, service_uuid=service.uuid, seen=digest)
    assert (states(service), kind_of(service) != "") == (("active", "completed"), True)


def test_refreshing_needs_the_permission_to_provision(service: Service) -> None:
    actor = replace(STAFF, permissions=frozenset({"services.view", "services.manage"}))
    with pytest.raises(PermissionDenied):
        observations.refresh(actor=actor, service_uuid=service.uuid)


def test_an_operation_that_completes_removes_the_difference(service: Service, book: Path) -> None:
    provider(book, answer={"suspended": True})
    refreshed(service)
    requests.request(actor=STAFF, service_uuid=service.uuid, verb="terminate")
    work()
    assert states(service) == ("terminated", "terminated")
    assert session().scalars(sa.select(ServiceDifference.id)).all() == []


def test_a_bug_in_observe_counts_against_its_module(service: Service, book: Path) -> None:
    provider(book, raises="Bug.")
    observations.refresh(actor=STAFF, service_uuid=service.uuid)
    work()
    failures = sa.select(Module.failure_count).where(Module.name == "Cloud")
    assert session().scalar(failures) == 1
