"""Credit by company: what was used at another company is moved there, and all sums stay."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from puqpanel.infra import migrate
from puqpanel.infra.db import engine_for
from puqpanel.infra.migrate import PANEL
from tests.migrations.filled import fill, snapshot, upgraded

POTS = sa.text(
    "SELECT p.company_id, -SUM(e.minor) FROM entries e JOIN postings p ON p.id = e.posting_id"
    " WHERE e.account = 'credit' AND e.client_id = 100 AND e.currency = 'EUR'"
    " GROUP BY p.company_id ORDER BY p.company_id"
)
ACCOUNTS = sa.text(
    "SELECT account, client_id, currency, SUM(minor) FROM entries"
    " GROUP BY account, client_id, currency ORDER BY account, client_id, currency"
)
BALANCES = sa.text("SELECT posting_id FROM entries GROUP BY posting_id HAVING SUM(minor) <> 0")
MINOR = {100: -500, 101: 300, 102: -100, 103: 250, 104: 0, 105: -7}
"""Entries of a client on credit by company: two paid documents from credit of others."""


def pots(engine: sa.Engine) -> dict[int, int]:
    with engine.connect() as connection:
        return {company: int(minor) for company, minor in connection.execute(POTS)}


def test_credit_moves_to_the_company_where_it_was_used(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    values = {
        "postings.client_id": lambda _: 100,
        "entries.client_id": lambda _: 100,
        "entries.account": lambda _: "credit",
        "entries.currency": lambda _: "EUR",
        "entries.minor": MINOR.__getitem__,
    }
    migrate.downgrade(engine, PANEL, "0029")
    fill(engine, len(MINOR), values, first=min(MINOR))
    before = snapshot(engine)
    assert pots(engine) == {company: -minor for company, minor in MINOR.items()}
    with engine.connect() as connection:
        sums = connection.execute(ACCOUNTS).all()
    migrate.upgrade(engine, to="0030")
    assert pots(engine) == {100: 0, 101: 0, 102: 50, 103: 0, 104: 0, 105: 7}
    with engine.connect() as connection:
        clearing, *others = connection.execute(ACCOUNTS).all()
        assert (clearing.account, int(clearing[3]), others) == ("clearing", 0, sums)
        unbalanced = set(connection.scalars(BALANCES)) - set(MINOR)
        assert unbalanced == set()
    migrate.downgrade(engine, PANEL, "0029")
    assert snapshot(engine) == before
    migrate.upgrade(engine)
    engine.dispose()


def test_credit_that_was_used_at_its_company_stays(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    values = {"entries.account": lambda _: "credit", "entries.minor": lambda number: -number}
    with upgraded(engine, "0030", rows=20, values=values):
        pass
    engine.dispose()
