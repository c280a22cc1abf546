"""What a simulation copies of the panel's database."""

from __future__ import annotations

from collections.abc import Collection
from typing import cast

import sqlalchemy as sa

from puqpanel.domain.task_states import NOT_STARTED
from puqpanel.infra.table_copies import Conditions, belonging_to
from puqpanel.models import Audit, Client, Task

WITHOUT: Collection[str] = (
    *("books_checks", "bulk_items", "files", "heartbeats", "invitations", "module_log"),
    *("payment_events", "saved_views", "schedule", "service_differences", "sessions"),
    *("stopped_runs", "task_attempts", "task_tags"),
)
"""Tables that billing does not read: logs, sessions, uploads and open decisions of staff."""


def conditions(client_id: int | None = None) -> Conditions:
    """Return which rows are copied: of tasks, those that wait; of the activity log, payments.

    Args:
        client_id: of one client only.
    """
    clients, tasks = cast("sa.Table", Client.__table__), cast("sa.Table", Task.__table__)
    found = {} if client_id is None else dict(belonging_to(clients, clients.c.id == client_id))
    found[tasks] = tasks.c.status.in_(NOT_STARTED)
    audit = cast("sa.Table", Audit.__table__)
    found[audit] = audit.c.action.startswith("payment.")  # the integrity check reads them
    return found
