"""Writing down who did what, and reading a subject's timeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.actors import Actor
from puqpanel.infra.db import session
from puqpanel.infra.redact import redact, redact_text
from puqpanel.models import Audit


def record(
    *,
    actor: Actor,
    action: str,
    subject_type: str = "",
    subject_uuid: str = "",
    summary: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    task_id: int | None = None,
) -> Audit:
    """Add an entry to the transaction that does the thing.

    Args:
        actor: who did it.
        action: `noun.verb`.
        subject_type: the noun it was done to.
        subject_uuid: which of them.
        summary: one sentence for the timeline.
        before: values that changed, as they were; secrets are masked.
        after: the same values as they are.
        task_id: the task that did it.
    """
    entry = Audit(
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_name=redact_text(actor.name)[:200],
        ip=actor.ip[:45],
        action=action,
        subject_type=subject_type,
        subject_uuid=subject_uuid,
        summary=redact_text(summary),
        task_id=task_id,
        before=redact(dict(before)) if before else None,
        after=redact(dict(after)) if after else None,
    )
    session().add(entry)
    return entry


def changed(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the two sides of what differs between two sets of values."""
    keys = [key for key in after if before.get(key) != after[key]]
    return {key: before.get(key) for key in keys}, {key: after[key] for key in keys}


def timeline(subject_type: str, subject_uuid: str, limit: int = 50) -> Sequence[Audit]:
    """Return the newest entries of a subject, newest first."""
    return (
        session()
        .scalars(
            sa.select(Audit)
            .where(Audit.subject_type == subject_type, Audit.subject_uuid == subject_uuid)
            .order_by(Audit.id.desc())
            .limit(limit)
        )
        .all()
    )
