"""Sessions of staff and users: start, find, renew, list and end them.

The browser has a random ID of which only the SHA-256 is stored.
"""

from __future__ import annotations

import functools
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import aliased, joinedload

from puqpanel.domain.errors import ConflictError
from puqpanel.domain.permissions import CLIENTS_IMPERSONATE, CLIENTS_USERS, STAFF_MANAGE
from puqpanel.domain.principals import Principal, PrincipalKind
from puqpanel.domain.session_ends import SessionEnd
from puqpanel.domain.texts import Text, _
from puqpanel.infra.clock import now
from puqpanel.infra.db import find, save, session, transaction, write
from puqpanel.infra.outages import outage
from puqpanel.infra.redact import storable
from puqpanel.models import AccountSession, Staff, User
from puqpanel.models.accounts.sessions import CUSTOMER, STAFF
from puqpanel.operations.accounts import session_limits as limits
from puqpanel.operations.system import audit, settings

log = structlog.get_logger(__name__)
Person = Staff | User
TOUCH_EVERY = timedelta(minutes=1)
MAX_TOKEN = 100
PAGE_SIZE = 25
JUST_CHANGED = _("The account was changed in the meantime. Sign in again.")


@dataclass(frozen=True, slots=True)
class Found:
    """A live session, its person, and the staff member who acts as the user, if any."""

    session: AccountSession
    person: Person
    impersonator: Staff | None = None


def hash_token(token: str) -> str:
    """Return the stored hash of a session ID."""
    return hashlib.sha256(token.encode()).hexdigest()


def _area(person: Person) -> str:
    return STAFF if isinstance(person, Staff) else CUSTOMER


def _of(person: Person) -> sa.ColumnElement[bool]:
    """Return the condition of the sessions of a person, without impersonations of a user."""
    if isinstance(person, Staff):
        return AccountSession.staff_id == person.id
    return sa.and_(AccountSession.user_id == person.id, AccountSession.impersonator_id.is_(None))


@transaction()
def start(
    *,
    person: Person,
    ip: str,
    user_agent: str,
    keep: bool = False,
    replaces: int | None = None,
    draft: dict[str, Any] | None = None,
) -> str:
    """Start a session and return its ID for the browser.

    Args:
        person: who signed in.
        ip: the address of the request.
        user_agent: the header of the request; only its beginning is stored.
        keep: whether the user asked to stay signed in.
        replaces: the previous session of this browser, which ends.
        draft: a submitted form to show again.

    Raises:
        ConflictError: the account was closed or its password changed since the sign-in.
    """
    hashed = person.password_hash
    # named columns only: PostgreSQL cannot lock the joined roles
    session().refresh(person, ["active", "password_hash"], with_for_update=True)
    if not person.active or person.password_hash != hashed:
        raise ConflictError(JUST_CHANGED)
    token, moment = secrets.token_urlsafe(32), now()
    area = _area(person)
    if replaces is not None:
        end_where(SessionEnd.SIGNED_IN_AGAIN, AccountSession.id == replaces)
    save(
        AccountSession(
            token_hash=hash_token(token),
            area=area,
            staff_id=person.id if area == STAFF else None,
            user_id=person.id if area == CUSTOMER else None,
            keep=keep and area == CUSTOMER,
            seen_at=moment,
            expires_at=moment + limits.absolute_limit(area, keep=keep),
            ip=ip[:45],
            user_agent=storable(user_agent)[:300],
            draft=draft,
        )
    )
    _end_surplus(person)
    return token


def _end_surplus(person: Person) -> None:
    oldest_kept = session().scalar(
        sa.select(AccountSession.id)
        .where(_of(person), AccountSession.ended_at.is_(None))
        .order_by(AccountSession.id.desc())
        .offset(limits.MAX_LIVE - 1)
        .limit(1)
    )
    if oldest_kept is not None:
        end_where(SessionEnd.TOO_MANY, _of(person), AccountSession.id < oldest_kept)


