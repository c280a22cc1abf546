"""Waiting tasks take turns, by client and by module."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from puqpanel.domain.principals import Principal, PrincipalKind
from puqpanel.infra import queue
from puqpanel.infra.clock import now
from puqpanel.infra.db import release, session, transaction
from puqpanel.infra.settings import Settings
from puqpanel.live import Live, dismantle
from puqpanel.models import Service, Task, TaskAttempt
from puqpanel.tasks import add, claim, control, sweep, turns, worker
from tests.conftest import BACKEND
from tests.sample import activate, make_client, make_service, write_module
from tests.tasks import queued

STAFF = Principal(PrincipalKind.STAFF, None, "A test", permissions=frozenset({"*"}))


@pytest.fixture(autouse=True)
def panel(settings: Settings, tmp_path: Path) -> Iterator[None]:
    """A panel with a product module."""
    write_module(
        tmp_path / "modules", "from puqpanel.sdk import Product\n\n\nclass Echo(Product): ...\n"
    )
    live = Live(replace(settings, modules_dir=tmp_path / "modules"))
    with live.ensure().app_context():
        activate(live.ensure(), STAFF)
    with live.ensure().app_context():
        yield
    assert live.app is not None
    dismantle(live.app)


def service_of(name: str) -> Service:
    client, _ = make_client(STAFF, name, f"{name}@client.test".lower())
    return make_service(STAFF, client=client)


def ask(service: Service | None, number: int = 0, module: str = "Product/Echo") -> Task:
    about = {"subject_type": "service", "subject_uuid": service.uuid} if service else {}
    return add.add(
        job="MaintenanceJob", module=module, data={"entry": "none", "n": number}, **about
    )


def order(tasks: list[Task]) -> list[int]:
    """Claim all tasks as one worker would; return their places in the list."""
    places, found = {task.id: place for place, task in enumerate(tasks)}, []
    for task in tasks:
        following = turns.pick(task.queue)
        assert following is not None and claim.claim(following[0], "a worker") is not None
        found.append(places[following[0]])
    assert turns.pick(tasks[0].queue) is None
    return found


def test_tasks_of_one_client_run_in_their_order() -> None:
    service = service_of("Ada")
    assert order([ask(service, n) for n in range(5)]) == [0, 1, 2, 3, 4]


def test_a_client_with_many_tasks_does_not_delay_another() -> None:
    many, one = service_of("Ada"), service_of("Bob")
    tasks = [ask(many, n) for n in range(30)]
    for task in tasks[:10]:
        assert claim.claim(task.id, "a worker")
    tasks = [*tasks[10:], ask(one)]
    assert order(tasks)[:3] == [0, 20, 1]


def test_two_clients_with_many_tasks_alternate() -> None:
    ada, bob = service_of("Ada"), service_of("Bob")
    tasks = [ask(ada, n) for n in range(4)] + [ask(bob, n) for n in range(4)]
    assert order(tasks) == [0, 4, 1, 5, 2, 6, 3, 7]


def test_a_module_with_tasks_of_many_clients_does_not_delay_another() -> None:
    owners = [service_of(f"Client{n}") for n in range(12)]
    tasks = [ask(service) for service in owners[:-1]]
    for task in tasks[:4]:
        assert claim.claim(task.id, "a worker")
    tasks = [*tasks[4:], ask(owners[-1], module="Product/Other")]
    assert order(tasks)[:3] == [0, 7, 1]


def test_a_module_without_clients_takes_turns_too() -> None:
    tasks = [ask(None, n, "Plugin/Busy") for n in range(20)]
    assert order([*tasks, ask(None, 0, "Plugin/Idle")])[:3] == [0, 20, 1]


def test_queues_are_independent() -> None:
    ask(None, 1)
    other = add.add(job="MaintenanceJob", queue="System", data={"entry": "none"})
    assert (turns.pick(other.queue) or (0, ""))[0] == other.id
    assert add.add(job="MaintenanceJob", queue="Unknown", data={"n": 2}).queue == "Module"


def test_all_run_once_whatever_the_order_of_their_ids(drain: Callable[..., None]) -> None:
    services = [service_of("Ada"), service_of("Bob")]
    tasks = [ask(services[n >= 6], n) for n in range(9)]
    release()
    drain()
    assert set(session().scalars(sa.select(Task.status))) == {"completed"}
    started = session().scalars(sa.select(TaskAttempt.task_id).order_by(TaskAttempt.id)).all()
    assert started == [tasks[n].id for n in (0, 6, 1, 7, 2, 8, 3, 4, 5)]
    assert queued.task_ids() == []


def test_a_task_that_was_not_sent_does_not_run() -> None:
    cancelled, released, closed = (ask(None, n) for n in range(3))
    control.cancel(cancelled.uuid, by="A test")
    task = claim.claim(released.id, "a worker")
    assert task is not None and task.dispatched_at is None
    claim.release(task, "a worker")
    delayed = add.add(job="MaintenanceJob", data={"n": 9}, delay=60)
    release()
    rows = session().execute(sa.select(Task.id, Task.turn)).all()
    assert {row.id for row in rows if row.turn is not None} == {closed.id}
    with transaction() as current:
        current.execute(sa.update(Task).where(Task.id == delayed.id).values(run_at=now()))
        current.execute(sa.update(Task).where(Task.id == released.id).values(run_at=now()))
    assert sweep.send_due() == 2, "the released one and the delayed one"
    assert len(order([released, closed, delayed])) == 3


@pytest.mark.parametrize("kept", [0, 2, 5])
def test_as_many_ids_are_sent_again_as_are_missing(kept: int) -> None:
    tasks = [ask(None, n) for n in range(5)]
    queue.connection().flushall()
    for task in tasks[:kept]:
        queue.send(task.id, task.queue, 60)
    queued.sent_long_ago()
    assert sweep.send_due() == 5 - kept
    assert len(queued.task_ids()) == 5 and sweep.send_due() == 0


def test_tasks_that_older_code_sent_run_and_get_a_turn() -> None:
    task = ask(None)
    with transaction() as current:
        current.execute(sa.update(Task).values(turn=None, flow=""))
    assert turns.pick(task.queue) is None, "its worker then claims the ID that it received"
    queued.sent_long_ago()
    queue.connection().flushall()
    assert sweep.send_due() == 1 and turns.pick(task.queue) == (task.id, "Product/Echo")


def test_a_long_queue_does_not_stop_the_others(drain: Callable[..., None]) -> None:
    tasks = [ask(None, n) for n in range(20)]
    others = [
        add.add(job="MaintenanceJob", queue=name, data={"entry": "none"})
        for name in ("Notification", "Billing", "System")
    ]
    release()
    drain()
    started = session().scalars(sa.select(TaskAttempt.task_id).order_by(TaskAttempt.id)).all()
    assert {*started} == {task.id for task in (*tasks, *others)}
    assert {task.id for task in others} < {*started[:9]}


@pytest.mark.parametrize("status", ["queued", "retrying", "waiting"])
def test_some_picks_are_by_age_so_that_no_task_starves(status: str) -> None:
    old, *_ = [ask(None, n) for n in range(5)]
    first = ask(None, 0, "Plugin/Idle")
    with transaction() as current:
        last = {"turn": 9 * turns.ROUND, "status": status}
        current.execute(sa.update(Task).where(Task.id == old.id).values(last))
    following = [turns.pick("Module", longest_due=by_age) for by_age in (False, True)]
    assert [found and found[0] for found in following] != [old.id, old.id]
    assert following[1] == (old.id, "Product/Echo") and first.turn is not None


def test_workers_pick_by_age_too(drain: Callable[..., None]) -> None:
    tasks = [ask(None, n) for n in range(12)]
    with transaction() as current:
        current.execute(sa.update(Task).where(Task.id == tasks[0].id).values(turn=9 * turns.ROUND))
    release()
    drain()
    started = session().scalars(sa.select(TaskAttempt.task_id).order_by(TaskAttempt.id)).all()
    assert started[0] == tasks[1].id and tasks[0].id in started[: worker.LONGEST_DUE_EVERY]


@pytest.mark.parametrize("damage", ["data", "attempt"])
def test_a_task_that_cannot_be_claimed_does_not_stop_the_others(
    damage: str, drain: Callable[..., None]
) -> None:
    bad, *good = [ask(None, n) for n in range(4)]
    with transaction() as current:
        if damage == "data":
            current.execute(sa.text("UPDATE tasks SET data = 'xx' WHERE id = :id"), {"id": bad.id})
        else:
            current.add(TaskAttempt(task_id=bad.id, number=1, owner="another"))
    bad_id, good_ids = bad.id, {task.id for task in good}
    session().expunge_all()
    release()
    drain(rounds=1)
    statuses = dict(session().execute(sa.select(Task.id, Task.status)).all())
    assert {statuses[one] for one in good_ids} == {"completed"}
    waits = session().execute(
        sa.select(Task.status, Task.run_at, Task.note).where(Task.id == bad_id)
    )
    status, run_at, note = waits.one()
    assert status == "queued" and run_at > now() and "could not start this task" in str(note)


def test_turns_that_older_code_left_are_cleared() -> None:
    waiting, running, ended = (ask(None, n) for n in range(3))
    with transaction() as current:
        for task, status in ((running, "running"), (ended, "completed")):
            current.execute(sa.update(Task).where(Task.id == task.id).values(status=status))
    sweep.send_due()
    with_turn = session().scalars(sa.select(Task.id).where(Task.turn.is_not(None))).all()
    assert with_turn == [waiting.id]


def test_a_long_queue_does_not_hide_tasks_that_were_never_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sweep, "BATCH_SIZE", 3)
    for number in range(10):
        ask(None, number)
    late = now() - timedelta(seconds=sweep.SEND_GRACE_SECONDS + 1)
    with transaction() as current:
        current.execute(sa.update(Task).values(dispatched_at=late, run_at=late))
    delayed = add.add(job="MaintenanceJob", data={"n": 99}, delay=60)
    with transaction() as current:
        current.execute(sa.update(Task).where(Task.id == delayed.id).values(run_at=now()))
    assert sweep.send_due() == 1 and queued.task_ids()[-1] == delayed.id


@pytest.mark.skipif(BACKEND != "mariadb", reason="MariaDB only")
@pytest.mark.parametrize("scheme", ["mysql+pymysql", "mariadb+pymysql"])
def test_mariadb_is_told_which_indexes_to_use(scheme: str) -> None:
    dialect = sa.create_engine(f"{scheme}://127.0.0.1/x").dialect
    for query in (turns.OF_FLOW, turns.OF_MODULE, turns.NEXT, turns.LONGEST_DUE, turns.LOWEST):
        text = str(query.compile(dialect=dialect))
        assert text.count("FORCE INDEX (ix_tasks_") == text.count("FROM tasks")
