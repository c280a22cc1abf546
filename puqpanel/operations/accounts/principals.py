"""Principals of signed-in staff and users, built once per request."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import contains_eager

from puqpanel.domain.permissions import CLIENT_KEYS, with_implied
from puqpanel.domain.principals import CurrentClient, Principal, PrincipalKind
from puqpanel.infra.db import session
from puqpanel.models import Client, ClientUser, Staff, User


def staff_principal(staff: Staff, *, ip: str = "", session_id: int | None = None) -> Principal:
    """Return the principal of a staff member, with the permissions of all roles."""
    return Principal(
        PrincipalKind.STAFF,
        staff.id,
        staff.name,
        ip,
        session_id,
        staff.uuid,
        staff.permissions,
    )


def user_principal(
    user: User,
    *,
    ip: str = "",
    session_id: int | None = None,
    members: Sequence[ClientUser],
    client_uuid: str = "",
    impersonated_by: Principal | None = None,
) -> Principal:
    """Return the principal of a user for one of their clients.

    Args:
        user: the user.
        ip: the address of the request.
        session_id: primary key of the session.
        members: the user's clients, see `memberships`.
        client_uuid: the selected client; the first one if the user does not belong to it, or no
            longer does.
        impersonated_by: the staff member who acts as the user.
    """
    member = next((each for each in members if each.client.uuid == client_uuid), None)
    if member is None:
        member = members[0] if members else None
    permissions: frozenset[str] = frozenset()
    client = None
    if member is not None:
        permissions = granted(member)
        client = CurrentClient(member.client.id, member.client.uuid, member.client.name)
    return Principal(
        PrincipalKind.USER,
        user.id,
        user.name,
        ip,
        session_id,
        user.uuid,
        permissions,
        client,
        impersonated_by,
    )


def memberships(user_id: int) -> list[ClientUser]:
    """Return a user's active clients by name, those that the user owns first."""
    query = (
        sa.select(ClientUser)
        .join(ClientUser.client)
        .options(contains_eager(ClientUser.client))
        .where(ClientUser.user_id == user_id, Client.active)
        .order_by(ClientUser.owner.desc(), Client.name, Client.id)
    )
    return list(session().scalars(query))


def granted(member: ClientUser) -> frozenset[str]:
    """Return the permissions of a user for a client; the owner has all."""
    if member.owner:
        return CLIENT_KEYS
    return with_implied(member.permissions, CLIENT_KEYS) & CLIENT_KEYS
