"""Record results: the rows, hourly and daily sums, the checks' states, outages, and events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from puqpanel.sdk import db, event, now

from ..models.checks import Check, Outage
from ..models.results import DAY, HOUR, Result, Summary
from .probes import MAX_REASON_CHARACTERS, Probe, ProbeResult
from .states import CAME_BACK, UNKNOWN, WENT_DOWN, CheckState, next_state

CompletedProbe = tuple[Probe, ProbeResult, datetime]
Recorded = tuple[Check, ProbeResult, datetime]
# Checks that took longer go to the pool of slow checks.
SLOW_MILLISECONDS = 2000


def record(batch: Sequence[CompletedProbe]) -> dict[str, int]:
    """Record results in one transaction.

    Results of checks that were paused, changed or deleted meanwhile are dropped.

    Returns:
        How many results were up, down, unable and dropped.
    """
    counts = {"up": 0, "down": 0, "unable": 0, "dropped": 0}
    if not batch:
        return counts
    with db.transaction() as session:
        checks = _lock_checks(session, {probe.check_id for probe, _, _ in batch})
        recorded: list[Recorded] = []
        for probe, result, at in batch:
            check = checks.get(probe.check_id)
            if check is None or _has_changed(check, probe):
                counts["dropped"] += 1
                continue
            recorded.append((check, result, at))
            counts[{True: "up", False: "down", None: "unable"}[result.ok]] += 1
            session.add(
                Result(
                    check_id=check.id,
                    status=result.ok,
                    response_time=result.milliseconds,
                    error_message=result.reason[:MAX_REASON_CHARACTERS],
                    checked_at=at,
                )
            )
            _update_state(session, check, result, at)
        _add_to_summaries(session, recorded)
    return counts


def _lock_checks(session: Session, ids: set[int]) -> dict[int, Check]:
    query = sa.select(Check).where(Check.id.in_(ids), Check.active).order_by(Check.id)
    query = query.with_for_update().execution_options(populate_existing=True)
    return {check.id: check for check in session.scalars(query)}


def _has_changed(check: Check, probe: Probe) -> bool:
    current = (check.type, check.target, check.config)
    return current != (probe.type, probe.target, dict(probe.config))


def _update_state(session: Session, check: Check, result: ProbeResult, at: datetime) -> None:
    before = CheckState(check.state, check.failures, check.failing_since)
    max_failures = int(check.config.get("failures") or 1)
    after, change = next_state(before, result.ok, at, max_failures)
    if after.state != check.state:
        check.state_since = at
    check.state = after.state
    check.failures, check.failing_since = after.failures, after.failing_since
    check.checked_at, check.response_time = at, result.milliseconds
    check.error_message = result.reason[:MAX_REASON_CHARACTERS]
    check.slow = result.ok is False or (result.milliseconds or 0) > SLOW_MILLISECONDS
    if change == WENT_DOWN:
        check.state_since = after.failing_since or at
        session.add(
            Outage(check_id=check.id, started_at=check.state_since, reason=check.error_message)
        )
        details = {"reason": check.error_message, "since": check.state_since.isoformat()}
        event.dispatch("monitoring.down", {**_event_data(check), **details})
    elif change == CAME_BACK:
        started_at = end_outage(session, check, at, "recovered") or at
        seconds = int((at - started_at).total_seconds())
        recovery = {"since": at.isoformat(), "down_seconds": seconds}
        event.dispatch("monitoring.up", {**_event_data(check), **recovery})


def _event_data(check: Check) -> dict[str, Any]:
    """Return the data that both events carry."""
    return {
        "check_id": check.id,
        "name": check.name,
        "type": check.type,
        "target": check.target,
        "client_uuid": check.client_uuid or "",
        "service_uuid": check.service_uuid or "",
    }


def end_outage(session: Session, check: Check, at: datetime, ended_by: str) -> datetime | None:
    """End the open outage of a check; return when it started, or None if there was none."""
    query = sa.select(Outage).where(Outage.check_id == check.id, Outage.ended_at.is_(None))
    outage = session.scalars(query.order_by(Outage.id.desc()).limit(1)).first()
    if outage is None:
        return None
    outage.ended_at, outage.ended_by = at, ended_by
    return outage.started_at


def reset_state(session: Session, check: Check) -> None:
    """Reset the state of a check that was paused, or whose target changed.

    An open outage is ended without an event, because its real end is unknown.
    """
    at = now()
    end_outage(session, check, at, "stopped")
    check.state, check.state_since, check.failures, check.failing_since = UNKNOWN, at, 0, None
    check.error_message, check.slow = "", False


def _add_to_summaries(session: Session, recorded: Sequence[Recorded]) -> None:
    if not recorded:
        return
    keys = {_key(check, grain, at) for check, _, at in recorded for grain in (HOUR, DAY)}
    earliest = min(starts_at for _, _, starts_at in keys)
    query = sa.select(Summary).where(
        Summary.check_id.in_({check.id for check, _, _ in recorded}), Summary.starts_at >= earliest
    )
    rows = session.scalars(query.execution_options(populate_existing=True))
    summaries = {(row.check_id, row.grain, row.starts_at): row for row in rows}
    for check, result, at in recorded:
        for grain in (HOUR, DAY):
            key = _key(check, grain, at)
            if key not in summaries:
                summaries[key] = Summary.empty(*key)
                session.add(summaries[key])
            summaries[key].add(result.ok, result.milliseconds or 0)


def _key(check: Check, grain: str, at: datetime) -> tuple[int, str, datetime]:
    return check.id, grain, start_of(grain, at)


def start_of(grain: str, at: datetime) -> datetime:
    """Return the start of the hour or day of a time, in UTC."""
    hour = datetime(at.year, at.month, at.day, at.hour, tzinfo=at.tzinfo)
    return hour.replace(hour=0) if grain == DAY else hour
