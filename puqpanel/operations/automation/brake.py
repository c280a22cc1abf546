"""The brake: a run that would do too much at once stops and asks staff.

Suspensions and terminations, charges of saved payment methods, and reminders are judged separately.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Generic, Protocol, TypeVar

import sqlalchemy as sa

from puqpanel.domain.brake import (
    AT_LEAST,
    MAX_PAUSE,
    RunKind,
    StopStatus,
    most_documents,
    most_services,
)
from puqpanel.domain.errors import ConflictError
from puqpanel.domain.principals import AUTOMATION, Principal
from puqpanel.domain.texts import Text, _, _n
from puqpanel.infra.clock import now
from puqpanel.infra.db import retry_deadlocks, save, session, transaction
from puqpanel.infra.inserts import insert_missing
from puqpanel.models import Service, Setting, StoppedRun
from puqpanel.operations.automation import stopped_runs, usual_days
from puqpanel.operations.automation.unpaid_services import RUNNING
from puqpanel.operations.automation.usual_days import Pair
from puqpanel.operations.system import settings

LAST_RUN = {
    RunKind.SERVICES: "automation.last_run",
    RunKind.CHARGES: "automation.last_charges",
    RunKind.REMINDERS: "automation.last_reminders",
}
"""Names of the rows with the times of the last runs."""


class Held(Protocol):
    """A step that a run would take."""

    @property
    def pair(self) -> Pair:
        """How a stopped run names it."""

    @property
    def today(self) -> date:
        """The day in the time zone of the company."""


Item = TypeVar("Item", bound=Held)


@dataclass(frozen=True, slots=True)
class Verdict(Generic[Item]):
    """What a run may do.

    Args:
        kind: what the run does.
        allowed: the steps that it may take.
        stopped: why it takes no others; None if it takes all.
        held: the steps that staff have to approve.
    """

    kind: RunKind
    allowed: Sequence[Item]
    stopped: Text | None = None
    held: Sequence[Item] = ()


def judge(kind: RunKind, found: Sequence[Item]) -> Verdict[Item]:
    """Return which of the steps that are due may be taken.

    Those that staff approved may; those that they dismissed wait for a day.

    Args:
        kind: what the run does.
        found: the steps.
    """
    last = last_run(kind)  # first: a run that stops writes it together with its row
    waiting = stopped_runs.open_run(kind)
    approved = stopped_runs.decided_steps(kind, StopStatus.APPROVED)
    dismissed = stopped_runs.decided_steps(kind, StopStatus.DISMISSED)
    found = [each for each in found if each.pair not in dismissed]
    allowed = [each for each in found if each.pair in approved]
    rest = [each for each in found if each.pair not in approved]
    if not rest:
        return Verdict(kind, allowed)
    reason = _too_many(kind, rest, last, approved) or (waiting.reason if waiting else None)
    return Verdict(kind, allowed, reason, rest) if reason else Verdict(kind, found)


@retry_deadlocks
@transaction()
def note_run(verdict: Verdict[Item]) -> None:
    """Record that a run took place, and the steps about which staff have to decide.

    Raises:
        ConflictError: another run of its kind has stopped at the same time.
    """
    moment, name = now().isoformat(), LAST_RUN[verdict.kind]
    if not insert_missing(Setting, [{"name": name, "value": moment}], ("name",)):
        session().execute(sa.update(Setting).where(Setting.name == name).values(value=moment))
    waiting = stopped_runs.open_run(verdict.kind, lock=True)
    pairs = [list(each.pair) for each in verdict.held]
    if waiting is not None and not pairs:
        waiting.steps = []
        stopped_runs.close(waiting, AUTOMATION, StopStatus.DISMISSED)
    elif waiting is not None and waiting.steps != pairs:
        waiting.steps, waiting.updated_at = pairs, now()
        waiting.reason = verdict.stopped or waiting.reason
    elif waiting is None and pairs:
        assert verdict.stopped is not None
        row = StoppedRun(
            kind=verdict.kind, status=StopStatus.OPEN, reason=verdict.stopped, steps=pairs
        )
        save(row, ConflictError(_("Another run has stopped at the same time.")))


@retry_deadlocks
@transaction()
def approve_held(
    *, actor: Principal, verdict: Verdict[Item], partial: bool = False
) -> Verdict[Item]:
    """Approve the steps that a run would hold, and return a verdict that allows all.

    Args:
        actor: who approves them.
        verdict: of the run.
        partial: whether the run is of one company or another day, so that the list about which
            staff have to decide stays as it is.
    """
    actor.require(stopped_runs.PERMISSIONS[verdict.kind])
    if verdict.stopped is not None:
        waiting = None if partial else stopped_runs.open_run(verdict.kind, lock=True)
        if waiting is None:
            values = {"kind": verdict.kind, "status": StopStatus.OPEN, "reason": verdict.stopped}
            waiting = save(StoppedRun(**values, live=None))
        waiting.steps = [list(each.pair) for each in verdict.held]
        stopped_runs.mark_approved(actor, waiting)
    return Verdict(verdict.kind, [*verdict.allowed, *verdict.held], verdict.stopped)


def last_run(kind: RunKind) -> datetime | None:
    """Return when a run of a kind took place last; None if none has."""
    value = session().scalar(sa.select(Setting.value).where(Setting.name == LAST_RUN[kind]))
    return datetime.fromisoformat(value) if value else None


def _too_many(
    kind: RunKind, found: Sequence[Item], last: datetime | None, approved: Collection[Pair]
) -> Text | None:
    """Return why a run has to stop; None if it may go on."""
    # a reminder that was missed has an end of its own
    if kind != RunKind.REMINDERS and last is not None and now() - last > MAX_PAUSE:
        return _(
            "Unpaid invoices were not processed since %(day)s, so payments may be missing.",
            day=last.date(),
        )
    counts = usual_days.counts(kind, found[0].today, approved)
    query = sa.select(sa.func.count()).select_from(Service).where(Service.status.in_(RUNNING))
    most = most_services if kind == RunKind.SERVICES else most_documents
    limit = most(
        session().scalar(query) or 0,
        settings.number("automation.stop_percent"),
        settings.number("automation.stop_times"),
        counts.before,
    )
    number = counts.today + len(found)
    if limit is None or number <= limit:
        return None
    shown = max(limit, AT_LEAST)
    if kind == RunKind.CHARGES:
        return _n(
            "%(num)s charge would be made in a day; the limit is %(limit)s.",
            "%(num)s charges would be made in a day; the limit is %(limit)s.",
            number,
            limit=shown,
        )
    if kind == RunKind.REMINDERS:
        return _n(
            "%(num)s reminder would be sent in a day; the limit is %(limit)s.",
            "%(num)s reminders would be sent in a day; the limit is %(limit)s.",
            number,
            limit=shown,
        )
    return _n(
        "%(num)s service would be suspended or terminated in a day; the limit is %(limit)s.",
        "%(num)s services would be suspended or terminated in a day; the limit is %(limit)s.",
        number,
        limit=shown,
    )
