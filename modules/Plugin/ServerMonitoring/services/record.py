"""Keeps what was found: results, sums of the hour and the day, how each check stands, outages,
and the events about them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from puqpanel.sdk import db, event, now

from ..models.checks import Check, Outage
from ..models.results import DAY, HOUR, Result, Summary
from .probes import Finding, Job
from .states import CAME_BACK, UNKNOWN, WENT_DOWN, Standing, after

Found = tuple[Job, Finding, datetime]
SLOW_MS = 2000


def record(batch: Sequence[Found]) -> dict[str, int]:
    """Keeps a batch in one transaction; what was paused, changed or deleted while it was looked
    at is dropped. Answers how many of each kind.
    """
    done = {"up": 0, "down": 0, "unable": 0, "dropped": 0}
    if not batch:
        return done
    with db.transaction() as session:
        ids = sorted({job.check_id for job, _, _ in batch})
        wanted = (
            sa.select(Check)
            .where(Check.id.in_(ids), Check.active)
            .order_by(Check.id)
            .with_for_update()
        )
        checks = {
            check.id: check
            for check in session.scalars(wanted.execution_options(populate_existing=True))
        }
        kept: list[tuple[Check, Finding, datetime]] = []
        for job, finding, at in batch:
            check = checks.get(job.check_id)
            if check is None or (check.type, check.target, check.config) != (
                job.type,
                job.target,
                dict(job.config),
            ):
                done["dropped"] += 1
                continue
            kept.append((check, finding, at))
            done["unable" if finding.ok is None else "up" if finding.ok else "down"] += 1
            session.add(
                Result(
                    check_id=check.id,
                    status=finding.ok,
                    response_time=finding.milliseconds,
                    error_message=finding.reason[:300],
                    checked_at=at,
                )
            )
            _stand(session, check, finding, at)
        _sum_up(session, kept)
    return done


def _stand(session: Session, check: Check, finding: Finding, at: datetime) -> None:
    before = Standing(check.state, check.failures, check.failing_since)
    stands, change = after(before, finding.ok, at, int(check.config.get("failures") or 1))
    if stands.state != check.state:
        check.state_since = at
    check.state, check.failures, check.failing_since = (
        stands.state,
        stands.failures,
        stands.failing_since,
    )
    check.checked_at, check.response_time, check.error_message = (
        at,
        finding.milliseconds,
        finding.reason[:300],
    )
    check.slow = finding.ok is False or (finding.milliseconds or 0) > SLOW_MS
    if change == WENT_DOWN:
        check.state_since = stands.failing_since or at
        session.add(
            Outage(check_id=check.id, started_at=check.state_since, reason=check.error_message)
        )
        event.dispatch(
            "monitoring.down",
            {**told(check), "reason": check.error_message, "since": check.state_since.isoformat()},
        )
    elif change == CAME_BACK:
        started = end_outage(session, check, at, "recovered") or at
        event.dispatch(
            "monitoring.up",
            {
                **told(check),
                "since": at.isoformat(),
                "down_seconds": int((at - started).total_seconds()),
            },
        )


def told(check: Check) -> dict[str, Any]:
    """What an event says of a check."""
    facts = {"check_id": check.id, "name": check.name, "type": check.type, "target": check.target}
    return {
        **facts,
        "client_uuid": check.client_uuid or "",
        "service_uuid": check.service_uuid or "",
    }


def end_outage(session: Session, check: Check, at: datetime, by: str) -> datetime | None:
    """Closes the open outage of a check; answers when it began, or None where there was none."""
    outage = session.scalars(
        sa.select(Outage)
        .where(Outage.check_id == check.id, Outage.ended_at.is_(None))
        .order_by(Outage.id.desc())
        .limit(1)
    ).first()
    if outage is None:
        return None
    outage.ended_at, outage.ended_by = at, by
    return outage.started_at


def forget_state(session: Session, check: Check) -> None:
    """Begins anew: it was paused, or something else is checked from now on.

    An open outage is closed without a message: nobody saw it end.
    """
    moment = now()
    end_outage(session, check, moment, "stopped")
    check.state, check.state_since, check.failures, check.failing_since = UNKNOWN, moment, 0, None
    check.error_message, check.slow = "", False


def _sum_up(session: Session, kept: Sequence[tuple[Check, Finding, datetime]]) -> None:
    if not kept:
        return
    slots = {(check.id, grain, start(grain, at)) for check, _, at in kept for grain in (HOUR, DAY)}
    earliest = min(begin for _, _, begin in slots)
    wanted = sa.select(Summary).where(
        Summary.check_id.in_({check.id for check, _, _ in kept}), Summary.starts_at >= earliest
    )
    there = {
        (row.check_id, row.grain, row.starts_at): row
        for row in session.scalars(wanted.execution_options(populate_existing=True))
    }
    for check, finding, at in kept:
        for grain in (HOUR, DAY):
            key = check.id, grain, start(grain, at)
            row = there.get(key)
            if row is None:
                row = there[key] = Summary(
                    check_id=check.id,
                    grain=grain,
                    starts_at=key[2],
                    up=0,
                    down=0,
                    unable=0,
                    response_sum=0,
                    response_max=0,
                )
                session.add(row)
            if finding.ok is None:
                row.unable += 1
            elif not finding.ok:
                row.down += 1
            else:
                row.up += 1
                row.response_sum += finding.milliseconds or 0
                row.response_max = max(row.response_max, finding.milliseconds or 0)


def start(grain: str, at: datetime) -> datetime:
    """Where the hour or the day of a moment begins, in UTC."""
    plain = datetime(at.year, at.month, at.day, at.hour, tzinfo=at.tzinfo)
    return plain.replace(hour=0) if grain == DAY else plain
