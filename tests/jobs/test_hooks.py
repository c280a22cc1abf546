"""Listeners of modules: who is told, in which order, and that nobody else pays for one that
fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel, create_app
from puqpanel.domain.errors import UserError
from puqpanel.domain.principals import Principal, PrincipalKind
from puqpanel.host.calls import Called
from puqpanel.host.contract.result import Result
from puqpanel.infra.clock import now
from puqpanel.infra.db import release, session, transaction
from puqpanel.infra.events import raise_event
from puqpanel.infra.settings import Settings
from puqpanel.jobs.modules import outcome_of
from puqpanel.live import dismantle
from puqpanel.models import Module, ModuleLog, Service, Task
from puqpanel.operations.modules import breaker, hooks, lifecycle, module_list, parking
from puqpanel.operations.modules.availability import unavailable_reason
from puqpanel.tasks.outcome import Outcome
from tests.sample import activate, make_service, write_module

STAFF = Principal(PrincipalKind.STAFF, None, "A test", permissions=frozenset({"*"}))
EAR_TASK = Task(module="Plugin/Ear")
EAR = """
    from puqpanel.sdk import Plugin, log_module

    class {name}(Plugin):
        def heard(self, event, payload):
            self.log_info("heard by a method", event, payload)
"""
HOOKS = """
    from puqpanel.sdk import Event, Hook, log_module

    def first(payload):
        log_module("Plugin", "Ear", "first", "info", payload)
        payload.clear()

    def second(event, payload):
        log_module("Plugin", "Ear", "second", "info", payload)

    def told(word):
        return lambda payload: log_module("Plugin", "Ear", word, "info", payload)

    HOOKS = [
        Hook("staff.after_logout", told("one lambda"), priority=2),
        Hook("staff.after_logout", told("another lambda"), priority=1),
        Hook("service.pending", second, priority=-5),
        Hook("service.pending", first, priority=10),
        Hook("service.pending", "heard"),
    ]
"""
LOUD = """
    import os
    from puqpanel.sdk import Hook

    def loud(payload):
        raise RuntimeError("no")

    def deadly(payload):
        os._exit(3)

    HOOKS = [Hook("service.pending", loud, priority=100), Hook("service.pending", deadly, priority=99)]
