"""Which documents are overdue: the day after the due date has begun in the zone of their company.

At any moment it is one of three days somewhere: the day in UTC, the one before and the one after.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.document_states import OPEN
from puqpanel.infra.clock import now
from puqpanel.infra.db import session
from puqpanel.models import Company, Document
from puqpanel.operations.billing.ledger import zone_day


def todays(days_ago: int = 0) -> sa.ColumnElement[date]:
    """Return the current day in the zone of each document's company as an SQL expression.

    It is computed when the query runs, so that the expression can be kept.

    Args:
        days_ago: how many days earlier.
    """

    def day(offset: int) -> sa.BindParameter[date]:
        shift = timedelta(days=offset - days_ago)
        return _bound(lambda: now().date() + shift, sa.Date())

    return sa.case(
        (Document.company_id.in_(_AHEAD), day(1)),
        (Document.company_id.in_(_BEHIND), day(-1)),
        else_=day(0),
    )


def is_overdue() -> sa.ColumnElement[bool]:
    """Return the condition that a document is overdue, as an SQL expression that can be kept."""
    last = _bound(lambda: now().date(), sa.Date())
    # the second condition is part of the third; an index serves it
    return sa.and_(Document.status.in_(OPEN), Document.due_on <= last, Document.due_on < todays())


def _bound(value: Callable[[], object], kind: Any, **options: bool) -> sa.BindParameter[Any]:
    return sa.bindparam("overdue", callable_=value, type_=kind, unique=True, **options)


def _companies(offset: int) -> list[int]:
    """Return the companies where it is the day in UTC, or some days later."""
    moment = now()
    day = moment.date() + timedelta(days=offset)
    rows = session().execute(sa.select(Company.id, Company.zone))
    return [key for key, zone in rows if zone_day(zone, moment) == day]


_AHEAD = _bound(lambda: _companies(1), sa.BigInteger(), expanding=True)
_BEHIND = _bound(lambda: _companies(-1), sa.BigInteger(), expanding=True)
