"""What a row is found by: names without accents, and the identifiers in a module's data."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.principals import CLI
from puqpanel.infra.db import session, transaction
from puqpanel.models import Client
from puqpanel.models.searchable import LONGEST, fold, identifiers, search_text
from puqpanel.operations.accounts import clients


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("muller", "Müller"),
        ("MÜLLER", "Mu\u0308ller"),
        ("lodz", "ŁÓDŹ"),
        ("Łódź", "Lodz"),
        ("strasse", "Straße"),
        ("soren", "Søren"),
        ("ivanov", "Иванов"),
        ("Anna Berg", "ANNA \t\u00a0berg"),
        ("10.0.0.1", "１０.０.０.１"),
    ],
)
def test_case_and_accents_make_no_difference(typed: str, stored: str) -> None:
    assert fold(typed) == fold(stored)


def test_identifiers_of_data() -> None:
    data: dict[str, Any] = {
        "username": "anna.berg",
        "networks": {"v4": [{"gateway": "192.0.2.1"}, {"ip_address": "192.0.2.10/24"}]},
        "ipv6": "2001:db8::5",
        "droplet_id": 4711,
        "hostName": "vm1.example.test",
        "plan": "basic",
        "disk": 40,
        "ready": True,
        "user_pin": "1234",
        "panel_login": "declared secret",
        "server": "https://root:secret@192.0.2.3/",
        "admin_password": "geheim",
        "api_token": {"id": "tok-1"},
        "name": "x" * 300,
    }
    assert list(identifiers(data, ["panel_login"])) == [
        "anna.berg",
        "192.0.2.1",
        "192.0.2.10/24",
        "2001:db8::5",
        "4711",
        "vm1.example.test",
    ]


def test_search_text_is_limited() -> None:
    nested: dict[str, Any] = {"user": "deep"}
    for _ in range(1000):
        nested = {"user": nested}
    assert search_text(identifiers(nested, [])) == ""
    many = {"user": ["u" * 100 + str(n) for n in range(100)]}
    assert len(search_text(identifiers(many, []))) == LONGEST


def test_columns_without_a_value_are_left_out(panel: Panel) -> None:
    with transaction() as current:
        current.add(Client(name="Anna", email="a@example.test", currency="EUR"))
    assert session().scalars(sa.select(Client.search_text)).one() == "anna a@example.test"


def test_only_addresses_are_found_without_the_module() -> None:
    data = {"user": "anna", "ip": "192.0.2.1", "panel_login": "2001:db8::1"}
    assert list(identifiers(data, None)) == ["192.0.2.1", "2001:db8::1"]


def test_a_row_is_found_by_its_values_as_they_are_now(panel: Panel) -> None:
    clients.create_client(actor=CLI, name="Jörg Müller", email="jm@example.test")

    def found(text: str) -> bool:
        return bool(session().scalar(sa.select(sa.func.count()).where(Client.matches(text))))

    assert found("jorg muller") and found("JÖRG") and not found("50%") and not found("\u0301")
    with transaction():
        client = session().scalars(sa.select(Client)).one()
        client.name = "Żaneta 50%"
    assert found("zaneta") and found("50%") and not found("müller")
