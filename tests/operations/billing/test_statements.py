"""Statements equal the whatever happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from puqpanel.domain.errors import InvalidInput, PermissionDenied
from puqpanel.domain.money import Money
from puqpanel.domain.principals import CurrentClient, Principal, PrincipalKind
from puqpanel.infra.db import session, transaction
from puqpanel.models import Client, Company, Document, Posting
from puqpanel.operations.billing import credit_notes, issuing, payments, statements
from puqpanel.operations.billing.payments import Received
from tests.operations.billing.conftest import STAFF, credit_of

Make = Callable[..., Document]
FIRST, LAST = date(2000, 1, 1), date(2100, 1, 1)


@pytest.fixture
def history(invoice: Make, company: Company, client: Client) -> Document:
    """Invoices, payments, credit, a credit note and a write-off, on several days."""
    first, second, third = invoice("100"), invoice("20"), invoice("7.77")
    arrived = Received(Money.from_major(150, "EUR"))
    payments.receive(
        actor=STAFF,
        client_uuid=client.uuid,
        company=company,
        received=arrived,
        documents=[first.uuid],
    )
    payments.pay_from_credit(actor=STAFF, document_uuid=second.uuid)
    credit_notes.credit(actor=STAFF, uuid=first.uuid, reason="Part", amount=Money(1000, "EUR"))
    issuing.write_off(actor=STAFF, uuid=third.uuid, reason="Bankrupt")
    invoice("5")
    with transaction() as current:
        for age, posting in enumerate(current.scalars(sa.select(Posting).order_by(Posting.id))):
            posting.day = date(2026, 1, 1) + timedelta(days=3 * age)
    return first


def owed(client: Client, condition: str, **days: date) -> int:
    """Return what the client owes by an independent sum over the tables."""
    text = (
        "SELECT COALESCE(SUM(e.minor), 0) FROM entries e JOIN postings p ON p.id = e.posting_id"
        " WHERE e.client_id = :client AND e.account IN ('receivable', 'credit')"
        f" AND {condition}"
    )
    values = {name: day.isoformat() for name, day in days.items()}
    return int(session().execute(sa.text(text), {"client": client.id, **values}).scalar_one())


@pytest.mark.parametrize(("start", "end"), [(0, 100), (0, 5), (4, 10), (7, 7), (8, 8), (90, 95)])
def test_a_statement_equals_the_ledger(
    history: Document, client: Client, start: int, end: int
) -> None:
    first, last = (date(2026, 1, 1) + timedelta(days=n) for n in (start, end))
    made = statements.statement(actor=STAFF, client_uuid=client.uuid, start=first, end=last)
    assert made.opening.minor == owed(client, "p.day < :first", first=first)
    assert made.closing.minor == owed(client, "p.day <= :last", last=last)
    assert made.closing == made.opening + made.invoiced - made.settled
    assert made.closing == made.unpaid - made.credit
    between = owed(client, "p.day >= :first AND p.day <= :last", first=first, last=last)
    assert sum(row.amount.minor for row in made.rows) == between
    balance = made.opening
    for row in made.rows:
        balance += row.amount
        assert row.balance == balance


def test_credit_that_pays_an_invoice_is_no_row(history: Document, client: Client) -> None:
    made = statements.statement(actor=STAFF, client_uuid=client.uuid, start=FIRST, end=LAST)
    assert [str(row.text).split(" ")[0] for row in made.rows] == [
        *("Invoice", "Invoice", "Invoice", "Payment", "Credit", "Invoice", "Invoice")
    ]
    assert made.rows[0].document == history.number
    assert made.credit == credit_of(client)


def test_the_csv_has_the_balances(history: Document, client: Client) -> None:
    made = statements.statement(actor=STAFF, client_uuid=client.uuid, start=FIRST, end=LAST)
    lines = "".join(statements.statement_csv(made)).splitlines()
    assert len(lines) == len(made.rows) + 3
    assert lines[1] == "2000-01-01,Opening balance,,,0.00,EUR"
    assert lines[-1] == f"2100-01-01,Closing balance,,,{made.closing.major},EUR"


def test_the_pdf_is_in_the_language_of_the_client(history: Document, client: Client) -> None:
    made = statements.statement(actor=STAFF, client_uuid=client.uuid, start=FIRST, end=LAST)
    assert statements.statement_pdf(client, made).startswith(b"%PDF-")
    empty = replace(made, rows=())
    assert statements.statement_pdf(client, empty).startswith(b"%PDF-")


def test_users_read_the_statement_of_their_client_only(history: Document, client: Client) -> None:
    other = CurrentClient(client.id + 1, "other", "Other")
    own = CurrentClient(client.id, client.uuid, client.name)
    keys = frozenset({"billing.view"})
    user = Principal(PrincipalKind.USER, 1, "U", permissions=keys, client=own)
    made = statements.statement(actor=user, client_uuid="ignored", start=FIRST, end=LAST)
    assert made.buyer.name == client.party.name
    with pytest.raises(PermissionDenied):
        blind = replace(user, permissions=frozenset())
        statements.statement(actor=blind, start=FIRST, end=LAST)
    with pytest.raises(Exception, match="not found"):
        statements.statement(
            actor=replace(user, client=other), client_uuid=client.uuid, start=FIRST, end=LAST
        )


def test_wrong_days_and_currencies_are_refused(
    history: Document, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(start: date = FIRST, end: date = LAST, currency: str = "") -> None:
        statements.statement(
            actor=STAFF, client_uuid=client.uuid, start=start, end=end, currency=currency
        )

    with pytest.raises(InvalidInput):
        read(start=LAST, end=FIRST)
    with pytest.raises(InvalidInput):
        read(currency="USD")
    monkeypatch.setattr(statements, "MAX_ROWS", 3)
    with pytest.raises(InvalidInput):
        read()
