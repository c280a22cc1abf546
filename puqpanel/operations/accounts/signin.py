"""Sign-in: an unknown address, a wrong password and a closed account give the same error."""

from __future__ import annotations

from typing import TypeVar

import sqlalchemy as sa

from puqpanel.domain.emails import email_key
from puqpanel.domain.errors import ConflictError, InvalidInput, UserError
from puqpanel.domain.principals import Principal, PrincipalKind
from puqpanel.domain.session_ends import SessionEnd
from puqpanel.domain.texts import _
from puqpanel.infra.clock import now
from puqpanel.infra.db import release, session, transaction
from puqpanel.infra.events import raise_event
from puqpanel.infra.redact import storable
from puqpanel.models import Staff, User
from puqpanel.operations.accounts import passwords, sessions
from puqpanel.operations.system import audit

Account = TypeVar("Account", Staff, User)
REFUSED = _("Incorrect e-mail or password.")


def sign_in_staff(*, email: str, password: str, ip: str) -> Staff:
    """Return the staff account with an e-mail address and password.

    Raises:
        UserError: the credentials are wrong or the account is closed.
        ConflictError: the account was changed meanwhile.
    """
    return _sign_in(Staff, PrincipalKind.STAFF, email, password, ip)


def sign_in_user(*, email: str, password: str, ip: str) -> User:
    """Return the user account with an e-mail address and password.

    Raises:
        UserError: the credentials are wrong or the account is closed.
        ConflictError: the account was changed meanwhile.
    """
    return _sign_in(User, PrincipalKind.USER, email, password, ip)


def _sign_in(
    table: type[Account], kind: PrincipalKind, email: str, password: str, ip: str
) -> Account:
    address = storable(email_key(email)[:254])
    raise_event(f"{kind}.before_login", {"email": address, "ip": ip})
    found = session().scalar(sa.select(table).where(table.email == address))
    if found is not None and found.email != address:
        found = None  # a collation for which other letters, or spaces at the end, are equal
    hashed = found.password_hash if found is not None and found.active else None
    release()
    if not passwords.matches(hashed, password) or found is None or hashed is None:
        with transaction():
            audit.count_refusal(
                actor=Principal(kind, None, address, ip),
                action=f"{kind}.failed_authorization",
                subject_type=kind,
                subject_uuid=found.uuid if found else "",
            )
        raise_event(f"{kind}.failed_authorization", {"email": address, "ip": ip})
        raise UserError(REFUSED)
    fresh = passwords.hash_password(password) if passwords.stale(hashed) else hashed
    with transaction() as current:
        account = current.get_one(table, found.id, with_for_update=True, populate_existing=True)
        if not account.active or account.password_hash != hashed:
            raise ConflictError(sessions.JUST_CHANGED)
        account.last_login_at = now()
        account.password_hash = fresh
        audit.record(
            actor=Principal(kind, account.id, account.name, ip),
            action=f"{kind}.signed_in",
            subject_type=kind,
            subject_uuid=account.uuid,
            summary=_("Signed in."),
        )
    raise_event(f"{kind}.after_login", {f"{kind}_uuid": account.uuid, "ip": ip})
    return account


def sign_out(*, actor: Principal) -> None:
    """End the actor's session and record the sign-out."""
    uuids = (
        sa.select(Staff.uuid).where(Staff.id == actor.id)
        if actor.kind is PrincipalKind.STAFF
        else sa.select(User.uuid).where(User.id == actor.id)
    )
    payload = {f"{actor.kind}_uuid": session().scalar(uuids) or "", "ip": actor.ip}
    raise_event(f"{actor.kind}.before_logout", payload)
    with transaction():
        if actor.session_id is not None and not sessions.end_own(session_id=actor.session_id):
            return  # another request has signed out
        audit.record(
            actor=actor,
            action=f"{actor.kind}.signed_out",
            subject_type=actor.kind,
            summary=_("Signed out."),
        )
    raise_event(f"{actor.kind}.after_logout", payload)


def change_own_password(*, actor: Principal, current: str, password: str) -> Staff | User:
    """Set the actor's own password and end all other sessions of the account.

    Args:
        actor: a staff member or a customer's user.
        current: the current password.
        password: the new password.

    Returns:
        The account.

    Raises:
        InvalidInput: the current password is wrong or the new one is not acceptable.
    """
    return (
        _change(Staff, actor, current, password)
        if actor.kind is PrincipalKind.STAFF
        else _change(User, actor, current, password)
    )


def _change(table: type[Account], actor: Principal, current: str, password: str) -> Account:
    found = session().get(table, actor.id)
    hashed = found.password_hash if found is not None and found.active else None
    release()
    if not passwords.matches(hashed, current) or found is None:
        with transaction():
            audit.record(
                actor=actor,
                action=f"{actor.kind}.password_refused",
                subject_type=actor.kind,
                subject_uuid=found.uuid if found else "",
                summary=_("Password change failed: the current password was incorrect."),
            )
        raise InvalidInput({"current": [_("The current password is incorrect.")]})
    passwords.check_password(password, about=(found.name, found.email))
    if password == current:
        raise InvalidInput(
            {"password": [_("Choose a password that differs from the current one.")]}
        )
    fresh = passwords.hash_password(password)
    with transaction() as writing:
        account = writing.get_one(table, found.id, with_for_update=True, populate_existing=True)
        if account.password_hash != hashed:
            raise InvalidInput(
                {"current": [_("The password was changed in the meantime. Enter the current one.")]}
            )
        account.password_hash = fresh
        sessions.end_all_for(account, SessionEnd.PASSWORD_CHANGED, actor)
        audit.record(
            actor=actor,
            action=f"{actor.kind}.password_changed",
            subject_type=actor.kind,
            subject_uuid=account.uuid,
            summary=_("Changed their own password."),
        )
    return account
