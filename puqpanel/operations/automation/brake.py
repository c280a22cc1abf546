"""The brake: a run that would suspend or terminate too many services stops and asks staff."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from puqpanel.domain.dunning import AT_LEAST, MAX_PAUSE, StepKind, StopStatus, most_services
from puqpanel.domain.errors import ConflictError
from puqpanel.domain.permissions import SERVICES_TERMINATE
from puqpanel.domain.principals import AUTOMATION, Principal
from puqpanel.domain.task_states import OnLoss
from puqpanel.domain.texts import Text, _, _n
from puqpanel.infra.clock import now
from puqpanel.infra.db import find, retry_deadlocks, save, session, transaction
from puqpanel.infra.inserts import insert_missing
from puqpanel.models import Service, Setting, Step, StoppedRun
from puqpanel.operations.automation import service_steps
from puqpanel.operations.automation.unpaid_services import RUNNING, ServiceStep
from puqpanel.operations.system import audit, settings
from puqpanel.tasks import add

LAST_RUN = "automation.last_run"
"""Name of the row with the time of the last run that could suspend services."""
REST = timedelta(days=1)
"""How long services are left alone after staff dismissed a run, and an approval holds."""
HISTORY = timedelta(days=30)
COUNTED = (StepKind.SUSPEND, StepKind.TERMINATE)
JOB = "ApprovedRunJob"
Pair = tuple[str, str]
"""UUID of a service, and the kind of the step."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run may do.

    Args:
        allowed: the steps that it may take.
        stopped: why it takes no others; None if it takes all.
        held: the steps that staff have to approve.
    """

    allowed: Sequence[ServiceStep]
    stopped: Text | None = None
    held: Sequence[ServiceStep] = ()


def open_run() -> StoppedRun | None:
    """Return the run about which staff have to decide; None if there is none."""
    query = sa.select(StoppedRun).where(StoppedRun.live.is_(True))
    return session().scalar(query.execution_options(populate_existing=True))


def held(run: StoppedRun) -> list[ServiceStep]:
    """Return the steps of a run that are still due, the longest overdue first."""
    pairs = {(uuid, step) for uuid, step in run.steps}
    return [each for each in service_steps.due() if pair(each) in pairs]


def decided_runs() -> Sequence[StoppedRun]:
    """Return the runs about which staff decided, the latest first, 10 at most."""
    query = sa.select(StoppedRun).where(StoppedRun.status != StopStatus.OPEN)
    return session().scalars(query.order_by(StoppedRun.id.desc()).limit(10)).all()


def judge(found: Sequence[ServiceStep]) -> Verdict:
    """Return which of the steps that are due may be taken.

    Those that staff approved may; those that they dismissed wait for a day.
    """
    last = last_run()  # first: a run that stops writes it together with its row
    waiting = open_run()
    approved, dismissed = _decided(StopStatus.APPROVED), _decided(StopStatus.DISMISSED)
    found = [each for each in found if pair(each) not in dismissed]
    allowed = [each for each in found if pair(each) in approved]
    rest = [each for each in found if pair(each) not in approved]
    if not rest:
        return Verdict(allowed)
    reason = _too_many(rest, last, approved) or (waiting.reason if waiting else None)
    return Verdict(allowed, reason, rest) if reason else Verdict(found)


def pair(step: ServiceStep) -> Pair:
    """Return how a stopped run names a step."""
    return step.debt.service_uuid, step.step.value


@retry_deadlocks
@transaction()
def note_run(verdict: Verdict) -> None:
    """Record that a run took place, and the steps about which staff have to decide."""
    moment = now().isoformat()
    if not insert_missing(Setting, [{"name": LAST_RUN, "value": moment}], ("name",)):
        session().execute(sa.update(Setting).where(Setting.name == LAST_RUN).values(value=moment))
    waiting, pairs = open_run(), [list(pair(each)) for each in verdict.held]
    if waiting is not None and not pairs:
        waiting.steps = []
        _close(waiting, AUTOMATION, StopStatus.DISMISSED)
    elif waiting is not None and waiting.steps != pairs:
        waiting.steps, waiting.updated_at = pairs, now()
        waiting.reason = verdict.stopped or waiting.reason
    elif waiting is None and verdict.stopped is not None:
        row = StoppedRun(status=StopStatus.OPEN, reason=verdict.stopped, steps=pairs)
        save(row, ConflictError(_("Another run has stopped at the same time.")))


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
    actor.require(SERVICES_TERMINATE)
    _approve(actor, _undecided(uuid, seen))
    add.add(
        job=JOB,
        queue="System",
        data={"run": uuid},
        title=_("Suspend and terminate approved services").source,
        timeout=3600,
        tries=3,
        on_loss=OnLoss.REPEAT,
        actor=actor,
    )


@retry_deadlocks
@transaction()
def approve_held(*, actor: Principal, verdict: Verdict) -> None:
    """Approve the steps that a run would hold, for the caller to take them."""
    actor.require(SERVICES_TERMINATE)
    waiting = open_run()
    if waiting is None and verdict.stopped is not None:
        waiting = save(StoppedRun(status=StopStatus.OPEN, reason=verdict.stopped))
    if waiting is not None:
        waiting.steps = [list(pair(each)) for each in verdict.held]
        _approve(actor, waiting)


@retry_deadlocks
@transaction()
def dismiss(*, actor: Principal, uuid: str, seen: str = "") -> None:
    """Dismiss a stopped run: its services are left alone for a day.

    Args:
        actor: who dismisses it.
        uuid: the run.
        seen: as for `approve`.

    Raises:
        ConflictError: it was decided about already, or the list has changed.
    """
    actor.require(SERVICES_TERMINATE)
    run = _undecided(uuid, seen)
    _close(run, actor, StopStatus.DISMISSED)
    _record(
        actor,
        run,
        "automation.dismissed",
        _n(
            "Suspension or termination of %(num)s service dismissed.",
            "Suspension or termination of %(num)s services dismissed.",
            len(run.steps),
        ),
    )


def last_run() -> datetime | None:
    """Return when a run last could suspend services; None if none has."""
    value = session().scalar(sa.select(Setting.value).where(Setting.name == LAST_RUN))
    return datetime.fromisoformat(value) if value else None


def _too_many(
    found: Sequence[ServiceStep], last: datetime | None, approved: Collection[Pair]
) -> Text | None:
    """Return why a run has to stop; None if it may go on."""
    if last is not None and now() - last > MAX_PAUSE:
        return _(
            "Unpaid invoices were not processed since %(day)s, so payments may be missing.",
            day=last.date(),
        )
    today = found[0].debt.today
    query = (
        sa.select(Step.day, Step.subject_uuid, Step.step)
        .where(Step.step.in_(COUNTED), Step.day >= today - HISTORY)
        .order_by(Step.day)
    )
    daily: dict[object, int] = {}
    for row in session().execute(query):
        if row.day != today or (row.subject_uuid, row.step) not in approved:
            daily[row.day] = daily.get(row.day, 0) + 1
    done = daily.pop(today, 0)
    active = sa.select(sa.func.count()).select_from(Service).where(Service.status.in_(RUNNING))
    limit = most_services(
        session().scalar(active) or 0,
        settings.number("automation.stop_percent"),
        settings.number("automation.stop_times"),
        list(daily.values()),
    )
    if done + len(found) <= limit:
        return None
    return _n(
        "%(num)s service would be suspended or terminated in a day; the limit is %(limit)s.",
        "%(num)s services would be suspended or terminated in a day; the limit is %(limit)s.",
        done + len(found),
        limit=max(limit, AT_LEAST),
    )


def _decided(status: StopStatus) -> set[Pair]:
    """Return the steps of runs about which staff decided within a day."""
    query = sa.select(StoppedRun.steps).where(
        StoppedRun.status == status, StoppedRun.decided_at > now() - REST
    )
    return {(uuid, step) for rows in session().scalars(query) for uuid, step in rows}


def _undecided(uuid: str, seen: str) -> StoppedRun:
    query = sa.select(StoppedRun).where(StoppedRun.uuid == uuid).with_for_update()
    run = find(query, _("Run not found."))
    if run.status != StopStatus.OPEN:
        raise ConflictError(_("This run has been approved or dismissed already."))
    if seen and seen != run.updated_at.isoformat():
        raise ConflictError(_("The list has changed in the meantime. Check it again."))
    return run


def _approve(actor: Principal, run: StoppedRun) -> None:
    _close(run, actor, StopStatus.APPROVED)
    _record(
        actor,
        run,
        "automation.approved",
        _n(
            "Suspension or termination of %(num)s service approved.",
            "Suspension or termination of %(num)s services approved.",
            len(run.steps),
        ),
    )


def _close(run: StoppedRun, actor: Principal, status: StopStatus) -> None:
    run.status, run.live = status, None
    run.decided_at, run.decided_by = now(), actor.name[:200]


def _record(actor: Principal, run: StoppedRun, action: str, summary: Text) -> None:
    audit.record(
        actor=actor,
        action=action,
        subject_type="automation",
        subject_uuid=run.uuid,
        summary=summary,
        after={"services": len(run.steps), "reason": str(run.reason)},
    )