def find_live(*, area: str, token: str) -> Found | None:
    """Return the live session with an ID and its person, in one query.

    Args:
        area: a session of the other area is not found.
        token: the ID as the browser sent it.
    """
    if not token or len(token) > MAX_TOKEN:
        return None
    hashed = {"token_hash": hash_token(storable(token))}
    row = session().execute(_live_session(area), hashed).unique().one_or_none()
    if row is None:
        return None
    settings.use_version(row[-1])
    if overdue(row[0]) is not None:
        return None
    if row[0].impersonator_id is None:
        return Found(row[0], row[1])
    _, person, impersonator, parent, _ = row
    if impersonator is None or parent is None or not impersonator.active:
        return None
    if parent.ended_at or overdue(parent) or not impersonator.may(CLIENTS_IMPERSONATE):
        return None
    return Found(row[0], person, impersonator)


@functools.cache
def _live_session(area: str) -> sa.Select[Any]:
    """Return the query for a session by `token_hash`; built once, because every request runs it."""
    query: sa.Select[Any] = _staff_sessions() if area == STAFF else _user_sessions()
    return query.where(
        AccountSession.token_hash == sa.bindparam("token_hash"),
        AccountSession.area == area,
        AccountSession.ended_at.is_(None),
    ).add_columns(settings.version_column())


def _staff_sessions() -> Any:
    return (
        sa.select(AccountSession, Staff)
        .join(Staff, Staff.id == AccountSession.staff_id)
        .where(Staff.active)
        .options(joinedload(Staff.roles))
    )


def _user_sessions() -> Any:
    """Select sessions with their user, and the staff member who acts as the user, if any."""
    parent = aliased(AccountSession)
    return (
        sa.select(AccountSession, User, Staff, parent)
        .join(User, User.id == AccountSession.user_id)
        .outerjoin(Staff, Staff.id == AccountSession.impersonator_id)
        .outerjoin(parent, parent.id == AccountSession.parent_id)
        .where(User.active)
        .options(joinedload(Staff.roles))
    )


def overdue(row: AccountSession) -> SessionEnd | None:
    """Return the limit that a session has exceeded; None if none."""
    moment = now()
    if row.expires_at <= moment:
        return SessionEnd.EXPIRED
    if row.keep or row.impersonator_id is not None:
        return None
    return SessionEnd.IDLE if row.seen_at <= moment - limits.idle_limit(row.area) else None


def touch(row: AccountSession, ip: str) -> None:
    """Record the last use of a session, at most once a minute; an error only delays it.

    The condition on the old value lets one of several requests at once write. The clock may have
    been set back, so a time in the future is replaced too.
    """
    moment = now()
    if abs(moment - row.seen_at) < TOUCH_EVERY:
        return
    try:
        write(
            sa.update(AccountSession)
            .where(
                AccountSession.id == row.id,
                AccountSession.seen_at == row.seen_at,
                AccountSession.ended_at.is_(None),
            )
            .values(seen_at=moment, ip=ip[:45])
        )
        if row.parent_id is not None:  # viewing as a client is activity of the staff member
            write(
                sa.update(AccountSession)
                .where(AccountSession.id == row.parent_id, AccountSession.ended_at.is_(None))
                .values(seen_at=moment)
            )
    except SQLAlchemyError as error:
        if not outage(error):
            raise
        # pages that only read still work with a full or read-only database
        log.warning("cannot record the use of a session", exc_info=error)


@transaction()
def renew(*, session_id: int) -> str | None:
    """Give a live session a new ID and return it; None if the session has ended."""
    token = secrets.token_urlsafe(32)
    renewed = write(
        sa.update(AccountSession)
        .where(AccountSession.id == session_id, AccountSession.ended_at.is_(None))
        .values(token_hash=hash_token(token))
    )
    return token if renewed else None


def draft_of(session_id: int) -> Any:
    """Return the submitted form to show again in a session; None if there is none."""
    return session().scalar(sa.select(AccountSession.draft).where(AccountSession.id == session_id))


def save_draft(*, session_id: int, draft: dict[str, Any] | None) -> None:
    """Store a submitted form to show again; None deletes the stored one."""
    write(
        sa.update(AccountSession)
        .where(AccountSession.id == session_id, AccountSession.ended_at.is_(None))
        .values(draft=draft)
    )


