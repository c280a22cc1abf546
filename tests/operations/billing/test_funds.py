"""Funds: what is paid on their proforma becomes credit once, without income or tax."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, InvalidInput, NotFoundError, PermissionDenied
from puqpanel.domain.money import Money
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra import clock
from puqpanel.infra.db import release, session, transaction
from puqpanel.models import Allocation, Document, LedgerEntry
from puqpanel.operations.accounts import clients
from puqpanel.operations.billing import (
    books,
    credit,
    document_files,
    documents,
    export_tables,
    exports,
    funds,
    issuing,
    ledger,
    payments,
    statements,
)
from puqpanel.operations.billing.payments import Received
from puqpanel.operations.system import settings
from tests.operations.billing.conftest import STAFF, change, credit_of
from tests.operations.billing.test_credit import user_of
from tests.operations.billing.test_issuing import problems
from tests.operations.billing.test_payments import beside, eur


@pytest.fixture
def proforma(company, client):
    """A proforma for funds of 50.00 EUR."""
    return funds.request_own(actor=user_of(client), amount=eur(5000))


def pay(company, client, proforma, minor: int, outside_id: str = "") -> None:
    payments.receive(
        actor=STAFF,
        client_uuid=client.uuid,
        company=company,
        received=Received(eur(minor), "stripe", outside_id),
        documents=[proforma.uuid],
    )


def state(document) -> tuple[str, int]:
    session().expire_all()
    found = documents.find_document(document.uuid)
    return found.status, found.paid_minor


def accounts() -> dict[str, int]:
    query = sa.select(LedgerEntry.account, sa.func.sum(LedgerEntry.minor))
    found = session().execute(query.group_by(LedgerEntry.account))
    return {account: int(minor) for account, minor in found if minor}


def test_funds_become_credit_and_neither_income_nor_tax(proforma, client, company):
    assert (proforma.kind, proforma.total, proforma.tax) == ("proforma", eur(5000), eur(0))
    assert proforma.number.startswith("PF-")
    assert accounts() == {}, "nothing is owed until it is paid"
    pay(company, client, proforma, 5000, "pi_1")
    pay(company, client, proforma, 5000, "pi_1")
    assert state(proforma) == ("paid", 5000)
    assert accounts() == {"clearing": 5000, "credit": -5000}
    assert credit_of(client) == eur(5000)
    assert session().scalars(sa.select(Document.kind)).all() == ["proforma"], "no invoice follows"
    assert problems() == []


def test_the_credit_pays_an_invoice_with_tax(proforma, client, company, invoice):
    pay(company, client, proforma, 5000)
    document = invoice("10")
    assert credit.pay_own_document(actor=user_of(client), document_uuid=document.uuid) == eur(1230)
    assert credit_of(client) == eur(3770)
    assert accounts()["tax"] == -230
    assert problems() == []


def test_what_came_in_is_credit_at_once_and_too_much_is_credit_too(proforma, client, company):
    pay(company, client, proforma, 2000)
    assert (state(proforma), credit_of(client)) == (("partly_paid", 2000), eur(2000))
    pay(company, client, proforma, 4000)
    assert (state(proforma), credit_of(client)) == (("paid", 5000), eur(6000))
    assert problems() == []


def test_two_payments_at_once_are_credit_once_each(panel, proforma, client, company):
    works = [partial(pay, company, client, proforma, 5000, key) for key in ("a", "b", "a", "b")]
    beside(panel, works)
    assert (state(proforma), credit_of(client)) == (("paid", 5000), eur(10000))
    assert session().scalar(sa.select(sa.func.sum(Allocation.minor))) == 5000
    assert problems() == []


def test_funds_cannot_be_paid_from_credit(proforma, client, company):
    other = funds.request(actor=STAFF, client_uuid=client.uuid, amount=eur(9000))
    pay(company, client, other, 9000)
    with pytest.raises(ConflictError, match="can't use credit to add funds"):
        credit.pay_own_document(actor=user_of(client), document_uuid=proforma.uuid)
    with pytest.raises(ConflictError, match="can't use credit to add funds"):
        payments.pay_from_credit(actor=STAFF, document_uuid=proforma.uuid)
    assert (state(proforma), credit_of(client)) == (("issued", 0), eur(9000))


def test_funds_are_cancelled_and_what_came_in_stays_credit(proforma, client, company):
    other = funds.request_own(actor=user_of(client), amount=eur(3000))
    pay(company, client, other, 1000)
    for each in (proforma, other):
        funds.cancel_own(actor=user_of(client), uuid=each.uuid)
        with pytest.raises(ConflictError):
            funds.cancel_own(actor=user_of(client), uuid=each.uuid)
    assert (state(proforma), state(other)) == (("cancelled", 0), ("cancelled", 1000))
    pay(company, client, proforma, 5000)  # it was on its way
    assert (state(proforma), credit_of(client)) == (("cancelled", 0), eur(6000))
    assert problems() == []


def test_only_own_funds_are_cancelled_by_customers(proforma, client, invoice):
    stranger = clients.create_client(actor=STAFF, name="Other", email="o@example.org")
    with pytest.raises(NotFoundError):
        funds.cancel_own(actor=user_of(stranger), uuid=proforma.uuid)
    with pytest.raises(PermissionDenied):
        funds.cancel_own(actor=user_of(client, "billing.view"), uuid=proforma.uuid)
    with pytest.raises(ConflictError, match="add funds"):
        funds.cancel_own(actor=user_of(client), uuid=invoice("10", kind="proforma").uuid)
    assert state(proforma) == ("issued", 0)
    issuing.cancel_proforma(actor=STAFF, uuid=proforma.uuid)
    assert state(proforma) == ("cancelled", 0)


@pytest.mark.parametrize(
    "amount",
    [eur(0), eur(-1), eur(499), eur(500001), Money(5000, "PLN"), Money(10**17, "EUR")],
)
def test_an_amount_out_of_range_is_refused(company, client, amount):
    with pytest.raises(InvalidInput) as refused:
        funds.request_own(actor=user_of(client), amount=amount)
    assert "from 5.00\xa0€ to 5,000.00\xa0€" in str(refused.value.messages["amount"][0])
    assert session().scalar(sa.select(sa.func.count(Document.id))) == 0


def test_the_limits_are_settings_that_are_converted(company, client):
    settings.save(actor=AUTOMATION, values={"billing.funds_minimum": "7"})
    assert funds.limits("EUR") == (eur(700), eur(500000))
    assert funds.request(actor=STAFF, client_uuid=client.uuid, amount=eur(1)).total == eur(1)
    settings.save(actor=AUTOMATION, values={"billing.funds_maximum": "0"})
    with pytest.raises(ConflictError, match="Adding funds is disabled"):
        funds.request_own(actor=user_of(client), amount=eur(5000))


def test_a_form_that_is_sent_twice_makes_one_document(panel, company, client):
    ask = partial(funds.request_own, actor=user_of(client), amount=eur(5000), token="t")
    release()
    beside(panel, [ask, ask, ask])
    assert session().scalar(sa.select(sa.func.count(Document.id))) == 1


def test_a_client_has_few_unpaid_ones(company, client):
    for _ in range(funds.MAX_OPEN):
        last = funds.request_own(actor=user_of(client), amount=eur(5000))
    with pytest.raises(ConflictError, match="Pay or cancel one"):
        funds.request_own(actor=user_of(client), amount=eur(5000))
    pay(company, client, last, 5000)
    assert funds.request_own(actor=user_of(client), amount=eur(5000))


def test_nobody_fills_the_series_by_cancelling(company, client, monkeypatch):
    monkeypatch.setattr(funds, "MAX_A_DAY", 3)
    user = user_of(client)
    for _ in range(3):
        made = funds.request_own(actor=user, amount=eur(5000))
        funds.cancel_own(actor=user, uuid=made.uuid)
    with pytest.raises(ConflictError, match="Try again tomorrow"):
        funds.request_own(actor=user, amount=eur(5000))
    with clock.at(clock.now() + timedelta(days=1, minutes=1)):
        assert funds.request_own(actor=user, amount=eur(5000))


def test_permissions(company, client):
    with pytest.raises(PermissionDenied):
        funds.request_own(actor=user_of(client, "billing.view"), amount=eur(5000))
    with pytest.raises(PermissionDenied):
        funds.request(actor=user_of(client), client_uuid=client.uuid, amount=eur(5000))
    with pytest.raises(InvalidInput):
        funds.request(actor=STAFF, client_uuid=client.uuid, amount=eur(0))


def test_the_books_see_a_wrong_amount_on_funds(proforma, client, company):
    pay(company, client, proforma, 2000)
    with transaction():
        documents.lock_document(proforma.uuid).paid_minor = 3000
    found = [str(each.text) for step in books.check() for each in step.problems]
    assert found == ["30.00 EUR is paid on it, but 20.00 EUR was allocated."]


def test_the_file_statement_and_exports_have_it_like_a_proforma(proforma, client, company):
    change(client, language="pl")
    polish = funds.request_own(actor=user_of(client), amount=eur(1000))
    assert polish.lines[0].description == "Wpłata na saldo"
    assert document_files.pdf(documents.find_document(polish.uuid)).startswith(b"%PDF-")
    assert proforma.due_on is None, "nobody owes it, so it is never overdue"
    pay(company, client, proforma, 5000)
    day = ledger.today(company)
    shown = statements.statement(
        actor=STAFF, client_uuid=client.uuid, start=day, end=day + timedelta(days=1)
    )
    assert [str(row.text) for row in shown.rows] == ["Payment received"]
    assert (shown.credit, shown.unpaid) == (eur(5000), eur(0))
    chosen = exports.Selection(company.uuid, date(2000, 1, 1), day)
    assert list(exports.documents_of(actor=STAFF, selection=chosen)) == [], "no tax document"
    chosen = exports.Selection(company.uuid, date(2000, 1, 1), day, ("proforma",))
    found = list(exports.documents_of(actor=STAFF, selection=chosen))
    text = "".join(export_tables.lines_csv(found))
    assert "Credit balance top-up" in text
    assert ",O," in text
