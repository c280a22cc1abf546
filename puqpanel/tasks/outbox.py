"""From the row to RQ: after the commit, and again by the sweeper whenever RQ has forgotten."""

from __future__ import annotations

from collections.abc import Callable

from puqpanel.infra import queue
from puqpanel.infra.db import after_commit
from puqpanel.models import Task

_receiver: Callable[[int], None] | None = None


def send_after_commit(task: Task) -> None:
    """Hands the id over once the row is there for the worker to find; what cannot be sent is
    the sweeper's.
    """
    after_commit(lambda: send(task.id, task.queue, task.timeout))


def send(task_id: int, queue_name: str, timeout: int) -> bool:
    """Hands one id to RQ.

    Args:
        task_id: the row.
        queue_name: documented queue name.
        timeout: the attempt's limit in seconds, which RQ enforces with a signal.

    Returns:
        False when the queue server is away.
    """
    if _receiver is not None:
        _receiver(task_id)
        return True
    return queue.send(task_id, queue_name, timeout)


def deliver_to(receiver: Callable[[int], None] | None) -> None:
    """Hands ids to a function in place of RQ, for module tests that run tasks where they stand;
    None ends that.
    """
    global _receiver
    _receiver = receiver
