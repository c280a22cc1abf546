"""Invitations, and what users with the permission may do about others of their client."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.errors import ConflictError, InvalidInput, NotFoundError, PermissionDenied
from puqpanel.domain.principals import CLI, Principal
from puqpanel.infra import clock
from puqpanel.infra.db import db, session
from puqpanel.models import AccountSession, Audit, Client, Invitation, User
from puqpanel.operations.accounts import (
    clients,
    invitations,
    members,
    own_users,
    principals,
    sessions,
)
from tests.sample import PASSWORD, make_client

NEW = {"name": "Nina New", "password": PASSWORD, "ip": "192.0.2.7"}


def person(user: User, client: Client) -> Principal:
    """The principal of a user in the client area."""
    shown = principals.memberships(user.id)
    return principals.user_principal(user, members=shown, client_uuid=client.uuid)


def add(client: Client, email: str, *permissions: str, owner: bool = False) -> User:
    return members.add_user(
        actor=CLI,
        client_uuid=client.uuid,
        email=email,
        name="Uma User",
        password=PASSWORD,
        owner=owner,
        permissions=permissions,
    )


@pytest.fixture
def client(panel: Panel) -> Client:
    return make_client(CLI)[0]


@pytest.fixture
def owner(client: Client) -> Principal:
    return person(clients.find_client(client.uuid).members[0].user, client)


@pytest.fixture
def manager(client: Client) -> Principal:
    """A user who may manage users and view billing, and is no owner."""
    return person(add(client, "uma@lumen.test", "users.manage", "billing.view"), client)


def access(client: Client, email: str) -> tuple[bool, list[str]]:
    member = next(m for m in clients.find_client(client.uuid).members if m.user.email == email)
    return member.owner, member.permissions


def test_an_invited_person_creates_an_account(client: Client, owner: Principal) -> None:
    sent = invitations.invite(
        actor=owner, email=" Nina@Lumen.test ", permissions=["billing.manage"]
    )
    assert sent.token not in str(sent.invitation.__dict__)
    assert not invitations.has_account(sent.invitation)
    user = invitations.accept_new(token=sent.token, **NEW)
    assert access(client, "nina@lumen.test") == (False, ["billing.manage", "billing.view"])
    assert person(user, client).may("billing.manage")
    with pytest.raises(NotFoundError):
        invitations.accept_new(token=sent.token, **NEW)
    added = session().scalars(sa.select(Audit).where(Audit.action == "client.user_added")).all()[-1]
    assert (added.actor_name, added.ip) == ("Nina New", "192.0.2.7")


def test_a_user_of_another_client_accepts_with_their_account(
    client: Client, owner: Principal
) -> None:
    other, nina = make_client(CLI, "Other", "nina@other.test")
    sent = invitations.invite(actor=owner, email="nina@other.test", owner=True)
    assert invitations.has_account(sent.invitation)
    with pytest.raises(InvalidInput):
        invitations.accept_new(token=sent.token, **NEW)
    _third, stranger = make_client(CLI, "Third", "third@other.test")
    with pytest.raises(ConflictError, match=r"nina@other\.test"):
        invitations.accept(actor=person(stranger, other), token=sent.token)
    invitations.accept(actor=person(nina, other), token=sent.token)
    assert access(client, "nina@other.test")[0]
    assert {m.client_id for m in principals.memberships(nina.id)} == {client.id, other.id}


def test_invitations_expire_are_replaced_and_withdrawn(client: Client, owner: Principal) -> None:
    first = invitations.invite(actor=owner, email="nina@lumen.test")
    second = invitations.invite(actor=owner, email="nina@lumen.test", owner=True)
    assert [each.uuid for each in invitations.own_invitations(owner)] == [second.invitation.uuid]
    with pytest.raises(NotFoundError):
        invitations.find_invitation(first.token)
    with clock.at(clock.now() + invitations.VALID + timedelta(minutes=1)):
        with pytest.raises(NotFoundError):
            invitations.accept_new(token=second.token, **NEW)
        assert invitations.own_invitations(owner) == []
    invitations.withdraw(actor=owner, uuid=second.invitation.uuid)
    with pytest.raises(NotFoundError):
        invitations.withdraw(actor=owner, uuid=second.invitation.uuid)
    with pytest.raises(NotFoundError):
        invitations.find_invitation(second.token)
    with pytest.raises(NotFoundError):
        invitations.find_invitation("\ud800\x00")


def test_an_invitation_that_is_withdrawn_meanwhile_is_not_accepted(
    client: Client, owner: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = invitations.invite(actor=owner, email="nina@lumen.test")
    seen = invitations.find_invitation(sent.token)
    invitations.withdraw(actor=owner, uuid=seen.uuid)
    monkeypatch.setattr(invitations, "find_invitation", lambda token: seen)
    with pytest.raises(NotFoundError):
        invitations.accept_new(token=sent.token, **NEW)
    assert [m.user.id for m in clients.find_client(client.uuid).members] == [owner.id]


def test_an_open_invitation_ends_with_the_rights_of_who_sent_it(
    client: Client, owner: Principal, manager: Principal
) -> None:
    sent = invitations.invite(actor=manager, email="a@lumen.test", permissions=["billing.view"])
    members.set_user_permissions(
        actor=CLI,
        client_uuid=client.uuid,
        user_uuid=manager.uuid,
        owner=False,
        permissions=["users.manage"],
    )
    with pytest.raises(NotFoundError):
        invitations.find_invitation(sent.token)
    second = invitations.invite(actor=owner, email="b@lumen.test")
    kept = invitations.find_invitation(second.token)
    assert kept.email == "b@lumen.test"
    sent = invitations.invite(actor=manager, email="a@lumen.test")
    own_users.remove_own_user(actor=owner, user_uuid=manager.uuid)
    with pytest.raises(NotFoundError):
        invitations.find_invitation(sent.token)


def test_who_is_no_owner_grants_no_more_than_they_have(client: Client, manager: Principal) -> None:
    for refused in ({"owner": True}, {"permissions": ["services.view"]}):
        with pytest.raises(InvalidInput):
            invitations.invite(actor=manager, email="nina@lumen.test", **refused)
    invitations.invite(actor=manager, email="nina@lumen.test", permissions=["billing.view"])
    vic = add(client, "vic@lumen.test", "services.view")
    change = {"actor": manager, "user_uuid": vic.uuid}
    with pytest.raises(InvalidInput):
        own_users.set_own_user_permissions(**change, owner=True, permissions=[])
    with pytest.raises(InvalidInput):
        own_users.set_own_user_permissions(**change, owner=False, permissions=["orders.view"])
    # what the user has already may stay
    both = ["billing.view", "services.view"]
    own_users.set_own_user_permissions(**change, owner=False, permissions=both)
    assert access(client, "vic@lumen.test") == (False, both)
    boss = clients.find_client(client.uuid).members[0].user
    for user_uuid in (boss.uuid, manager.uuid):
        with pytest.raises(ConflictError):
            own_users.remove_own_user(actor=manager, user_uuid=user_uuid)
        with pytest.raises(ConflictError):
            own_users.set_own_user_permissions(
                actor=manager, user_uuid=user_uuid, owner=False, permissions=[]
            )
    own_users.remove_own_user(actor=manager, user_uuid=vic.uuid)


def test_other_users_do_not_sign_a_person_out_elsewhere(client: Client, owner: Principal) -> None:
    vic = add(client, "vic@lumen.test", "services.view")

    def open_sessions() -> int:
        query = sa.select(sa.func.count(AccountSession.id))
        live = query.where(AccountSession.user_id == vic.id, AccountSession.ended_at.is_(None))
        return session().scalar(live) or 0

    sessions.start(person=vic, ip="192.0.2.7", user_agent="", keep=False)
    own_users.set_own_user_permissions(
        actor=owner, user_uuid=vic.uuid, owner=False, permissions=["billing.view"]
    )
    assert open_sessions() == 1 and not person(vic, client).may("services.view")
    own_users.remove_own_user(actor=owner, user_uuid=vic.uuid)
    assert open_sessions() == 1 and principals.memberships(vic.id) == []


def test_users_manage_their_own_client_only(client: Client, owner: Principal) -> None:
    other, stranger = make_client(CLI, "Other", "nina@other.test")
    for call in (own_users.remove_own_user, own_users.set_own_user_permissions):
        values = {} if call is own_users.remove_own_user else {"owner": True, "permissions": []}
        with pytest.raises(NotFoundError):
            call(actor=owner, user_uuid=stranger.uuid, **values)
    sent = invitations.invite(actor=person(stranger, other), email="x@other.test")
    with pytest.raises(NotFoundError):
        invitations.withdraw(actor=owner, uuid=sent.invitation.uuid)
    viewer = person(add(client, "viewer@lumen.test", "users.view"), client)
    with pytest.raises(PermissionDenied):
        invitations.invite(actor=viewer, email="y@lumen.test")
    with pytest.raises(InvalidInput):
        invitations.invite(actor=owner, email="viewer@lumen.test")
    assert len(invitations.own_invitations(viewer)) == 0


def test_a_client_has_a_limited_number_of_open_invitations(
    owner: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invitations, "MAX_OPEN", 2)
    for name in ("a", "b", "b"):
        invitations.invite(actor=owner, email=f"{name}@lumen.test")
    with pytest.raises(ConflictError):
        invitations.invite(actor=owner, email="c@lumen.test")


def test_an_invitation_is_accepted_once(panel: Panel, client: Client, owner: Principal) -> None:
    _other, nina = make_client(CLI, "Other", "nina@other.test")
    actor = person(nina, client)
    token = invitations.invite(actor=owner, email="nina@other.test").token
    results: list[str] = []
    barrier = threading.Barrier(4)
    db.session.remove()

    def accept() -> None:
        with panel.app_context():
            barrier.wait(timeout=60)
            try:
                invitations.accept(actor=actor, token=token)
                results.append("joined")
            except (NotFoundError, InvalidInput) as error:
                results.append(type(error).__name__)

    threads = [threading.Thread(target=accept) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert results.count("joined") == 1 and len(results) == 4
    assert session().scalar(sa.select(sa.func.count()).select_from(Invitation)) == 0
