"""The tables of billing, and the addresses of clients."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from puqpanel.infra.db import engine_for
from tests.migrations.filled import upgraded


def test_clients_with_a_company_are_businesses(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    values = {"clients.company": lambda number: "Firma Łódź" if number % 2 else ""}
    with upgraded(engine, "0020", rows=20, values=values), engine.begin() as connection:
        rows = connection.execute(
            sa.text("SELECT company, buyer_kind, vat_status, street FROM clients")
        )
        kinds = {tuple(row) for row in rows}
        assert kinds == {("Firma Łódź", "business", "none", ""), ("", "consumer", "none", "")}
    engine.dispose()
