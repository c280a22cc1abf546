"""Registration by visitors."""

from __future__ import annotations

import contextlib
import threading

import pytest
import sqlalchemy as sa

from puqpanel.domain.errors import InvalidInput
from puqpanel.infra.db import release, session
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


def test_one_address_registered_many_times_at_once_is_one_account(panel):
    results: list[str] = []
    barrier = threading.Barrier(6)

    def run(number: int) -> None:
        with panel.app_context():
            barrier.wait(timeout=60)
            entered = Registration("Anna Berg", "anna@example.test", f"{PASSWORD} {number}", "DE")
            with contextlib.suppress(InvalidInput):
                registration.register(registration=entered, ip="192.0.2.7")
                results.append(f"{PASSWORD} {number}")

    threads = [threading.Thread(target=run, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    user = session().scalars(sa.select(User)).one()
    assert len(results) == 1 and passwords.matches(user.password_hash, results[0])
    assert session().scalar(sa.select(sa.func.count(Client.id))) == 1
