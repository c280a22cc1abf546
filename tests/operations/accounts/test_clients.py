"""Clients: who may open access to them, and that each keeps an owner."""

from __future__ import annotations

import pytest

from puqpanel.app import Panel
from puqpanel.domain.errors import ConflictError, InvalidInput, PermissionDenied
from puqpanel.domain.principals import CLI, Principal, PrincipalKind
from puqpanel.operations.accounts import clients, members, own_details, principals
from puqpanel.operations.accounts.own_details import OwnDetails
from tests.sample import PASSWORD, make_client

EDITOR = Principal(PrincipalKind.STAFF, 1, "Editor", permissions=frozenset({"clients.manage"}))


def test_clients_manage_does_not_open_the_client_area(panel: Panel) -> None:
    client, user = make_client(CLI)
    with pytest.raises(PermissionDenied):
        members.set_user_password(
            actor=EDITOR, client_uuid=client.uuid, user_uuid=user.uuid, password=PASSWORD
        )
    with pytest.raises(PermissionDenied):
        members.add_user(
            actor=EDITOR, client_uuid=client.uuid, email="me@panel.test", name="Me", owner=True
        )
    with pytest.raises(PermissionDenied):
        clients.create_client(
            actor=EDITOR, name="New", email="new@panel.test", user_password=PASSWORD
        )
    clients.create_client(actor=EDITOR, name="New", email="new@panel.test")


def test_a_client_keeps_an_owner(panel: Panel) -> None:
    client, user = make_client(CLI)
    ids = {"client_uuid": client.uuid, "user_uuid": user.uuid}
    with pytest.raises(ConflictError):
        members.remove_user(actor=CLI, **ids)
    with pytest.raises(ConflictError):
        members.set_user_permissions(actor=CLI, **ids, owner=False, permissions=["services.view"])
    second = members.add_user(
        actor=CLI,
        client_uuid=client.uuid,
        email="second@lumen.test",
        name="Second",
        password=PASSWORD,
    )
    with pytest.raises(ConflictError):
        members.remove_user(actor=CLI, **ids)
    members.set_user_permissions(
        actor=CLI, client_uuid=client.uuid, user_uuid=second.uuid, owner=True, permissions=[]
    )
    members.remove_user(actor=CLI, **ids)
    assert [member.owner for member in clients.find_client(client.uuid).members] == [True]


def test_the_first_user_of_a_client_is_an_owner(panel: Panel) -> None:
    client = clients.create_client(actor=CLI, name="New", email="new@panel.test")
    with pytest.raises(InvalidInput) as refused:
        members.add_user(
            actor=CLI, client_uuid=client.uuid, email="a@b.test", name="A", password=PASSWORD
        )
    assert "owner" in refused.value.errors


def test_a_company_that_is_too_long_is_refused(panel: Panel) -> None:
    with pytest.raises(InvalidInput) as refused:
        clients.create_client(actor=CLI, name="A", email="a@example.test", company="x" * 201)
    assert "company" in refused.value.errors


def test_users_cannot_exempt_their_client_from_tax(panel: Panel) -> None:
    client, user = make_client(CLI)
    actor = principals.user_principal(user, members=principals.memberships(user.id))
    details = OwnDetails("DE", "Hauptstr. 1", "10115", "Berlin", buyer_kind="exempt")
    with pytest.raises(InvalidInput) as refused:
        own_details.save_own_details(actor=actor, details=details)
    assert set(refused.value.errors) == {"buyer_kind"}
    assert clients.find_client(client.uuid).city == ""
