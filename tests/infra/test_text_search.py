"""Searches find names in another case, also with letters beyond ASCII; keys are exact."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.principals import CLI
from puqpanel.infra.db import session
from puqpanel.models import Client
from puqpanel.operations.accounts import clients


@pytest.mark.parametrize("text", ["łódź", "ŁÓDŹ", "Łódź"])
def test_a_search_ignores_case(panel: Panel, text: str) -> None:
    clients.create_client(actor=CLI, name="Zakłady ŁÓDŹ", email="biuro@example.test")
    clients.create_client(actor=CLI, name="Zakłady Lodz", email="other@example.test")
    query = sa.select(Client.email).where(Client.name.icontains(text, autoescape=True))
    assert session().scalars(query).all() == ["biuro@example.test"]
