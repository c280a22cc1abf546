"""The audit log: record who did what, and read the timeline of an object."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.audit_actions import ACTIONS, REQUIRED
from puqpanel.domain.principals import Principal
from puqpanel.domain.texts import Text, _n
from puqpanel.infra.addresses import network_of
from puqpanel.infra.clock import now
from puqpanel.infra.db import release, session, write
from puqpanel.infra.inserts import insert_all
from puqpanel.infra.redact import redact, redact_message, redact_text
from puqpanel.models import Audit
from puqpanel.models.actors import actor_columns

BATCH = 1000
MAX_REFUSALS = 1000
"""Entries of one kind of refusal in an hour."""
REFUSALS: Mapping[str, Callable[[int], Text]] = {
    action: lambda attempts: _n("Sign-in failed.", "Sign-in failed %(num)s times.", attempts)
    for action in ("staff.failed_authorization", "user.failed_authorization")
}
"""Actions that anyone can cause, and the summary of a number of attempts within an hour."""
refuse_unknown = False
"""Whether an action without an entry in `ACTIONS` is an error; set by the tests."""


def record(
    *,
    actor: Principal,
    action: str,
    subject_type: str = "",
    subject_uuid: str = "",
    summary: Text | str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    task_id: int | None = None,
    secrets: Collection[str] = (),
) -> None:
    """Add an entry in the transaction of the change that it describes.

    Args:
        actor: who made the change.
        action: `noun.verb`, a name of `domain.audit_actions.ACTIONS`.
        subject_type: kind of the changed object.
        subject_uuid: its uuid, or its key.
        summary: one sentence for the timeline.
        before: previous values; secrets are masked.
        after: new values; secrets are masked.
        task_id: the task that made the change.
        secrets: names of values that are declared secret.
    """
    _check(action)
    subject = Subject(subject_uuid, summary, before, after)
    session().add(
        Audit(
            **_common(actor, action, subject_type),
            **_values(subject, secrets),
            task_id=task_id,
        )
    )


@dataclass(frozen=True, slots=True)
class Subject:
    """A changed object; see `record`."""

    uuid: str
    summary: Text | str
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None


def record_all(
    *, actor: Principal, action: str, subject_type: str, subjects: Sequence[Subject]
) -> None:
    """Add an entry for each of many objects at once; see `record`.

    Args:
        actor: who made the changes.
        action: `noun.verb`.
        subject_type: kind of the changed objects.
        subjects: the objects.
    """
    _check(action)
    common = _common(actor, action, subject_type)
    insert_all(Audit, [{**common, **_values(subject)} for subject in subjects])


def _check(action: str) -> None:
    if refuse_unknown and action not in ACTIONS:
        raise ValueError(f"“{action}” is not in domain/audit_actions.py.")


def _common(actor: Principal, action: str, subject_type: str) -> dict[str, Any]:
    by = actor_columns(replace(actor, name=redact_text(actor.name)))
    return {**by, "action": action, "subject_type": subject_type}


def _values(subject: Subject, secrets: Collection[str] = ()) -> dict[str, Any]:
    return {
        "subject_uuid": subject.uuid,
        "summary": redact_message(subject.summary),
        "before": redact(dict(subject.before), secrets) if subject.before else None,
        "after": redact(dict(subject.after), secrets) if subject.after else None,
    }


def count_refusal(*, actor: Principal, action: str, subject_type: str, subject_uuid: str) -> None:
    """Count a failed attempt in the entry of its kind, object, network and hour.

    Anyone can cause such entries, so there are at most `MAX_REFUSALS` an hour of a kind; further
    attempts are counted in one entry without a network.

    Args:
        actor: who tried; the entry keeps the name of the first attempt.
        action: one of `REFUSALS`.
        subject_type: kind of the object.
        subject_uuid: the account, if it exists.
    """
    hour = now().replace(minute=0, second=0, microsecond=0)
    recent = sa.and_(Audit.action == action, Audit.at >= hour)
    network = network_of(actor.ip)
    of_network = sa.and_(recent, Audit.subject_uuid == subject_uuid, Audit.ip == network[:45])
    entry = _first(of_network)
    if entry is None:
        entries = session().scalar(sa.select(sa.func.count()).select_from(Audit).where(recent))
        if (entries or 0) >= MAX_REFUSALS:
            network, actor, subject_uuid = "", replace(actor, id=None, name=""), ""
            entry = _first(sa.and_(recent, Audit.subject_uuid == "", Audit.ip == ""))
    if entry is None:
        record(
            actor=replace(actor, ip=network),
            action=action,
            subject_type=subject_type,
            subject_uuid=subject_uuid,
            summary=REFUSALS[action](1),
            after={"attempts": 1},
        )
        return
    attempts = int((entry.after or {}).get("attempts", 1)) + 1
    entry.after = {"attempts": attempts}
    entry.summary = redact_message(REFUSALS[action](attempts))


def changed(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the values that differ, before and after a change."""
    keys = [key for key in after if before.get(key) != after[key]]
    return {key: before.get(key) for key in keys}, {key: after[key] for key in keys}


def _first(where: sa.ColumnElement[bool]) -> Audit | None:
    query = sa.select(Audit).where(where).order_by(Audit.id).limit(1)
    return session().scalar(query)


def prune_refusals(days: int) -> int:
    """Delete one batch of counted refusals older than `days`; 0 keeps them.

    Returns:
        The number of deleted entries.
    """
    if not days:
        return 0
    query = sa.select(Audit.id).where(
        Audit.action.in_(REFUSALS), Audit.at < now() - timedelta(days=days)
    )
    old = session().scalars(query.order_by(Audit.id).limit(BATCH)).all()
    release()
    if old:
        write(sa.delete(Audit).where(Audit.id.in_(old)))
    return len(old)


def timeline(
    viewer: Principal, subject_type: str, subject_uuid: str, limit: int = 50
) -> Sequence[Audit]:
    """Return the newest entries of an object that its viewer may see, newest first.

    Args:
        viewer: a person who may view the object; see `REQUIRED`.
        subject_type: kind of the object.
        subject_uuid: its uuid, or its key.
        limit: the largest number of entries.
    """
    hidden = [
        Audit.action.startswith(f"{noun}.", autoescape=True)
        for noun, permission in REQUIRED.items()
        if noun != subject_type and not viewer.may(permission)
    ]
    query = sa.select(Audit).where(
        Audit.subject_type == subject_type, Audit.subject_uuid == subject_uuid
    )
    query = query.where(~sa.or_(*hidden)) if hidden else query
    return session().scalars(query.order_by(Audit.id.desc()).limit(limit)).all()
