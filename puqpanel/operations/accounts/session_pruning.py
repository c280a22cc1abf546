"""Ends sessions beyond their limits, and deletes old ones, in batches."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from puqpanel.domain.session_ends import SessionEnd
from puqpanel.infra.clock import now
from puqpanel.infra.db import release, session, write
from puqpanel.models import AccountSession
from puqpanel.models.accounts.sessions import CUSTOMER, STAFF
from puqpanel.operations.accounts import session_limits as limits
from puqpanel.operations.accounts import sessions

DRAFT_KEPT = timedelta(minutes=15)
"""How long what was typed when a session ended is kept."""
BATCH = 1000


def end_overdue() -> int:
    """Mark one batch of sessions beyond their limits as ended and return their number."""
    moment = now()
    idle = sa.and_(
        ~AccountSession.keep,
        AccountSession.impersonator_id.is_(None),
        sa.or_(
            *(
                sa.and_(
                    AccountSession.area == area,
                    AccountSession.seen_at <= moment - limits.idle_limit(area),
                )
                for area in (STAFF, CUSTOMER)
            )
        ),
    )
    count = 0
    for reason, where in (
        (SessionEnd.EXPIRED, AccountSession.expires_at <= moment),
        (SessionEnd.IDLE, idle),
    ):
        query = sa.select(AccountSession.id).where(AccountSession.ended_at.is_(None), where)
        ids = session().scalars(query.limit(BATCH)).all()
        release()
        if ids:
            # they may have been used since
            count += sessions.end_where(reason, AccountSession.id.in_(ids), where)
    return count


def prune() -> int:
    """Mark overdue sessions, delete one batch of old ones and return the number deleted."""
    end_overdue()
    write(
        sa.update(AccountSession)
        .where(
            AccountSession.ended_at.is_(None),
            AccountSession.draft.is_not(None),
            AccountSession.seen_at < now() - DRAFT_KEPT,
        )
        .values(draft=sa.null())
    )
    kept = limits.retention()
    old = _ids_ended_before(now() - kept) if kept else ()
    release()
    if old:
        write(sa.delete(AccountSession).where(AccountSession.id.in_(old)))
    return len(old)


def _ids_ended_before(moment: datetime) -> Sequence[int]:
    query = sa.select(AccountSession.id).where(AccountSession.ended_at < moment)
    return session().scalars(query.order_by(AccountSession.ended_at).limit(BATCH)).all()
