"""Send task ids to RQ, after the commit that added the row."""

from __future__ import annotations

from collections.abc import Callable

from puqpanel.infra import queue
from puqpanel.infra.db import after_commit
from puqpanel.models import Task

_receiver: Callable[[int], None] | None = None


def send_after_commit(task: Task) -> None:
    """Send the task's id after the current transaction commits.

    If the queue server is unavailable, the sweeper sends it later.
    """
    after_commit(lambda: send(task.id, task.queue, task.timeout))


def send(task_id: int, queue_name: str, timeout: int) -> bool:
    """Send a task's id to RQ.

    Args:
        task_id: Primary key of the task.
        queue_name: Documented name of the queue.
        timeout: Maximum seconds of the attempt; RQ stores it, and the worker's child enforces it.

    Returns:
        False if the queue server is unavailable.
    """
    if _receiver is not None:
        _receiver(task_id)
        return True
    return queue.send(task_id, queue_name, timeout)


def deliver_to(receiver: Callable[[int], None] | None) -> None:
    """Send ids to a function instead of RQ; None restores RQ.

    Module tests use this to run tasks in the test process.
    """
    global _receiver
    _receiver = receiver
