"""A worker that kills itself (or its child, or both) at a named point of a task, once for each task
that the plan names.

Run as `python -m tests.faults.worker PLAN`; the plan is a JSON file, task title → [point, who].
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from puqpanel.infra.settings import Settings
from puqpanel.jobs.entry import HANDLERS
from puqpanel.live import Live
from puqpanel.tasks import claim, run, worker

POINTS = ("claimed", "begun", "provider asked", "provider answered", "job done", "closed")
PLAN = Path(sys.argv[1]) if len(sys.argv) > 1 else Path()


def reached(point: str, service_uuid: str, *, in_child: bool = True) -> None:
    """Dies here where the plan says so; the first time only."""
    plan = json.loads(PLAN.read_text())
    wanted = plan.get(service_uuid)
    mark = PLAN.with_name(f"{service_uuid}.done")
    if wanted is None or wanted[0] != point or mark.exists():
        return
    mark.touch()
    who, child, parent = wanted[1], os.getpid(), os.getppid()
    if not in_child:
        os.kill(child, signal.SIGKILL)
    if who in ("worker", "both"):
        os.kill(parent, signal.SIGKILL)
    if who in ("child", "both"):
        os.kill(child, signal.SIGKILL)
    signal.pause()  # the kernel ends the child with its parent


def arm() -> None:
    """Puts the points where they belong."""
    claimed, attempt, finish = claim.claim, run._attempt, run._finish

    def claim_and_reach(task_id: int, owner: str) -> Any:
        task = claimed(task_id, owner)
        if task is not None:
            reached("claimed", task.service_uuid, in_child=False)
        return task

    def attempt_and_reach(task: Any, handlers: Any) -> Any:
        reached("begun", task.service_uuid)
        outcome = attempt(task, handlers)
        reached("job done", task.service_uuid)
        current["service"] = task.service_uuid
        return outcome

    def finish_and_reach(*arguments: Any) -> None:
        finish(*arguments)
        reached("closed", current["service"])

    current: dict[str, str] = {}
    claim.claim, run._attempt, run._finish = claim_and_reach, attempt_and_reach, finish_and_reach


if __name__ == "__main__":
    arm()
    worker.run_worker(Live(Settings.load()).ensure, HANDLERS)
