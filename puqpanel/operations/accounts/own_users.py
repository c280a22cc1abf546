"""Manage the other users of one's own client.

Owners may do everything but leave the client without an owner. Others grant only what they may do
themselves, and cannot change owners or their own permissions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, InvalidInput
from puqpanel.domain.permissions import CLIENT_USERS_MANAGE, CLIENTS_USERS
from puqpanel.domain.principals import Principal
from puqpanel.domain.texts import _
from puqpanel.infra.db import find, session, transaction
from puqpanel.models import Client, ClientUser
from puqpanel.operations.accounts.members import drop, find_member, grant, known, lock_client
from puqpanel.operations.accounts.principals import granted


def own_client(actor: Principal) -> Client:
    """Return the actor's current client, locked.

    Raises:
        PermissionDenied: the user may not manage users. Staff who view the client area as a user
            need the permission of staff too.
    """
    actor.require_own(CLIENT_USERS_MANAGE, staff=CLIENTS_USERS)
    return lock_client(actor.client.uuid if actor.client else "")


@transaction()
def set_own_user_permissions(
    *, actor: Principal, user_uuid: str, owner: bool, permissions: Iterable[str]
) -> None:
    """Set what another user of the actor's client may do.

    Args:
        actor: a user who may manage users.
        user_uuid: the other user.
        owner: whether the user has all permissions.
        permissions: keys of `CLIENT_PERMISSIONS`; those that they imply are added.

    Raises:
        ConflictError: the actor may not change this user, or the client would have no owner.
        InvalidInput: a key is unknown, or more than the actor may do.
        NotFoundError: the user does not belong to the client.
    """
    client = own_client(actor)
    member = find_member(client.uuid, user_uuid)
    check_may_change(actor, member)
    keys = known(permissions)
    kept = () if member.owner else member.permissions
    check_may_grant(membership(client, actor.id), owner, set(keys) - set(kept))
    grant(actor, client, member, owner, keys)


@transaction()
def remove_own_user(*, actor: Principal, user_uuid: str) -> None:
    """Remove another user from the actor's client; the user account is kept.

    Raises:
        ConflictError: the actor may not remove this user.
        NotFoundError: the user does not belong to the client.
    """
    client = own_client(actor)
    member = find_member(client.uuid, user_uuid)
    check_may_change(actor, member)
    drop(actor, client, member)


def may_change(actor: Principal, member: ClientUser) -> bool:
    """Return whether a user may change another user of their client."""
    if not actor.may(CLIENT_USERS_MANAGE) or member.user_id == actor.id:
        return False
    return not member.owner or membership(member.client, actor.id).owner


def check_may_change(actor: Principal, member: ClientUser) -> None:
    """Check that a user may change another user of their client.

    Raises:
        ConflictError: it is the actor, or an owner and the actor is none.
    """
    if member.user_id == actor.id:
        raise ConflictError(_("You can't change your own access. Ask another user to do it."))
    if not may_change(actor, member):
        raise ConflictError(_("Only an owner can change another owner."))


def check_may_grant(member: ClientUser, owner: bool, keys: Collection[str]) -> None:
    """Check that a user may give permissions to others.

    Args:
        member: who gives them.
        owner: whether the other user becomes an owner.
        keys: of `CLIENT_PERMISSIONS`.

    Raises:
        InvalidInput: it is more than they may do themselves.
    """
    if member.owner:
        return
    if owner:
        raise InvalidInput({"owner": [_("Only an owner can make another user an owner.")]})
    if set(keys) - granted(member):
        text = _("You can only grant permissions you have yourself.")
        raise InvalidInput({"permissions": [text]})


def membership(client: Client, user_id: int | None) -> ClientUser:
    """Return the membership of a user.

    Raises:
        NotFoundError: the user does not belong to the client.
    """
    query = sa.select(ClientUser).where(
        ClientUser.client_id == client.id, ClientUser.user_id == user_id
    )
    return find(query, _("This user does not belong to the client."))


def is_member(client: Client, user_id: int) -> bool:
    """Return whether a user belongs to a client."""
    return session().get(ClientUser, (client.id, user_id)) is not None
