"""The billing e-mail of a client becomes a contact, and comes back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from puqpanel.infra.db import engine_for
from tests.migrations.filled import upgraded

pytestmark = pytest.mark.mariadb


def test_billing_emails_become_contacts(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    values = {"clients.billing_email": lambda n: f"books{n}@example.test" if n % 2 else ""}
    with upgraded(engine, "0031", rows=20, values=values), engine.begin() as connection:
        query = "SELECT client_id, email, billing, technical, notices FROM contacts"
        rows = connection.execute(sa.text(f"{query} ORDER BY client_id")).all()
        assert [(row.client_id, row.email) for row in rows] == [
            (n, f"books{n}@example.test") for n in range(11, 30, 2)
        ]
        assert {(row.billing, row.technical, row.notices) for row in rows} == {(1, 0, 0)}
        joined = "contacts.name = clients.name AND contacts.language = clients.language"
        query = f"SELECT COUNT(*) FROM contacts JOIN clients ON clients.id = client_id AND {joined}"
        assert connection.execute(sa.text(query)).scalar() == 10
    engine.dispose()
