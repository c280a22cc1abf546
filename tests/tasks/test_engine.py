"""The task engine with a real database, queue server and workers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.errors import ConflictError, UserError
from puqpanel.domain.task_states import OnLoss, TaskStatus
from puqpanel.infra import queue
from puqpanel.infra.clock import now
from puqpanel.infra.db import db, release, session, transaction
from puqpanel.models import Task, TaskAttempt
from puqpanel.tasks import add, claim, control, fence, run, sweep
from puqpanel.tasks.outcome import Outcome
from tests.tasks import queued


class Recorder:
    """Handler that returns the given outcomes and records its calls."""

    def __init__(self, *outcomes: Outcome | BaseException) -> None:
        self.outcomes = list(outcomes)
        self.ran: list[int] = []
        self.settled: list[tuple[str, str]] = []

    def run(self, task: Task) -> Outcome:
        self.ran.append(task.attempt)
        outcome = self.outcomes.pop(0) if self.outcomes else Outcome("completed")
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def settle(self, task: Task, outcome: Outcome) -> None:
        self.settled.append((task.status, outcome.kind))


def fresh(task_id: int) -> Task:
    release()
    return session().get_one(Task, task_id, populate_existing=True)


def make_due(task_id: int) -> None:
    with transaction() as current:
        current.execute(
            sa.update(Task).where(Task.id == task_id).values(run_at=now(), dispatched_at=None)
        )


def test_a_task_is_enqueued_after_the_commit(panel: Panel) -> None:
    with transaction():
        task = add.add(job="Test", data={"x": 1}, tags=["a", "b", "a"])
        assert queue.lengths()["Module"] == 0
    assert queue.lengths()["Module"] == 1
    assert queued.task_ids() == [task.id]
    row = fresh(task.id)
    assert (row.status, row.data, [tag.tag for tag in row.tags]) == ("queued", {"x": 1}, ["a", "b"])


def test_a_rolled_back_task_is_not_enqueued(panel: Panel) -> None:
    with pytest.raises(ZeroDivisionError), transaction():
        add.add(job="Test")
        raise ZeroDivisionError
    with transaction():
        with pytest.raises(ZeroDivisionError), transaction():
            add.add(job="Test")
            raise ZeroDivisionError
        task = add.add(job="Test", data={"committed": True})
    assert session().scalars(sa.select(Task.id)).all() == [task.id]
    assert queued.task_ids() == [task.id]


def test_no_secret_enters_the_queue_server(panel: Panel) -> None:
    add.add(job="Test", data={"password": "hunter2-canary"}, tags=["tag"])
    server = queue.connection()
    dump = b"".join(repr(server.dump(key)).encode() for key in server.scan_iter())
    assert b"canary" not in dump
    for key in server.scan_iter("rq:job:*"):
        assert b"canary" not in repr(server.hgetall(key)).encode()


def test_identical_queued_tasks_are_one_row(panel: Panel) -> None:
    first = add.add(job="Test", data={"a": 1}, tags=["x", "y"])
    second = add.add(job="Test", data={"a": 1}, tags=["y", "x"])
    other = add.add(job="Test", data={"a": 2}, tags=["x", "y"])
    assert second.id == first.id and second.is_duplicate and other.id != first.id
    assert fresh(first.id).duplicates == 1
    handler = Recorder()
    run.run(first.id, {"Test": handler})
    third = add.add(job="Test", data={"a": 1}, tags=["x", "y"])
    assert third.id != first.id and not third.is_duplicate


def test_concurrent_adds_of_identical_tasks_create_one_row(panel: Panel) -> None:
    barrier, task_ids = threading.Barrier(4), []

    def add_task() -> None:
        with panel.app_context():
            barrier.wait()
            task_ids.append(add.add(job="Test", data={"race": True}).id)

    threads = [threading.Thread(target=add_task) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(task_ids) == 4 and len(set(task_ids)) == 1


def test_a_task_delivered_twice_runs_once(panel: Panel) -> None:
    task, handler = add.add(job="Test"), Recorder()
    run.run(task.id, {"Test": handler})
    run.run(task.id, {"Test": handler})
    assert handler.ran == [1] and fresh(task.id).status == "completed"


def test_only_one_of_several_concurrent_claims_succeeds(panel: Panel) -> None:
    task, barrier, winners = add.add(job="Test"), threading.Barrier(4), []

    def claim_task(name: str) -> None:
        with panel.app_context():
            barrier.wait()
            if claim.claim(task.id, name) is not None:
                winners.append(name)

    threads = [threading.Thread(target=claim_task, args=(f"w{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(winners) == 1 and fresh(task.id).owner == winners[0]


@pytest.mark.parametrize(
    ("kind", "tries", "expected"),
    [
        ("completed", 1, "completed"),
        ("failed", 3, "failed"),
        ("retry", 1, "failed"),
        ("retry", 2, "retrying"),
        ("exception", 3, "retrying"),
        ("again", 1, "waiting"),
        ("park", 1, "parked"),
        ("timeout", 3, "lost"),
    ],
)
def test_outcome_determines_the_next_status(
    panel: Panel, kind: Any, tries: int, expected: str
) -> None:
    task, handler = (
        add.add(job="Test", tries=tries, backoff=30, max_exceptions=5),
        Recorder(Outcome(kind, "why", {"a": 1})),
    )
    run.run(task.id, {"Test": handler})
    row = fresh(task.id)
    assert (row.status, str(row.note), row.owner, row.lease_until) == (expected, "why", None, None)
    assert handler.settled == [(expected, kind)]
    if expected in ("retrying", "waiting"):
        assert timedelta(seconds=25) < row.run_at - now() <= timedelta(seconds=30)
        assert claim.claim(task.id, "early") is None
    attempt = session().scalars(sa.select(TaskAttempt).where(TaskAttempt.task_id == task.id)).one()
    assert (
        attempt.ended_at is not None
        and attempt.output == {"a": 1}
        and str(attempt.message) == "why"
    )


def test_exceptions_have_their_own_limit(panel: Panel) -> None:
    task, handler = (
        add.add(job="Test", tries=9, backoff=0, max_exceptions=2),
        Recorder(ValueError("secret=hunter2"), ValueError()),
    )
    run.run(task.id, {"Test": handler})
    assert fresh(task.id).status == "retrying" and "hunter2" not in str(fresh(task.id).note)
    make_due(task.id)
    run.run(task.id, {"Test": handler})
    assert fresh(task.id).status == "failed" and handler.ran == [1, 2]


def test_a_job_without_a_handler_fails(panel: Panel) -> None:
    task = add.add(job="Nonsense")
    run.run(task.id, {})
    assert fresh(task.id).status == "failed" and "Nonsense" in str(fresh(task.id).note)


@pytest.mark.parametrize(
    ("on_loss", "status", "doubt"),
    [
        (OnLoss.LOSE, "lost", False),
        (OnLoss.REPEAT, "retrying", False),
        (OnLoss.OBSERVE, "retrying", True),
    ],
)
def test_an_expired_lease_is_settled_according_to_on_loss(
    panel: Panel, on_loss: str, status: str, doubt: bool
) -> None:
    task, handler = add.add(job="Test", on_loss=on_loss), Recorder()
    assert claim.claim(task.id, "dead") is not None
    assert sweep.rescue({"Test": handler}) == 0
    with transaction() as current:
        current.execute(sa.update(Task).values(lease_until=now() - timedelta(seconds=1)))
    assert sweep.rescue({"Test": handler}) == 1
    row = fresh(task.id)
    assert (row.status, row.in_doubt, row.owner) == (status, doubt, None)
    assert handler.settled == [(status, "lost")]
    assert claim.renew(task.id, "dead") is False


def test_rescues_are_limited(panel: Panel) -> None:
    task = add.add(job="Test", on_loss=OnLoss.REPEAT)
    for _ in range(claim.MAX_RESCUES + 1):
        assert claim.claim(task.id, "dead") is not None
        sweep.rescue({}, task.id, "dead")
    assert fresh(task.id).status == "lost"


def test_a_worker_that_lost_its_lease_writes_nothing(panel: Panel) -> None:
    task, late = add.add(job="Test", on_loss=OnLoss.REPEAT), Recorder()

    class Slow(Recorder):
        def run(self, task: Task) -> Outcome:
            sweep.rescue({}, task.id, fence.owner())
            assert claim.claim(task.id, "another") is not None
            with pytest.raises(fence.LeaseLost), transaction():
                fence.check()
            return Outcome("completed")

    handler = Slow()
    run.run(task.id, {"Test": handler})
    row = fresh(task.id)
    assert (
        (row.status, row.owner) == ("running", "another")
        and handler.settled == []
        and late.ran == []
    )


def test_tasks_missing_from_the_queue_are_re_enqueued(panel: Panel) -> None:
    task = add.add(job="Test")
    queue.connection().flushall()
    assert sweep.send_due() == 0, "it may still be in transit"
    queued.sent_long_ago()
    assert sweep.send_due() == 1 and queued.task_ids() == [task.id]
    queued.sent_long_ago()
    assert sweep.send_due() == 0, "it is in the queue"


def test_a_task_stays_queued_while_the_queue_server_is_unavailable(
    panel: Panel, queue_url: str
) -> None:
    queue.use_server("unix:///tmp/nobody-listens-here.sock")
    task = add.add(job="Test")
    assert fresh(task.id).status == "queued" and not queue.ping()
    queue.use_server(queue_url)
    make_due(task.id)
    assert sweep.send_due() == 1


def test_an_identical_task_added_by_a_running_one_runs_after_it(panel: Panel) -> None:
    followers: list[Task] = []

    class Again(Recorder):
        def run(self, task: Task) -> Outcome:
            followers.append(
                add.add(job="Test", data={"check": 1}, tags=["status_check"], backoff=30)
            )
            followers.append(
                add.add(job="Test", data={"check": 1}, tags=["status_check"], backoff=30)
            )
            return Outcome("completed")

    first = add.add(job="Test", data={"check": 1}, tags=["status_check"], backoff=30)
    run.run(first.id, {"Test": Again()})
    assert followers[0].id != first.id and followers[1].id == followers[0].id
    row = fresh(followers[0].id)
    assert row.after_id is None and timedelta(seconds=25) < row.run_at - now() <= timedelta(
        seconds=30
    )


def test_cancel_and_retry(panel: Panel) -> None:
    task = add.add(job="Test", data={"n": 1})
    control.cancel(task.uuid, by="A test")
    assert fresh(task.id).status == "cancelled"
    run.run(task.id, {"Test": Recorder()})
    assert fresh(task.id).status == "cancelled"
    with pytest.raises(ConflictError):
        control.cancel(task.uuid, by="A test")
    control.retry(task.uuid, by="A test")
    run.run(task.id, {"Test": Recorder()})
    assert fresh(task.id).status == "completed"
    with pytest.raises(ConflictError):
        control.retry(task.uuid, by="A test")


def test_invalid_input_is_rejected(panel: Panel) -> None:
    for bad in ({"tries": 0}, {"timeout": 0}, {"backoff": -1}, {"tries": "many"}):
        with pytest.raises(UserError):
            add.add(job="Test", **bad)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="JSON"):
        add.add(job="Test", data={"module": object()})


def test_a_real_worker_drains_the_queue(panel: Panel, drain: Callable[..., None]) -> None:
    task = add.add(job="Nonsense")
    db.session.remove()
    drain()
    row = fresh(task.id)
    assert row.status == TaskStatus.FAILED and row.attempt == 1
    assert fence.take_over(task.id) is None, "the parent clears the task it handed to its child"
    attempt = session().scalars(sa.select(TaskAttempt).where(TaskAttempt.task_id == task.id)).one()
    assert "/" in attempt.owner


@pytest.mark.parametrize(("on_loss", "doubt"), [(OnLoss.LOSE, False), (OnLoss.OBSERVE, True)])
def test_retrying_a_lost_task_observes_the_provider_if_possible(
    panel: Panel, on_loss: str, doubt: bool
) -> None:
    task = add.add(job="Test", on_loss=on_loss)
    assert claim.claim(task.id, "dead") is not None
    with transaction() as current:
        current.execute(sa.update(Task).values(rescues=claim.MAX_RESCUES))
    sweep.rescue({}, task.id, "dead")
    assert fresh(task.id).status == "lost"
    control.retry(task.uuid, by="A test")
    assert fresh(task.id).in_doubt is doubt


def test_a_retrying_task_can_coexist_with_an_identical_queued_one(panel: Panel) -> None:
    """The identical task is added but not committed when the running one is closed."""
    running = add.add(job="Test", data={"a": 1}, tries=2)
    claimed = claim.claim(running.id, "w")
    assert claimed is not None
    added, closed = threading.Event(), []

    def add_identical() -> None:
        with panel.app_context(), transaction():
            add.add(job="Test", data={"a": 1}, tries=2)
            added.set()
            threading.Event().wait(0.5)

    thread = threading.Thread(target=add_identical)
    thread.start()
    added.wait()
    with transaction():
        closed.append(claim.close(claimed, Outcome("retry"), "w", 1))
    thread.join()
    assert closed == [True] and fresh(running.id).status == "retrying"
    assert sorted(session().scalars(sa.select(Task.status))) == ["queued", "retrying"]


def test_retry_is_refused_while_an_identical_task_is_queued(panel: Panel) -> None:
    first = add.add(job="Test", data={"a": 1})
    run.run(first.id, {"Test": Recorder(Outcome("failed"))})
    add.add(job="Test", data={"a": 1})
    with pytest.raises(ConflictError, match="already queued"):
        control.retry(first.uuid, by="A test")
    assert fresh(first.id).status == "failed"


def test_a_timeout_while_saving_the_outcome_does_not_lose_it(panel: Panel) -> None:
    class Late(Recorder):
        def settle(self, task: Task, outcome: Outcome) -> None:
            super().settle(task, outcome)
            if len(self.settled) == 1:
                raise fence.TimedOut("just now")

    task, handler = add.add(job="Test"), Late()
    run.run(task.id, {"Test": handler})
    assert fresh(task.id).status == "completed" and len(handler.settled) == 2


def test_a_long_queue_does_not_hide_missing_tasks(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "BATCH_SIZE", 1)
    first, _ = add.add(job="Test", data={"n": 1}), add.add(job="Test", data={"n": 2})
    queue.connection().flushall()
    queue.send(first.id, "Module", 60)
    queued.sent_long_ago()
    assert [sweep.send_due() for _ in range(3)] == [1, 0, 0]
    assert len(queued.task_ids()) == 2
