"""Probes of Product modules with a provider that fails: nothing is lost, nothing is there
twice, and staff read why.
"""

import contextlib
import os
import signal
import time
import warnings
from datetime import timedelta

import sqlalchemy as sa

from puqpanel.infra.clock import now
from puqpanel.infra.db import dispose_engines, release, session, transaction
from puqpanel.models.system.tasks import Task as TaskRow
from puqpanel.sdk.testing.contract import Bench, NotTested, probe
from puqpanel.sdk.testing.lab import handlers
from puqpanel.sdk.testing.products import LIFE, ask, check_accounts, row, set_up, wanted
from puqpanel.tasks import run as engine
from puqpanel.tasks import sweep

ALWAYS = 100_000
SAID = {
    "timeout": "does not answer",
    "429": "has had too many requests",
    "500": "answers 500",
    "garbage": "answers garbage",
    "drop": "cuts the line",
    "empty": "answers nothing",
    "drop_after": "does the work and its answer is lost",
    "500_after": "does the work and answers 500",
}
ON_CREATE = ("timeout", "429", "500", "garbage", "drop", "drop_after", "500_after")
ON_OTHERS = ("500", "garbage", "drop_after")
KILLED = ("create", "terminate")


def _failing(verb: str, fault: str) -> None:
    @probe(f"{verb} while the provider {SAID[fault]}", "Product")
    def failing(bench: Bench) -> str:
        faults = bench.faults
        set_up(bench, verb)
        aim, lost, struck = wanted(verb, row(bench)), fault.endswith("_after"), faults.struck
        faults.fail(fault, times=1 if lost else ALWAYS, changing=lost)
        ask(bench, verb)
        if faults.struck == struck:
            raise NotTested(
                f"Its job {'changes nothing at' if lost else 'asks nothing of'} the provider."
            )
        faults.heal()
        first = _settled(bench)
        if first == aim:
            assert lost, f"It took the answer of a provider that {SAID[fault]} for success."
            check_accounts(bench, verb)
            return "It found out that the work was done."
        reason = row(bench).failure
        assert reason, f"It failed and staff read no reason; the service is {first}."
        ask(bench, verb)
        again = _settled(bench)
        assert again == aim, (
            f"Asked for again, with the provider well, the service is {again}, not {aim}."
            f" {row(bench).failure}".strip()
        )
        check_accounts(bench, verb)
        return f"It said: {reason} Asked for again, it was done once."

    failing.__doc__ = f"The provider {SAID[fault]} during {verb}."


def _settled(bench: Bench) -> str:
    """The provision status; asserts that nothing stays under way, and that no job raised."""
    release()
    for task in session().scalars(sa.select(TaskRow).execution_options(populate_existing=True)):
        assert not task.exceptions, f"Its job raised: {task.note}"
    status = row(bench).provision_status
    assert status != "processing", "The service stays at “processing” though nothing is under way."
    return status


for _verb in LIFE:
    for _fault in ON_CREATE if _verb == "create" else ON_OTHERS:
        _failing(_verb, _fault)


def _killed(verb: str) -> None:
    @probe(f"{verb} with the worker killed in mid-job", "Product")
    def killed(bench: Bench) -> str:
        set_up(bench, verb)
        aim, faults = wanted(verb, row(bench)), bench.faults
        bench.lab.hold = True
        ask_only(bench, verb)
        if not bench.lab.held:
            raise NotTested("It queues no job.")
        faults.fail("timeout_after", changing=True)
        if not kill_in_mid_job(bench, bench.lab.held[-1]):
            raise NotTested("Its job changes nothing at the provider.")
        faults.heal()
        bench.lab.hold = False
        _rescue()
        bench.lab.work_off()
        status = _settled(bench)
        if status == aim:
            check_accounts(bench, verb)
            return "The task was taken up again, and the work is there once."
        reason = row(bench).failure
        assert reason, f"The worker was lost, the service is {status}, and staff read no reason."
        return f"It is said to be lost, for staff to look: {reason}"

    killed.__doc__ = f"The worker dies while the provider does the work of {verb}."


def ask_only(bench: Bench, verb: str) -> None:
    """Asks for a verb and leaves its job waiting."""
    work_off = bench.lab.work_off
    bench.lab.work_off = lambda rounds=0: None  # type: ignore[method-assign]
    try:
        ask(bench, verb)
    finally:
        bench.lab.work_off = work_off  # type: ignore[method-assign]


def kill_in_mid_job(bench: Bench, task_id: int) -> bool:
    """Runs a task in a process of its own and kills that while the provider holds its answer
    back; False where the job ended before.
    """
    faults, struck = bench.faults, bench.faults.struck
    release()
    dispose_engines()
    with warnings.catch_warnings():
        # the provider's threads stay behind, and hold nothing that the child needs
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
    """What the sweeper does once the dead worker's lease has run out."""
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
