"""Probes of Product modules with a failing provider.

After each fault nothing may be lost or duplicated, and staff must see a reason.
"""

import contextlib
import os
import signal
import time
import warnings
from datetime import timedelta

import sqlalchemy as sa

from puqpanel.domain.task_states import TaskStatus
from puqpanel.infra.clock import now
from puqpanel.infra.db import dispose_engines, release, session, transaction
from puqpanel.models.system.tasks import Task as TaskRow
from puqpanel.sdk.testing.contract import Bench, NotTested, probe
from puqpanel.sdk.testing.lab import handlers
from puqpanel.sdk.testing.products import (
    LIFE,
    ask,
    check_accounts,
    enqueue,
    expected_status,
    row,
    set_up,
)
from puqpanel.tasks import run as engine
from puqpanel.tasks import sweep

ALWAYS = 100_000
DESCRIPTIONS = {
    "timeout": "times out",
    "429": "returns 429",
    "500": "returns 500",
    "garbage": "returns garbage",
    "drop": "drops the connection",
    "empty": "returns nothing",
    "drop_after": "completes but drops the connection",
    "500_after": "completes but returns 500",
}
ON_CREATE = ("timeout", "429", "500", "garbage", "drop", "drop_after", "500_after")
ON_OTHERS = ("500", "garbage", "drop_after")
KILLED = ("create", "terminate")


def _failing(verb: str, fault: str) -> None:
    @probe(f"{verb} while the provider {DESCRIPTIONS[fault]}", "Product")
    def failing(bench: Bench) -> str:
        faults = bench.faults
        set_up(bench, verb)
        expected, struck = expected_status(verb, row(bench)), faults.struck
        lost = fault.endswith("_after")
        faults.fail(fault, times=1 if lost else ALWAYS, changing=lost)
        ask(bench, verb)
        if faults.struck == struck:
            raise NotTested(
                f"The job {'changes nothing at' if lost else 'does not contact'} the provider."
            )
        faults.heal()
        waits = _waits()
        if waits:
            bench.lab.work_off()
        first = _settled(bench)
        if first == expected:
            assert lost or waits, f"The job succeeded although the provider {DESCRIPTIONS[fault]}."
            check_accounts(bench, verb)
            if waits:
                return "The task waited as the provider asked, and the work was done once."
            return "The job detected that the work was done."
        reason = row(bench).failure
        assert reason, f"The job failed without a reason; the service is {first}."
        ask(bench, verb)
        again = _settled(bench)
        assert again == expected, (
            f"After a retry with a healthy provider the service is {again}, not {expected}."
            f" {row(bench).failure}".strip()
        )
        check_accounts(bench, verb)
        return f"The reason: {reason} A retry completed it once."


def _waits() -> bool:
    """Return whether a task waits because the provider asked it to."""
    release()
    asked = (TaskRow.status == TaskStatus.WAITING, TaskRow.waited > 0)
    return session().scalar(sa.select(TaskRow.id).where(*asked).limit(1)) is not None


def _settled(bench: Bench) -> str:
    """Return the provision status; assert that no task is unfinished and no job raised."""
    release()
    for task in session().scalars(sa.select(TaskRow).execution_options(populate_existing=True)):
        assert not task.exceptions, f"The job raised: {task.note}"
    status = row(bench).provision_status
    assert status != "processing", "The service stays “processing” although no task is unfinished."
    return status


for _verb in LIFE:
    for _fault in ON_CREATE if _verb == "create" else ON_OTHERS:
        _failing(_verb, _fault)


def _killed(verb: str) -> None:
    @probe(f"{verb} with a worker crash", "Product")
    def killed(bench: Bench) -> str:
        set_up(bench, verb)
        expected, faults = expected_status(verb, row(bench)), bench.faults
        bench.lab.hold = True
        enqueue(bench, verb)
        if not bench.lab.held:
            raise NotTested("The verb enqueues no job.")
        faults.fail("timeout_after", changing=True)
        if not kill_in_mid_job(bench, bench.lab.held[-1]):
            raise NotTested("The job changes nothing at the provider.")
        faults.heal()
        bench.lab.hold = False
        _rescue()
        bench.lab.work_off()
        status = _settled(bench)
        if status == expected:
            check_accounts(bench, verb)
            return "The task ran again, and the work was done once."
        reason = row(bench).failure
        assert reason, f"After the crash the service is {status} without a reason."
        return f"The task was marked as lost: {reason}"


def kill_in_mid_job(bench: Bench, task_id: int) -> bool:
    """Run a task in a child process and kill it while the provider delays its response.

    Returns:
        False if the job ended before it changed anything at the provider.
    """
    faults, struck = bench.faults, bench.faults.struck
    release()
    dispose_engines()
    with warnings.catch_warnings():
        # the child does not need the provider's threads
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        try:
            engine.run(task_id, handlers())
        finally:
            os._exit(0)
    until = time.monotonic() + 30
    while faults.struck == struck and time.monotonic() < until:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return False
        time.sleep(0.005)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return bool(faults.struck > struck)


def _rescue() -> None:
    """Expire the leases of running tasks and sweep them."""
    with transaction() as current:
        current.execute(
            sa.update(TaskRow)
            .where(TaskRow.status == "running")
            .values(lease_until=now() - timedelta(seconds=1))
            .execution_options(synchronize_session=False)
        )
    sweep.rescue(handlers())


for _verb in KILLED:
    _killed(_verb)
