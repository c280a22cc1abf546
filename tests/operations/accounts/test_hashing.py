"""Passwords are hashed before the transaction that stores them: hashing takes long on purpose."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from argon2 import PasswordHasher

from puqpanel.app import Panel
from puqpanel.domain.principals import CLI
from puqpanel.infra.db import session
from puqpanel.models import Client, User
from puqpanel.operations.accounts import (
    clients,
    invitations,
    members,
    passwords,
    principals,
    registration,
    signin,
    staff,
)
from tests.sample import PASSWORD, make_client

OTHER = "another long one"


class Recorder:
    """The real hasher, which records whether a transaction was open."""

    def __init__(self, real: PasswordHasher) -> None:
        self.real = real
        self.depths: list[int] = []

    def hash(self, password: str) -> str:
        self.depths.append(session().info.get("depth", 0))
        return self.real.hash(password)

    def verify(self, hashed: str, password: str) -> bool:
        return self.real.verify(hashed, password)

    def check_needs_rehash(self, hashed: str) -> bool:
        return True  # as after stronger parameters were chosen


def register(client: Client, user: User) -> None:
    details = registration.Registration("Nina", "nina@new.test", OTHER, "DE")
    registration.register(registration=details, ip="192.0.2.1")


def create(client: Client, user: User) -> None:
    clients.create_client(actor=CLI, name="New", email="new@new.test", user_password=OTHER)


def add(client: Client, user: User) -> None:
    members.add_user(
        actor=CLI, client_uuid=client.uuid, email="uma@new.test", name="Uma", password=OTHER
    )


def reset(client: Client, user: User) -> None:
    members.set_user_password(
        actor=CLI, client_uuid=client.uuid, user_uuid=user.uuid, password=OTHER
    )


def accept(client: Client, user: User) -> None:
    actor = principals.user_principal(user, members=principals.memberships(user.id))
    token = invitations.invite(actor=actor, email="nina@new.test").token
    invitations.accept_new(token=token, name="Nina", password=OTHER, ip="192.0.2.1")


def hire(client: Client, user: User) -> None:
    staff.create_staff(actor=CLI, email="staff@new.test", name="Sam", password=OTHER)


def rehire(client: Client, user: User) -> None:
    made = staff.create_staff(actor=CLI, email="staff@new.test", name="Sam", password=OTHER)
    staff.set_password(actor=CLI, uuid=made.uuid, password=OTHER + "!")


def sign_in(client: Client, user: User) -> None:
    signin.sign_in_user(email=user.email, password=PASSWORD, ip="192.0.2.1")


@pytest.mark.parametrize("store", [register, create, add, reset, accept, hire, rehire, sign_in])
def test_passwords_are_hashed_outside_of_transactions(
    panel: Panel, monkeypatch: pytest.MonkeyPatch, store: Callable[[Client, User], None]
) -> None:
    client, user = make_client(CLI)
    recorder = Recorder(passwords._hasher)
    monkeypatch.setattr(passwords, "_hasher", recorder)
    store(client, user)
    assert recorder.depths and set(recorder.depths) == {0}


def test_a_password_that_cannot_be_encoded_is_refused_not_hashed() -> None:
    assert passwords.NewPassword("\ud800" * 12).hash == ""
    assert passwords.NewPassword("short").hash == passwords.NewPassword("x" * 300).hash == ""
    password = passwords.prepare(PASSWORD)
    assert passwords.matches(passwords.hash_password(password), PASSWORD)
    assert passwords.prepare(password) is password