"""


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    write_module(
        tmp_path / "modules",
        "from puqpanel.sdk import Product\n\nclass Echo(Product):\n    def create_job(self):\n     "
        "   return {'status': 'success'}\n",
    )
    write_module(
        tmp_path / "modules",
        EAR.format(name="Ear"),
        type="Plugin",
        name="Ear",
        files={"hooks.py": HOOKS},
    )
    write_module(
        tmp_path / "modules",
        EAR.format(name="Loud"),
        type="Plugin",
        name="Loud",
        files={"hooks.py": LOUD},
    )
    return replace(settings, modules_dir=tmp_path / "modules")


@pytest.fixture
def panel(app: Panel, settings: Settings) -> Iterator[Panel]:
    with app.app_context():
        for name, kind in (("Echo", "Product"), ("Ear", "Plugin"), ("Loud", "Plugin")):
            activate(app, STAFF, name, kind)
        release()
    fresh = create_app(settings)
    with fresh.app_context():
        yield fresh
    dismantle(fresh)


def heard() -> list[str]:
    release()
    return list(
        session().scalars(
            sa.select(ModuleLog.action).where(ModuleLog.name == "Ear").order_by(ModuleLog.id)
        )
    )


def test_listeners_run_in_order_and_a_crash_affects_one_only(
    panel: Panel, drain: Callable[..., None]
) -> None:
    make_service(STAFF)
    assert heard() == [], "nobody is told in the request"
    drain(8)
    assert heard() == ["first", "heard by a method", "second"]
    ends = (
        session()
        .execute(sa.select(Task.title, Task.status).where(Task.job == "HookJob").order_by(Task.id))
        .all()
    )
    assert [row.status for row in ends] == [
        "failed",
        "lost",
        "completed",
        "completed",
        "completed",
    ], ends
    # each listener has a payload of its own: the first one emptied its copy
    texts = list(
        session().scalars(
            sa.select(ModuleLog.request).where(
                ModuleLog.action.in_(("heard by a method", "second"))
            )
        )
    )
    uuid = session().scalar(sa.select(Service.uuid))
    requests = list(
        session().scalars(
            sa.select(ModuleLog.response).where(ModuleLog.action == "heard by a method")
        )
    )
    assert all(str(uuid) in text for text in [texts[-1], *requests])


def test_listeners_with_the_same_name_all_run(panel: Panel, drain: Callable[..., None]) -> None:
    raise_event("staff.after_logout", {"staff_uuid": "x", "ip": ""})
    drain(3)
    assert heard() == ["one lambda", "another lambda"]


def test_rolled_back_event_reaches_no_listener(panel: Panel) -> None:
    with pytest.raises(ValueError, match="back"), transaction():
        raise_event("service.pending", {"service_uuid": "x"})
        raise ValueError("back")
    assert session().scalar(sa.select(sa.func.count(Task.id))) == 0


def test_repeated_event_runs_listeners_again(panel: Panel) -> None:
    for _ in range(2):
        raise_event("service.pending", {"service_uuid": "x"})
    release()
    assert session().scalar(sa.select(sa.func.count(Task.id))) == 10


def test_event_loops_end(panel: Panel) -> None:
    token = hooks.depth.set(hooks.MAX_DEPTH)
    try:
        raise_event("service.pending", {"service_uuid": "x"})
    finally:
        hooks.depth.reset(token)
    assert session().scalar(sa.select(sa.func.count(Task.id))) == 0


def test_listener_of_an_inactive_module_is_parked(
    panel: Panel, settings: Settings, drain: Callable[..., None]
) -> None:
    raise_event("service.pending", {"service_uuid": "x"})
    lifecycle.deactivate(
        actor=STAFF, modules_dir=settings.modules_dir, module_type="Plugin", name="Loud"
    )
    drain(8)
    assert len(heard()) == 3
    waiting = session().scalars(sa.select(Task).where(Task.module == "Plugin/Loud")).all()
    assert {task.status for task in waiting} == {"parked"} and "not active" in str(waiting[0].note)


def test_repeated_failures_open_the_circuit_breaker_until_staff_resume(
    panel: Panel, settings: Settings, drain: Callable[..., None]
) -> None:
    for _ in range(4):
        raise_event("service.pending", {"service_uuid": "x"})
    drain(12)
    release()
    loud, ear = (
        session().scalars(sa.select(Module).where(Module.name == name)).one()
        for name in ("Loud", "Ear")
    )
    assert (
        "failed repeatedly" in str(loud.circuit_open_reason)
        and loud.circuit_opened_at
        and not str(ear.circuit_open_reason)
    )
    assert len(heard()) == 12, "everybody else was told each time"
    parked = (
        session()
        .scalars(sa.select(Task).where(Task.module == "Plugin/Loud", Task.status == "parked"))
        .all()
    )
    assert len(parked) == 3 and all("circuit breaker" in str(task.note) for task in parked)
    shown = {one.name: one for one in module_list.list_modules(settings.modules_dir)}
    assert (
        shown["Loud"].status == "failing"
        and "failed repeatedly" in str(shown["Loud"].reason)
        and shown["Ear"].status == "active"
    )
    assert parking.unpark_served() == 0
    parking.resume(actor=STAFF, module_type="Plugin", name="Loud")
    release()
    assert {
        task.status
        for task in session().scalars(
            sa.select(Task)
            .where(Task.id.in_([one.id for one in parked]))
            .execution_options(populate_existing=True)
        )
    } == {"queued"}
    assert unavailable_reason("Plugin/Loud") == ""


@pytest.fixture
def due_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make trials due at once."""
    monkeypatch.setattr(breaker, "TRIAL_INTERVAL", timedelta(0))
    monkeypatch.setattr(parking, "MIN_PARKED_SECONDS", 0)


def statuses(module: str) -> list[str]:
    release()
    return list(
        session().scalars(sa.select(Task.status).where(Task.module == module).order_by(Task.id))
    )


@pytest.mark.usefixtures("due_trials")
def test_a_completed_trial_closes_the_circuit_breaker(
    panel: Panel, drain: Callable[..., None]
) -> None:
    breaker.record_failure("Plugin/Ear", "broken", breaker.FAILURE_LIMIT)
    raise_event("service.pending", {"service_uuid": "x"})
    before_trial = session().scalars(sa.select(Task).where(Task.module == "Plugin/Ear")).all()
    tasks = len(before_trial)
    with transaction():
        for task in before_trial:
            task.status, task.ended_at = "parked", now()
    with transaction():
        breaker.record_outcome(
            Task(module="Plugin/Ear", started_at=now() - timedelta(1)), Outcome("completed")
        )
        breaker.record_outcome(
            Task(module="Plugin/Ear", started_at=now()), Outcome("completed", blame=False)
        )
    assert unavailable_reason("Plugin/Ear"), "neither an earlier attempt nor one without a call"
    assert parking.unpark_served() == 1
    drain(8)
    assert statuses("Plugin/Ear") == ["completed", *["parked"] * (tasks - 1)]
    assert unavailable_reason("Plugin/Ear") == ""
    assert parking.unpark_served() == tasks - 1
    drain(8)
    assert set(statuses("Plugin/Ear")) == {"completed"}


