"""The year of the demo: every state occurs, the books add up, and days are those of the year."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.cli.demo import books, year
from puqpanel.domain.document_states import DocumentStatus
from puqpanel.infra.db import session
from puqpanel.models import Charge, Client, Document, Order, Posting, Service
from puqpanel.operations.billing import books as ledger_books
from puqpanel.operations.billing.ledger import zone_day
from puqpanel.operations.oversight import finance
from puqpanel.operations.system import currencies
from tests.conftest import STAFF


def test_a_year_of_clients_orders_and_documents_is_lived_once(panel: Panel) -> None:
    for code in year.RATES:
        currencies.add_currency(actor=STAFF, code=code)
    books.create_company()
    year.create()
    statuses = set(session().scalars(sa.select(Document.status)))
    assert statuses == set(DocumentStatus) - {"draft", "cancelled"}
    services = set(session().scalars(sa.select(Service.status)))
    assert services == {"active", "cancelled", "terminated"}
    assert set(session().scalars(sa.select(Order.status))) == {
        "placed",
        "cancelled",
        "draft",
        "offered",
    }
    assert set(session().scalars(sa.select(Client.currency))) == {"EUR", "PLN", "USD"}
    for step in (*ledger_books.check(), *ledger_books.verify()):
        assert not step.problems

    today = zone_day("Europe/Warsaw")  # where the company is
    first, last = (
        session()
        .execute(sa.select(sa.func.min(Document.issued_on), sa.func.max(Document.issued_on)))
        .one()
    )
    assert today - timedelta(days=366) <= first <= today - timedelta(days=300)
    assert today - timedelta(days=30) <= last <= today
    assert session().scalar(sa.select(sa.func.max(Posting.day))) <= today
    months = {row.start for row in finance.revenue(today - timedelta(days=300), today, "month")}
    assert len(months) >= 10
    unpaid = finance.receivables(today)
    assert {row.currency for row in unpaid if row.over_90} != set()
    taken = sa.select(Charge.service_id, Charge.kind, Charge.period_start)
    charges = session().execute(taken).all()
    assert len(charges) == len(set(charges))

    numbers = session().scalar(sa.select(sa.func.count()).select_from(Document))
    year.create()
    assert session().scalar(sa.select(sa.func.count()).select_from(Document)) == numbers
