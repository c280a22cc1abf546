"""Decisions of staff on lines, and reporting confirmed ones to the panel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from puqpanel.sdk import PaymentReport, db, now

from ..models.statements import BOOKED, CONFIRMED, IGNORED, NEW, Line
from .matching import Match


def confirm(line_id: int, match: Match | None, by: str) -> bool:
    """Record what a new line pays; None leaves it to the panel. False if it is not new any more."""
    values: dict[str, Any] = {"state": CONFIRMED}
    if match is not None:
        values |= {
            "attempt_uuid": match.attempt_uuid,
            "invoice_uuid": match.invoice_uuid,
            "reference": match.reference,
            "number": match.number,
        }
        if match.gateway_uuid:
            values["gateway_uuid"] = match.gateway_uuid
    return _change(line_id, NEW, by, values)


def ignore(line_id: int, by: str) -> bool:
    """Record that a new line is no payment of a client."""
    return _change(line_id, NEW, by, {"state": IGNORED})


def restore(line_id: int, by: str) -> bool:
    """Make an ignored line new again."""
    return _change(line_id, IGNORED, by, {"state": NEW})


def report_of(line: Line) -> PaymentReport:
    """Return the report of a line. Its id is the line's digest, so that it is counted once."""
    return PaymentReport(
        outside_id=line.digest,
        status="succeeded",
        amount=line.amount,
        currency=line.currency,
        attempt=line.attempt_uuid,
        checkout=line.reference,
        invoice="" if line.attempt_uuid else line.invoice_uuid,
        reference=line.text,
        payer=line.payer,
        paid_on=line.booked_on,
    )


def send(gateways: Mapping[str, Any], limit: int = 200) -> dict[str, int]:
    """Report the confirmed lines, oldest first; the panel may already know some of them.

    Args:
        gateways: the module's instances by UUID.
        limit: how many lines at most.

    Returns:
        How many were `booked`, and how many `failed` and keep their reason.
    """
    query = sa.select(Line).where(Line.state == CONFIRMED).order_by(Line.id).limit(limit)
    counts = {"booked": 0, "failed": 0}
    for line in list(db.session.scalars(query.execution_options(populate_existing=True))):
        line_id, gateway, report = line.id, gateways.get(line.gateway_uuid), report_of(line)
        # a deleted gateway reports nothing; its lines wait until staff see the reason
        error = "" if gateway else "no gateway"
        if gateway is not None:
            result = gateway.report_payments([report])
            error = "" if result.ok else result.message or "failed"
        values = {"error": error[:500]} if error else {"state": BOOKED, "error": ""}
        with db.transaction() as session:
            session.execute(
                sa.update(Line).where(Line.id == line_id, Line.state == CONFIRMED).values(**values)
            )
        counts["failed" if error else "booked"] += 1
    return counts


def reports_for(reference: str) -> Iterable[PaymentReport]:
    """Return the reports of all lines that were confirmed for a reference."""
    query = sa.select(Line).where(Line.reference == reference, Line.state.in_((CONFIRMED, BOOKED)))
    return [report_of(line) for line in db.session.scalars(query.order_by(Line.id))]


def _change(line_id: int, state: str, by: str, values: dict[str, Any]) -> bool:
    with db.transaction() as session:
        changed: Any = session.execute(
            sa.update(Line)
            .where(Line.id == line_id, Line.state == state)
            .values(decided_by=by[:200], decided_at=now(), **values)
        )
        return bool(changed.rowcount)
