"""Users of a client: who they are and what they may do for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from puqpanel.domain.errors import ConflictError, InvalidInput
from puqpanel.domain.permissions import CLIENT_KEYS, CLIENTS_USERS, with_implied
from puqpanel.domain.principals import Principal, PrincipalKind
from puqpanel.domain.session_ends import SessionEnd
from puqpanel.domain.texts import _
from puqpanel.infra.db import find, save, session, transaction
from puqpanel.models import Client, ClientUser, Invitation, User
from puqpanel.operations.accounts import sessions
from puqpanel.operations.accounts.passwords import check_password, hash_password, prepared
from puqpanel.operations.system import audit
from puqpanel.operations.system.fields import clean_email, clean_name


def find_member(client_uuid: str, user_uuid: str) -> ClientUser:
    """Return the membership of a user in a client.

    Raises:
        NotFoundError: the user does not belong to the client.
    """
    query = sa.select(ClientUser).join(ClientUser.client).join(ClientUser.user)
    query = query.where(Client.uuid == client_uuid, User.uuid == user_uuid)
    query = query.options(joinedload(ClientUser.client), joinedload(ClientUser.user))
    return find(query, _("This user does not belong to the client."))


@prepared("password")
@transaction()
def add_user(
    *,
    actor: Principal,
    client_uuid: str,
    email: str,
    name: str,
    password: str = "",
    owner: bool = False,
    permissions: Sequence[str] = (),
) -> User:
    """Add a user to a client; an existing user keeps their password.

    Args:
        actor: who adds the user.
        client_uuid: the client.
        email: address of the user account, which is created if it does not exist.
        name: name of a new user.
        password: password of a new user, in plain text; with one, an existing account is refused.
        owner: whether the user has all permissions.
        permissions: of other users, keys of `CLIENT_PERMISSIONS`.

    Raises:
        InvalidInput: a field is invalid, the user belongs to the client already, or the client
            would have no owner.
    """
    actor.require(CLIENTS_USERS)
    address, keys = clean_email(email), known(permissions)
    client = lock_client(client_uuid)
    if not owner and not any(member.owner for member in client.members):
        raise InvalidInput({"owner": [_("The first user of a client must be an owner.")]})
    user = session().scalar(sa.select(User).where(User.email == address))
    if user is None:
        user = create_user(client, address, name, password)
    elif session().get(ClientUser, (client.id, user.id)) is not None:
        raise _added(address)
    elif password:
        text = _(
            "%(email)s already has an account, and its password can't be set here. Check that it is"
            " the account of this person, then leave the password blank to add it.",
            email=address,
        )
        raise InvalidInput({"email": [text]})
    join(actor, client, user, owner, keys)
    return user


def create_user(client: Client, address: str, name: str, password: str) -> User:
    """Create a user account that is about to join a client.

    Raises:
        InvalidInput: the name or the password is invalid, or the address has an account.
    """
    shown = clean_name(name)
    check_password(password, about=(shown, address, client.name, client.company))
    return save(
        User(email=address, name=shown, password_hash=hash_password(password)),
        InvalidInput({"email": [_("This e-mail address is already in use.")]}),
    )


def join(actor: Principal, client: Client, user: User, owner: bool, keys: list[str]) -> None:
    """Make an account a user of a client.

    Raises:
        InvalidInput: it is one already.
    """
    save(ClientUser(client=client, user=user, owner=owner, permissions=keys), _added(user.email))
    audit.record(
        actor=actor,
        action="client.user_added",
        subject_type="client",
        subject_uuid=client.uuid,
        summary=_("%(address)s added as a user of %(name)s.", address=user.email, name=client.name),
        after={"user": user.email, "owner": owner, "permissions": keys},
    )


@transaction()
def remove_user(*, actor: Principal, client_uuid: str, user_uuid: str) -> None:
    """Remove a user from a client; the user account is kept.

    Raises:
        ConflictError: it is the only owner.
        NotFoundError: the user does not belong to the client.
    """
    actor.require(CLIENTS_USERS)
    client = lock_client(client_uuid)
    drop(actor, client, find_member(client_uuid, user_uuid))


def drop(actor: Principal, client: Client, member: ClientUser) -> None:
    """Remove a user from a locked client.

    Raises:
        ConflictError: it is the only owner.
    """
    _check_owner_left(client, member)
    _end_invitations(client, member)
    client.members.remove(member)
    _end_sessions(actor, member.user)
    audit.record(
        actor=actor,
        action="client.user_removed",
        subject_type="client",
        subject_uuid=client.uuid,
        summary=_(
            "%(email)s removed as a user of %(name)s.", email=member.user.email, name=client.name
        ),
    )


@prepared("password")
@transaction()
def set_user_password(*, actor: Principal, client_uuid: str, user_uuid: str, password: str) -> None:
    """Set a new password for a client's user and end the user's sessions."""
    actor.require(CLIENTS_USERS)
    member = find_member(client_uuid, user_uuid)
    check_password(password, about=(member.user.name, member.user.email))
    member.user.password_hash = hash_password(password)
    sessions.end_all_for(member.user, SessionEnd.PASSWORD_CHANGED, actor)
    audit.record(
        actor=actor,
        action="user.password_set",
        subject_type="client",
        subject_uuid=client_uuid,
        summary=_("New password set for %(email)s.", email=member.user.email),
    )


@transaction()
def set_user_permissions(
    *,
    actor: Principal,
    client_uuid: str,
    user_uuid: str,
    owner: bool,
    permissions: Iterable[str],
) -> None:
    """Set what a user may do for a client; a change ends the user's sessions.

    Args:
        actor: who sets them.
        client_uuid: the client.
        user_uuid: the user.
        owner: whether the user has all permissions.
        permissions: keys of `CLIENT_PERMISSIONS`; those that they imply are added.

    Raises:
        InvalidInput: a key is unknown.
        ConflictError: the client would have no owner.
        NotFoundError: the user does not belong to the client.
    """
    actor.require(CLIENTS_USERS)
    client = lock_client(client_uuid)
    grant(actor, client, find_member(client_uuid, user_uuid), owner, known(permissions))


def grant(
    actor: Principal, client: Client, member: ClientUser, owner: bool, keys: list[str]
) -> None:
    """Set what a user may do for a locked client.

    Raises:
        ConflictError: the client would have no owner.
    """
    if not owner:
        _check_owner_left(client, member)
    before = {"owner": member.owner, "permissions": member.permissions}
    member.owner, member.permissions = owner, keys
    old, new = audit.changed(before, {"owner": owner, "permissions": keys})
    if new:
        _end_invitations(client, member)
        _end_sessions(actor, member.user)
    audit.record(
        actor=actor,
        action="client.user_permissions_changed",
        subject_type="client",
        subject_uuid=client.uuid,
        summary=_("Permissions of %(email)s changed.", email=member.user.email),
        before=old,
        after=new,
    )


def lock_client(uuid: str) -> Client:
    """Lock a client, so that two changes cannot each remove the other's last owner."""
    query = sa.select(Client).where(Client.uuid == uuid).with_for_update()
    return find(query.execution_options(populate_existing=True), _("Client not found."))


