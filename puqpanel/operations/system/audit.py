"""The audit log: record who did what, and read the timeline of an object."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.audit_actions import ACTIONS
from puqpanel.domain.principals import Principal
from puqpanel.domain.texts import Text
from puqpanel.infra.db import session
from puqpanel.infra.redact import redact, redact_message, redact_text
from puqpanel.models import Audit
from puqpanel.models.actors import actor_columns

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
    if refuse_unknown and action not in ACTIONS:
        raise ValueError(f"“{action}” is not in domain/audit_actions.py.")
    session().add(
        Audit(
            **actor_columns(replace(actor, name=redact_text(actor.name))),
            action=action,
            subject_type=subject_type,
            subject_uuid=subject_uuid,
            summary=redact_message(summary),
            task_id=task_id,
            before=redact(dict(before), secrets) if before else None,
            after=redact(dict(after), secrets) if after else None,
        )
    )


def changed(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the values that differ, before and after a change."""
    keys = [key for key in after if before.get(key) != after[key]]
    return {key: before.get(key) for key in keys}, {key: after[key] for key in keys}


def timeline(subject_type: str, subject_uuid: str, limit: int = 50) -> Sequence[Audit]:
    """Return the newest entries of an object, newest first."""
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
