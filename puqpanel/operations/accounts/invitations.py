"""Invitations: users invite people to their client by a link.

The link contains a random token; only its hash is stored. Whoever opens it creates an account with
the invited address, or signs in to the one that has it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, InvalidInput, NotFoundError
from puqpanel.domain.permissions import CLIENT_USERS_VIEW
from puqpanel.domain.principals import Principal, PrincipalKind
from puqpanel.domain.texts import _
from puqpanel.infra.clock import now
from puqpanel.infra.db import find, save, session, transaction
from puqpanel.infra.redact import storable
from puqpanel.models import Client, Invitation, User
from puqpanel.operations.accounts import members, own_users
from puqpanel.operations.accounts.passwords import prepared
from puqpanel.operations.accounts.sessions import hash_token
from puqpanel.operations.system import audit
from puqpanel.operations.system.fields import clean_email

VALID = timedelta(days=7)
MAX_OPEN = 50
"""How many open invitations a client can have."""
MISSING = _("This invitation is no longer valid. Ask for a new one.")


@dataclass(frozen=True, slots=True)
class Sent:
    """An invitation with the token of its link, which cannot be read again."""

    invitation: Invitation
    token: str


@transaction()
def invite(
    *, actor: Principal, email: str, owner: bool = False, permissions: Iterable[str] = ()
) -> Sent:
    """Invite a person to the actor's client; an earlier invitation of the address is replaced.

    Args:
        actor: a user who may manage users.
        email: address of the account that the person has or creates.
        owner: whether the person gets all permissions.
        permissions: of others, keys of `CLIENT_PERMISSIONS`.

    Raises:
        ConflictError: the client has too many open invitations.
        InvalidInput: a field is invalid, the address is a user's already, or the actor may not
            grant this.
    """
    client = own_users.own_client(actor)
    address, keys = clean_email(email), members.known(permissions)
    own_users.check_may_grant(own_users.membership(client, actor.id), owner, keys)
    user = session().scalar(sa.select(User).where(User.email == address))
    if user is not None and own_users.is_member(client, user.id):
        text = _("%(address)s is already a user of this client.", address=address)
        raise InvalidInput({"email": [text]})
    stale = sa.or_(Invitation.email == address, Invitation.expires_at <= now())
    session().execute(sa.delete(Invitation).where(Invitation.client_id == client.id, stale))
    if len(_open(client)) >= MAX_OPEN:
        raise ConflictError(_("Too many open invitations. Withdraw one first."))
    token = secrets.token_urlsafe(32)
    invitation = save(
        Invitation(
            client=client,
            inviter_id=actor.id,
            email=address,
            owner=owner,
            permissions=keys,
            token_hash=hash_token(token),
            expires_at=now() + VALID,
        )
    )
    audit.record(
        actor=actor,
        action="client.user_invited",
        subject_type="client",
        subject_uuid=client.uuid,
        summary=_("%(address)s invited to join %(name)s.", address=address, name=client.name),
        after={"user": address, "owner": owner, "permissions": keys},
    )
    return Sent(invitation, token)


@transaction()
def withdraw(*, actor: Principal, uuid: str) -> None:
    """Withdraw an invitation to the actor's client.

    Raises:
        NotFoundError: there is none.
    """
    client = own_users.own_client(actor)
    query = sa.select(Invitation).where(Invitation.client_id == client.id, Invitation.uuid == uuid)
    invitation = find(query, _("This invitation does not exist."))
    session().delete(invitation)
    audit.record(
        actor=actor,
        action="client.invitation_withdrawn",
        subject_type="client",
        subject_uuid=client.uuid,
        summary=_("Invitation for %(address)s withdrawn.", address=invitation.email),
    )


def own_invitations(actor: Principal) -> Sequence[Invitation]:
    """Return the open invitations to a user's current client, the last one first."""
    actor.require_own(CLIENT_USERS_VIEW)
    client = find(
        sa.select(Client).where(Client.id == (actor.client.id if actor.client else None)), MISSING
    )
    return _open(client)


def find_invitation(token: str) -> Invitation:
    """Return the open invitation of a link.

    Raises:
        NotFoundError: there is none.
    """
    hashed = hash_token(storable(token))
    query = sa.select(Invitation).where(Invitation.token_hash == hashed)
    invitation = find(query.where(Invitation.expires_at > now()), MISSING)
    if not invitation.client.active:
        raise NotFoundError(MISSING)
    return invitation


def has_account(invitation: Invitation) -> bool:
    """Return whether the invited address has a user account."""
    query = sa.select(User.id).where(User.email == invitation.email)
    return session().scalar(query) is not None


@transaction()
def accept(*, actor: Principal, token: str) -> Client:
    """Accept an invitation as the signed-in user, and return the client.

    Raises:
        ConflictError: the invitation is for another address.
        NotFoundError: it is no longer valid.
    """
    if actor.kind is not PrincipalKind.USER or actor.impersonated_by:
        raise ConflictError(_("Only the invited person can accept this invitation."))
    user = find(sa.select(User).where(User.id == actor.id), MISSING)
    invitation = find_invitation(token)
    if user.email != invitation.email:
        text = _("This invitation is for %(address)s.", address=invitation.email)
        raise ConflictError(text)
    return _join(actor, invitation, user)


@prepared("password")
@transaction()
def accept_new(*, token: str, name: str, password: str, ip: str) -> User:
    """Accept an invitation as a new user with the invited address, and return the user.

    Args:
        token: of the link.
        name: of the person.
        password: in plain text.
        ip: the address of the visitor.

    Raises:
        InvalidInput: a field is invalid, or the address has an account.
        NotFoundError: the invitation is no longer valid.
    """
    invitation = find_invitation(token)
    client = members.lock_client(invitation.client.uuid)
    user = members.create_user(client, invitation.email, name, password)
    visitor = Principal(PrincipalKind.USER, user.id, user.name, ip, uuid=user.uuid)
    _join(visitor, invitation, user)
    return user


def _join(actor: Principal, invitation: Invitation, user: User) -> Client:
    client = members.lock_client(invitation.client.uuid)
    gone = session().execute(sa.delete(Invitation).where(Invitation.id == invitation.id))
    if not gone.rowcount:  # type: ignore[attr-defined]  # accepted or withdrawn meanwhile
        raise NotFoundError(MISSING)
    members.join(actor, client, user, invitation.owner, invitation.permissions)
    return client


def _open(client: Client) -> Sequence[Invitation]:
    query = sa.select(Invitation).where(
        Invitation.client_id == client.id, Invitation.expires_at > now()
    )
    return session().scalars(query.order_by(Invitation.id.desc())).all()
