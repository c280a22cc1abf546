"""Steps about unpaid documents: claim each once, and read what was done."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from puqpanel.domain.dunning import StepKind
from puqpanel.domain.texts import Text
from puqpanel.infra.clock import now
from puqpanel.infra.db import session
from puqpanel.infra.inserts import insert_missing
from puqpanel.models import Document, Service, Step

Key = tuple[str, str, str]
"""UUID of the subject, period and kind of a step."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A step to take.

    Args:
        subject_type: `document`, `service` or `order`.
        subject_uuid: the subject.
        step: what is done.
        day: in the time zone of the company.
        reason: why.
        document_id: the unpaid document.
        period: what the step belongs to; see the model.
    """

    subject_type: str
    subject_uuid: str
    step: StepKind
    day: date
    reason: Text
    document_id: int | None
    period: str = ""


def claim_all(claims: Sequence[Claim]) -> set[Key]:
    """Record steps that nobody has taken, in the transaction that takes them.

    Returns:
        Those that were recorded; all others were taken before.
    """
    moment = now()
    rows = [
        {
            "subject_type": each.subject_type,
            "subject_uuid": each.subject_uuid,
            "period": each.period,
            "step": each.step.value,
            "day": each.day,
            "reason": each.reason,
            "document_id": each.document_id,
            "created_at": moment,
        }
        for each in claims
    ]
    taken = insert_missing(Step, rows, ("subject_uuid", "period", "step"))
    return {(row[0], row[1], row[2]) for row in taken}


def claim(wanted: Claim) -> Step | None:
    """Record a step in the transaction that takes it; None if it was taken before."""
    if not claim_all([wanted]):
        return None
    return (
        session()
        .scalars(
            _of(wanted.subject_type, [wanted.subject_uuid]).where(
                Step.period == wanted.period, Step.step == wanted.step
            )
        )
        .one()
    )


def taken(subject_type: str, uuids: Collection[str]) -> set[Key]:
    """Return which steps of subjects of a kind were taken."""
    query = sa.select(Step.subject_uuid, Step.period, Step.step)
    where = (Step.subject_type == subject_type, Step.subject_uuid.in_(uuids))
    return {(row[0], row[1], row[2]) for row in session().execute(query.where(*where))}


def of_service(uuid: str) -> Sequence[Step]:
    """Return the steps of a service with their documents, the latest first, 20 at most."""
    query = _of("service", [uuid]).options(joinedload(Step.document).lazyload("*"))
    return session().scalars(query.order_by(Step.id.desc()).limit(20)).all()


def of_document(document: Document) -> Sequence[sa.Row[Step, str | None]]:
    """Return the steps about a document, the latest first, with the names of their services."""
    service = sa.and_(Step.subject_type == "service", Service.uuid == Step.subject_uuid)
    query = sa.select(Step, Service.name).outerjoin(Service, service)
    query = query.where(Step.document_id == document.id).order_by(Step.id.desc())
    return session().execute(query.limit(50)).all()


def suspension_of(uuid: str) -> Step | None:
    """Return the step for which a service is suspended, or is being suspended.

    None if it is not suspended, or staff suspended it.
    """
    query = _of("service", [uuid]).where(Step.step == StepKind.SUSPEND, Step.ended_at.is_(None))
    return session().scalars(query.order_by(Step.id.desc()).limit(1)).first()


def end_suspension(uuid: str) -> None:
    """Record that a service is no longer suspended; requires a transaction."""
    session().execute(
        sa.update(Step)
        .where(Step.subject_type == "service", Step.subject_uuid == uuid)
        .where(Step.step == StepKind.SUSPEND, Step.ended_at.is_(None))
        .values(ended_at=now())
        .execution_options(synchronize_session=False)
    )


def _of(subject_type: str, uuids: Collection[str]) -> sa.Select[Step]:
    query = sa.select(Step).where(Step.subject_type == subject_type, Step.subject_uuid.in_(uuids))
    return query.execution_options(populate_existing=True)
