"""Registration by visitors."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from puqpanel.domain.errors import InvalidInput
from puqpanel.infra.db import in_transaction, release, session
from puqpanel.models import Client, ClientUser, User
from puqpanel.operations.accounts import passwords, registration
from puqpanel.operations.accounts.registration import Registration
from tests.sample import PASSWORD


def register(email: str = "Anna@Example.test") -> User:
    entered = Registration("Anna Berg", email, PASSWORD, "DE", currency="EUR")
    return registration.register(registration=entered, ip="192.0.2.7")


def test_a_visitor_owns_the_new_client(panel):
    user = register()
    release()
    (member,) = session().scalars(sa.select(ClientUser))
    assert (member.user_id, member.owner, member.permissions) == (user.id, True, [])
    assert (user.email, user.name, member.client.name) == ("anna@example.test", *["Anna Berg"] * 2)
    assert passwords.matches(user.password_hash, PASSWORD)
    with pytest.raises(InvalidInput) as caught:
        register(" anna@example.TEST ")
    assert "There is an account" in str(caught.value.errors)
    assert session().scalar(sa.select(sa.func.count(Client.id))) == 1


def test_the_password_is_hashed_before_the_transaction(panel, monkeypatch):
    """It takes tenths of a second, in which nobody else could write on SQLite."""
    during: list[bool] = []
    hasher = passwords._hasher

    class Watched:
        def __getattr__(self, name):
            return getattr(hasher, name)

        def hash(self, password):
            during.append(in_transaction())
            return hasher.hash(password)

    monkeypatch.setattr(passwords, "_hasher", Watched())
    register()
    assert during == [False]
