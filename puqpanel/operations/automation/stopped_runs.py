"""Runs that stopped to ask staff: what they would have done, and what staff decided about them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

import sqlalchemy as sa

from puqpanel.domain.brake import RunKind, StopStatus
from puqpanel.domain.errors import ConflictError
from puqpanel.domain.permissions import DOCUMENTS_ISSUE, PAYMENTS_MANAGE, SERVICES_TERMINATE
from puqpanel.domain.principals import Principal
from puqpanel.domain.task_states import OnLoss
from puqpanel.domain.texts import Text, _, _n
from puqpanel.infra.clock import now
from puqpanel.infra.db import find, retry_deadlocks, session, transaction
from puqpanel.models import Document, StoppedRun
from puqpanel.operations.automation.usual_days import Pair
from puqpanel.operations.billing.awaited_payments import documents_awaiting_payment
from puqpanel.operations.system import audit
from puqpanel.tasks import add

REST = timedelta(days=1)
"""How long the steps are left alone after staff dismissed a run, and an approval holds."""
JOB = "ApprovedRunJob"
PERMISSIONS = {
    RunKind.SERVICES: SERVICES_TERMINATE,
    RunKind.CHARGES: PAYMENTS_MANAGE,
    RunKind.REMINDERS: DOCUMENTS_ISSUE,
}
TITLES = {
    RunKind.SERVICES: _("Suspend and terminate approved services"),
    RunKind.CHARGES: _("Make approved charges"),
    RunKind.REMINDERS: _("Send approved reminders"),
}


def open_runs() -> Sequence[StoppedRun]:
    """Return the runs about which staff have to decide, one of each kind at most."""
    query = sa.select(StoppedRun).where(StoppedRun.live.is_(True)).order_by(StoppedRun.id)
    return session().scalars(query.execution_options(populate_existing=True)).all()


def open_run(kind: RunKind, *, lock: bool = False) -> StoppedRun | None:
    """Return the run of a kind about which staff have to decide; None if there is none.

    Args:
        kind: of the run.
        lock: until the transaction ends, so that it can be changed.
    """
    query = sa.select(StoppedRun).where(StoppedRun.live.is_(True), StoppedRun.kind == kind)
    query = query.with_for_update() if lock else query
    return session().scalar(query.execution_options(populate_existing=True))


def decided_runs() -> Sequence[StoppedRun]:
    """Return the runs about which staff decided, the latest first, 10 at most."""
    query = sa.select(StoppedRun).where(StoppedRun.status != StopStatus.OPEN)
    return session().scalars(query.order_by(StoppedRun.id.desc()).limit(10)).all()


@retry_deadlocks
@transaction()
def approve(*, actor: Principal, uuid: str, seen: str = "") -> None:
    """Approve the steps of a stopped run, and add the task that takes them.

    Args:
        actor: who approves it.
        uuid: the run.
        seen: `updated_at` of the list that was shown; empty to approve any.

    Raises:
        ConflictError: it was decided about already, or the list has changed.
    """
    run = _undecided(actor, uuid, seen)
    mark_approved(actor, run)
    add.add(
        job=JOB,
        queue="System",
        data={"run": uuid},
        title=TITLES[RunKind(run.kind)].source,
        timeout=3600,
        tries=3,
        on_loss=OnLoss.REPEAT,
        actor=actor,
    )


@retry_deadlocks
@transaction()
def dismiss(*, actor: Principal, uuid: str, seen: str = "") -> None:
    """Dismiss a stopped run: its steps are left alone for a day.

    Args:
        actor: who dismisses it.
        uuid: the run.
        seen: as for `approve`.

    Raises:
        ConflictError: it was decided about already, or the list has changed.
    """
    run = _undecided(actor, uuid, seen)
    close(run, actor, StopStatus.DISMISSED)
    count, action = len(run.steps), "automation.dismissed"
    summaries = {
        RunKind.SERVICES: _n(
            "Suspension or termination of %(num)s service dismissed.",
            "Suspension or termination of %(num)s services dismissed.",
            count,
        ),
        RunKind.CHARGES: _n("%(num)s charge dismissed.", "%(num)s charges dismissed.", count),
        RunKind.REMINDERS: _n("%(num)s reminder dismissed.", "%(num)s reminders dismissed.", count),
    }
    _record(actor, run, action, summaries)


def approved_steps(uuid: str) -> tuple[RunKind, set[Pair]]:
    """Return the kind of a run, and its steps if staff approved it within a day; else no steps."""
    query = sa.select(StoppedRun).where(StoppedRun.uuid == uuid)
    run = find(query.execution_options(populate_existing=True), _("Run not found."))
    recent = run.decided_at is not None and run.decided_at > now() - REST
    steps = run.steps if recent and run.status == StopStatus.APPROVED else []
    return RunKind(run.kind), {(subject, what) for subject, what in steps}


def documents_left_alone(document_ids: Collection[int]) -> set[int]:
    """Return the documents because of which nothing is suspended, charged a fee or cancelled.

    Their payment may still succeed, or a run that would charge them waits for staff.

    Args:
        document_ids: of the documents in question.
    """
    found = documents_awaiting_payment(document_ids)
    run = open_run(RunKind.CHARGES)
    if run is not None and document_ids:
        held = {subject for subject, _number in run.steps}
        query = sa.select(Document.id, Document.uuid).where(Document.id.in_(document_ids))
        found |= {row.id for row in session().execute(query) if row.uuid in held}
    return found


def decided_steps(kind: RunKind, status: StopStatus) -> set[Pair]:
    """Return the steps of runs of a kind about which staff decided within a day."""
    query = sa.select(StoppedRun.steps).where(
        StoppedRun.kind == kind, StoppedRun.status == status, StoppedRun.decided_at > now() - REST
    )
    return {(uuid, step) for rows in session().scalars(query) for uuid, step in rows}


def _undecided(actor: Principal, uuid: str, seen: str) -> StoppedRun:
    if not any(actor.may(permission) for permission in PERMISSIONS.values()):
        actor.require(SERVICES_TERMINATE)
    query = sa.select(StoppedRun).where(StoppedRun.uuid == uuid).with_for_update()
    run = find(query.execution_options(populate_existing=True), _("Run not found."))
    actor.require(PERMISSIONS[RunKind(run.kind)])
    if run.status != StopStatus.OPEN:
        raise ConflictError(_("This run has been approved or dismissed already."))
    if seen and seen != run.updated_at.isoformat():
        raise ConflictError(_("The list has changed in the meantime. Check it again."))
    return run


def mark_approved(actor: Principal, run: StoppedRun) -> None:
    """Record that staff approved a run; requires a transaction."""
    close(run, actor, StopStatus.APPROVED)
    count, action = len(run.steps), "automation.approved"
    summaries = {
        RunKind.SERVICES: _n(
            "Suspension or termination of %(num)s service approved.",
            "Suspension or termination of %(num)s services approved.",
            count,
        ),
        RunKind.CHARGES: _n("%(num)s charge approved.", "%(num)s charges approved.", count),
        RunKind.REMINDERS: _n("%(num)s reminder approved.", "%(num)s reminders approved.", count),
    }
    _record(actor, run, action, summaries)


def close(run: StoppedRun, actor: Principal, status: StopStatus) -> None:
    """Record what became of a run; requires a transaction."""
    actor.require(PERMISSIONS[RunKind(run.kind)])
    run.status, run.live = status, None
    run.decided_at, run.decided_by = now(), actor.name[:200]


def _record(
    actor: Principal, run: StoppedRun, action: str, summaries: Mapping[RunKind, Text]
) -> None:
    audit.record(
        actor=actor,
        action=action,
        subject_type="automation",
        subject_uuid=run.uuid,
        summary=summaries[RunKind(run.kind)],
        after={run.kind: len(run.steps), "reason": str(run.reason)},
    )
