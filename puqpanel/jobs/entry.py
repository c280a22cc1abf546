"""What RQ calls in the worker's child, by the name kept in infra.queue.ENTRY."""

from __future__ import annotations

from puqpanel.jobs.hooks import HookJob
from puqpanel.jobs.modules import ModuleJob
from puqpanel.jobs.notifications import NotificationJob
from puqpanel.tasks import run as engine
from puqpanel.tasks.outcome import Handlers

HANDLERS: Handlers = {
    "HookJob": HookJob(),
    "ModuleJob": ModuleJob(),
    "NotificationJob": NotificationJob(),
}


def run(task_id: int) -> None:
    """Run one delivered task inside the app context that the worker pushed."""
    engine.run(task_id, HANDLERS)
