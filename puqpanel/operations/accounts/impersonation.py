"""View as client: staff open the client area as a user, with a session of their own.

It ends after a limit, with the session of the staff member, and when they lose the permission or
are deactivated. The audit has an entry for the client and one for the staff member; everything done
meanwhile is recorded with both people.
"""

from __future__ import annotations

import secrets

from puqpanel.domain.errors import ConflictError, NotFoundError, PermissionDenied
from puqpanel.domain.permissions import CLIENTS_IMPERSONATE
from puqpanel.domain.principals import Principal
from puqpanel.domain.session_ends import SessionEnd
from puqpanel.domain.texts import Text, _
from puqpanel.infra.clock import now
from puqpanel.infra.db import save, transaction
from puqpanel.infra.redact import storable
from puqpanel.models import AccountSession
from puqpanel.models.accounts.sessions import CUSTOMER
from puqpanel.operations.accounts import clients, session_limits, sessions
from puqpanel.operations.system import audit


@transaction()
def start(*, actor: Principal, client_uuid: str, user_uuid: str, user_agent: str) -> str:
    """Start viewing the client area as a user of a client; return the session's ID.

    A view that the actor's session has opened before ends.

    Args:
        actor: a staff member with a session.
        client_uuid: the client.
        user_uuid: one of its users.
        user_agent: the header of the request.

    Raises:
        NotFoundError: the client has no such user.
        ConflictError: the client or the user is inactive.
        PermissionDenied: the actor may not do this.
    """
    actor.require(CLIENTS_IMPERSONATE)
    if actor.session_id is None:
        raise PermissionDenied(_("You don't have permission to view the client area as a client."))
    client = clients.find_client(client_uuid)
    user = next((each.user for each in client.members if each.user.uuid == user_uuid), None)
    if user is None:
        raise NotFoundError(_("This user does not belong to the client."))
    if not client.active or not user.active:
        raise ConflictError(_("The client or the user is inactive."))
    sessions.end_where(SessionEnd.SIGNED_IN_AGAIN, AccountSession.parent_id == actor.session_id)
    token, moment = secrets.token_urlsafe(32), now()
    save(
        AccountSession(
            token_hash=sessions.hash_token(token),
            area=CUSTOMER,
            user_id=user.id,
            impersonator_id=actor.id,
            parent_id=actor.session_id,
            seen_at=moment,
            expires_at=moment + session_limits.impersonation_limit(),
            ip=actor.ip[:45],
            user_agent=storable(user_agent)[:300],
        )
    )
    summary = _("Started viewing %(name)s as %(email)s.", name=client.name, email=user.email)
    _record(actor, "client.view_started", summary, client_uuid, actor.uuid)
    return token


@transaction()
def end(*, actor: Principal) -> None:
    """End the view of a user's principal with a staff member behind it."""
    staff = actor.impersonated_by
    if staff is None or actor.session_id is None:
        return
    if not sessions.end_where(SessionEnd.SIGNED_OUT, AccountSession.id == actor.session_id):
        return
    client_uuid = actor.client.uuid if actor.client else ""
    summary = _("Stopped viewing as %(name)s.", name=actor.name)
    _record(actor, "client.view_ended", summary, client_uuid, staff.uuid)


@transaction()
def record_request(*, actor: Principal, method: str, path: str) -> None:
    """Record a request that may have changed something during a view.

    Args:
        actor: the principal of the user, with the staff member.
        method: of the request.
        path: of the request.
    """
    if staff := actor.impersonated_by:
        client_uuid = actor.client.uuid if actor.client else ""
        summary = _(
            "Sent %(method)s %(path)s while viewing as %(name)s.",
            method=method,
            path=path[:300],
            name=actor.name,
        )
        _record(actor, "client.view_request", summary, client_uuid, staff.uuid)


def _record(
    actor: Principal, action: str, summary: Text | str, client_uuid: str, staff_uuid: str
) -> None:
    for kind, uuid in (("client", client_uuid), ("staff", staff_uuid)):
        if uuid:
            audit.record(
                actor=actor,
                action=action,
                subject_type=kind,
                subject_uuid=uuid,
                summary=summary,
            )