def _end_invitations(client: Client, member: ClientUser) -> None:
    """Delete a user's open invitations: they could grant more than the user still may."""
    session().execute(
        sa.delete(Invitation).where(
            Invitation.client_id == client.id, Invitation.inviter_id == member.user_id
        )
    )


def _end_sessions(actor: Principal, user: User) -> None:
    """End the sessions of a user whose rights staff changed.

    Other users cannot: the sessions are those of the user's other clients too. Rights are read at
    each request anyway.
    """
    if actor.kind is not PrincipalKind.USER:
        sessions.end_all_for(user, SessionEnd.RIGHTS_CHANGED, actor)


def _check_owner_left(client: Client, member: ClientUser) -> None:
    if member.owner and not any(each.owner for each in client.members if each is not member):
        raise ConflictError(
            _(
                "%(email)s is the only owner of this client; make another user an owner first.",
                email=member.user.email,
            )
        )


def known(permissions: Iterable[str]) -> list[str]:
    """Return keys of `CLIENT_PERMISSIONS` with those that they imply, sorted.

    Raises:
        InvalidInput: a key is unknown.
    """
    keys = with_implied(permissions, CLIENT_KEYS)
    if unknown := keys - CLIENT_KEYS:
        raise InvalidInput(
            {
                "permissions": [
                    _("Unknown permissions: %(items)s.", items=", ".join(sorted(unknown)))
                ]
            }
        )
    return sorted(keys)


def _added(address: str) -> InvalidInput:
    text = _("%(address)s is already a user of this client.", address=address)
    return InvalidInput({"email": [text]})