def live(person: Person, page: int = 1) -> tuple[Sequence[AccountSession], bool]:
    """Return a page of a person's live sessions, newest first, and whether more follow."""
    moment = now()
    conditions = [
        _of(person),
        AccountSession.ended_at.is_(None),
        AccountSession.expires_at > moment,
        sa.or_(
            AccountSession.keep, AccountSession.seen_at > moment - limits.idle_limit(_area(person))
        ),
    ]
    rows = session().scalars(
        sa.select(AccountSession)
        .where(*conditions)
        .order_by(AccountSession.id.desc())
        .offset((page - 1) * PAGE_SIZE)
        .limit(PAGE_SIZE + 1)
    )
    fetched = rows.all()
    return fetched[:PAGE_SIZE], len(fetched) > PAGE_SIZE


@transaction()
def end(*, actor: Principal, person: Person, uuid: str, client_uuid: str = "") -> None:
    """End one session of a person.

    Args:
        actor: the person or staff.
        person: whose session it is.
        uuid: the session.
        client_uuid: the client whose timeline shows it; empty for the person's own.

    Raises:
        NotFoundError: the person has no such session.
    """
    _require_control(actor, person)
    row = find(
        sa.select(AccountSession).where(_of(person), AccountSession.uuid == uuid),
        _("Session not found."),
    )
    if end_where(_reason(actor, person), AccountSession.id == row.id):
        summary = _("Ended a session of %(name)s.", name=person.name)
        _record(actor, person, summary, {"session": uuid}, client_uuid)


@transaction()
def end_all(*, actor: Principal, person: Person, client_uuid: str = "") -> int:
    """End all sessions of a person except the actor's own and return their number."""
    _require_control(actor, person)
    count = end_all_for(person, _reason(actor, person), actor)
    if count:
        summary = _("Ended all sessions of %(name)s.", name=person.name)
        _record(actor, person, summary, {"sessions": count}, client_uuid)
    return count


def end_all_for(person: Person, reason: SessionEnd, actor: Principal) -> int:
    """End all sessions of a person except the actor's own, for a change that does its own audit.

    Returns:
        The number of ended sessions.
    """
    where = [_of(person)]
    if actor.session_id is not None:
        where.append(AccountSession.id != actor.session_id)
    return end_where(reason, *where)


def end_own(*, session_id: int) -> bool:
    """End a session at its sign-out and return whether it was live."""
    return bool(end_where(SessionEnd.SIGNED_OUT, AccountSession.id == session_id))


def _is_own(actor: Principal, person: Person) -> bool:
    kind = PrincipalKind.STAFF if isinstance(person, Staff) else PrincipalKind.USER
    return actor.kind is kind and actor.id == person.id and actor.impersonated_by is None


def _require_control(actor: Principal, person: Person) -> None:
    """Check that an actor may end a person's sessions: their own, or as staff."""
    if not _is_own(actor, person):
        actor.require(STAFF_MANAGE if isinstance(person, Staff) else CLIENTS_USERS)


def _reason(actor: Principal, person: Person) -> SessionEnd:
    return SessionEnd.BY_PERSON if _is_own(actor, person) else SessionEnd.BY_STAFF


def _record(
    actor: Principal, person: Person, summary: Text | str, after: dict[str, Any], client_uuid: str
) -> None:
    kind = "staff" if isinstance(person, Staff) else "user"
    audit.record(
        actor=actor,
        action=f"{kind}.sessions_ended",
        subject_type="client" if client_uuid else kind,
        subject_uuid=client_uuid or person.uuid,
        summary=summary,
        after=after,
    )


def end_where(reason: SessionEnd, *where: sa.ColumnElement[bool]) -> int:
    """End the live sessions that match and return their number."""
    return write(
        sa.update(AccountSession)
        .where(AccountSession.ended_at.is_(None), *where)
        .values(ended_at=now(), end_reason=reason, draft=sa.null())
    )