@pytest.mark.usefixtures("due_trials")
def test_a_failed_trial_leaves_the_circuit_breaker_open(
    panel: Panel, drain: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    breaker.record_failure("Plugin/Loud", "broken", breaker.FAILURE_LIMIT)
    raise_event("service.pending", {"service_uuid": "x"})
    with transaction():
        for task in session().scalars(sa.select(Task).where(Task.module == "Plugin/Loud")):
            task.status, task.ended_at = "parked", now()
    assert parking.unpark_served() == 1
    monkeypatch.setattr(breaker, "TRIAL_INTERVAL", timedelta(minutes=15))
    assert parking.unpark_served() == 0
    monkeypatch.setattr(breaker, "TRIAL_INTERVAL", timedelta(0))
    drain(2)
    assert "parked" in statuses("Plugin/Loud") and "failed" in statuses("Plugin/Loud")
    assert unavailable_reason("Plugin/Loud")
    monkeypatch.setattr(breaker, "TRIAL_INTERVAL", timedelta(minutes=15))
    assert parking.unpark_served() == 0, "the next trial is due 15 minutes after the last"


def test_provider_outages_and_lost_workers_do_not_open_the_circuit_breaker(panel: Panel) -> None:
    away = Called(None, Result.error("away"), "away", raised=True)
    broken = Called(None, Result.error("broken"), "broken", "A1B2", raised=True)
    for outcome in [
        outcome_of(away, EAR_TASK),
        Outcome("lost", "gone", blame=False),
    ] * breaker.FAILURE_LIMIT:
        with transaction():
            breaker.record_outcome(EAR_TASK, outcome)
    assert unavailable_reason("Plugin/Ear") == ""
    for _ in range(breaker.FAILURE_LIMIT):
        with transaction():
            breaker.record_outcome(EAR_TASK, outcome_of(broken, EAR_TASK))
    assert "broken" in str(unavailable_reason("Plugin/Ear"))


def test_completed_attempt_resets_the_failure_count(panel: Panel) -> None:
    for _ in range(breaker.FAILURE_LIMIT - 1):
        with transaction():
            breaker.record_outcome(EAR_TASK, Outcome("exception", "no"))
    with transaction():
        breaker.record_outcome(EAR_TASK, Outcome("retry", "an answer"))
        breaker.record_outcome(EAR_TASK, Outcome("exception", "no"))
    assert unavailable_reason("Plugin/Ear") == ""


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("HOOKS = [Hook('service.create_faild', print)]", "did you mean service.create_failed?"),
        ("HOOKS = [Hook('invoice.exploded', print)]", "no event “invoice.exploded”"),
        ("HOOKS = [Hook('nodots', print)]", "dotted words"),
        ("HOOKS = [Hook('service.pending', 'nothing')]", "calls nothing()"),
        (
            "HOOKS = [Hook('service.pending', lambda a, b, c: None)]",
            "must take (payload) or (event, payload)",
        ),
        ("HOOKS = [Hook('service.pending', 5)]", "neither a function"),
        ("HOOKS = [Hook('service.pending', print, 'high')]", "whole number"),
        ("HOOKS = {'service.pending': print}", "defines no HOOKS"),
        ("HOOKS = [5]", "write Hook(event, listener, priority)"),
        ("HOOKS = [Hook('service.pending', print)] * 300", "at most 200"),
        ("1 / 0", "hooks.py"),
        ("import sys; sys.exit(3)", "hooks.py"),
    ],
)
def test_invalid_listeners_are_refused(
    panel: Panel, settings: Settings, source: str, says: str
) -> None:
    write_module(
        settings.modules_dir,
        EAR.format(name="Bad"),
        type="Plugin",
        name="Bad",
        files={"hooks.py": f"from puqpanel.sdk import Hook\n{source}\n"},
    )
    with pytest.raises(UserError) as refusal:
        activate(panel, STAFF, "Bad", "Plugin")
    assert says in str(refusal.value)


def test_modules_can_listen_to_their_own_events(panel: Panel, settings: Settings) -> None:
    source = (
        "from puqpanel.sdk import Hook\nHOOKS = [{'event': 'cloud.account.created', 'listener':"
        " lambda: None}]\n"
    )
    write_module(
        settings.modules_dir,
        EAR.format(name="Good"),
        type="Plugin",
        name="Good",
        files={"hooks.py": source},
    )
    activate(panel, STAFF, "Good", "Plugin")
    rows: list[Any] = list(session().scalars(sa.select(Module.status).where(Module.name == "Good")))
    assert rows == ["active"]
