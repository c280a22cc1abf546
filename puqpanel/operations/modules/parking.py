"""Re-enqueue parked tasks of modules that are available again."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from puqpanel.domain.errors import ConflictError
from puqpanel.domain.module_states import ModuleStatus
from puqpanel.domain.permissions import MODULES_MANAGE
from puqpanel.domain.principals import Principal
from puqpanel.domain.task_states import TaskStatus
from puqpanel.domain.texts import _
from puqpanel.infra.clock import now
from puqpanel.infra.db import session, transaction, write
from puqpanel.models import Module, Task
from puqpanel.operations.modules import breaker
from puqpanel.operations.modules.availability import NO_REASON
from puqpanel.operations.modules.module_list import find_module, lock_module
from puqpanel.operations.system import audit

MIN_PARKED_SECONDS = 15
"""Minimum time that a task stays parked: a process with the previous app could park it again."""


@transaction()
def resume(*, actor: Principal, module_type: str, name: str) -> None:
    """Close a module's circuit breaker and re-enqueue its parked tasks.

    Raises:
        ConflictError: the circuit breaker is not open.
    """
    actor.require(MODULES_MANAGE)
    find_module(module_type, name)
    row = lock_module(module_type, name)
    if not row.circuit_open_reason:
        raise ConflictError(
            _("The circuit breaker of this module is closed, so there is nothing to resume.")
        )
    before = row.circuit_open_reason
    row.circuit_open_reason, row.circuit_opened_at, row.failure_count = NO_REASON, None, 0
    audit.record(
        actor=actor,
        action="module.resumed",
        subject_type="module",
        subject_uuid=row.key,
        summary=_("%(name)s resumed.", name=row.name),
        before={"failing": before},
    )
    unpark(row.key)


def unpark(key: str, *conditions: sa.ColumnElement[bool]) -> int:
    """Re-enqueue the parked tasks of a module.

    Args:
        key: the module's key.
        conditions: select some of the tasks.

    Returns:
        The number of tasks.
    """
    # one statement, because there may be very many
    return write(
        sa.update(Task)
        .where(Task.module == key, Task.status == TaskStatus.PARKED, *conditions)
        .values(status=TaskStatus.QUEUED, run_at=now(), dispatched_at=None, ended_at=None)
    )


def unpark_served() -> int:
    """Re-enqueue parked tasks whose module is available again, and trials that are due.

    Covers tasks that were parked during an activation, modules that were fixed on disk, and modules
    whose circuit breaker has closed. Of a module whose breaker is open, the oldest task is
    re-enqueued as a trial.

    Returns:
        The number of tasks.
    """
    parked = (
        sa.select(Task.module, sa.func.min(Task.id))
        .join(Module, Module.type + "/" + Module.name == Task.module)
        .where(
            Task.status == TaskStatus.PARKED,
            sa.or_(
                Task.ended_at < now() - timedelta(seconds=MIN_PARKED_SECONDS),
                Task.ended_at > now() + timedelta(seconds=MIN_PARKED_SECONDS),  # clock was ahead
            ),
            Module.status == ModuleStatus.ACTIVE,
        )
        .group_by(Task.module)
    )
    available = session().execute(parked.where(Module.circuit_open_reason == "")).all()
    other = aliased(Task)
    busy = sa.exists().where(
        other.module == Task.module, other.status.in_((TaskStatus.QUEUED, TaskStatus.RUNNING))
    )
    on_trial = session().execute(parked.where(breaker.trial_is_due(), ~busy)).all()
    count = sum(unpark(key) for key, _ in available)
    return count + sum(unpark(key, Task.id == oldest) for key, oldest in on_trial)
