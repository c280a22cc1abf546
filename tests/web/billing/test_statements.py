"""The statement in the staff and client areas."""

from __future__ import annotations

from decimal import Decimal

import pytest

from puqpanel.app import Panel
from puqpanel.domain.money import Money
from puqpanel.domain.principals import AUTOMATION
from puqpanel.operations.billing import companies, documents, issuing, payments, taxes
from puqpanel.operations.billing.documents import Draft
from puqpanel.operations.billing.lines import Line
from puqpanel.operations.billing.payments import Received
from tests.sample import SELLER
from tests.web.conftest import Browser


@pytest.fixture
def client(app: Panel, shop: dict[str, str]) -> str:
    """The UUID of Anna, who has a paid invoice of 78.72."""
    with app.app_context():
        taxes.load_eu_rates(actor=AUTOMATION)
        values = {**SELLER, "name": "Fjordhost", "country": "PL"}
        companies.save_company(actor=AUTOMATION, uuid=None, values=values)
        draft = documents.create_draft(
            actor=AUTOMATION,
            client_uuid=shop["client"],
            draft=Draft([Line("Moving a mailbox", unit_price=Decimal(64))]),
        )
        issuing.issue(actor=AUTOMATION, uuid=draft.uuid)
        payments.mark_paid(actor=AUTOMATION, document_uuid=draft.uuid, reason="Statement 31")
    return shop["client"]


def test_staff_see_the_statement_of_a_client(owner: Browser, client: str) -> None:
    page = f"/admin/clients/{client}/statement/"
    assert page in owner.get(f"/admin/clients/{client}").text
    text = owner.get(page).text
    for part in ("Opening balance", "Invoice issued", "Payment received", "78.72", "INV-"):
        assert part in text
    assert owner.get(f"{page}pdf").data.startswith(b"%PDF-")
    assert "Payment received" in owner.get(f"{page}csv").text
    old = owner.get(f"{page}?start=2000-01-01&end=2000-12-31")
    assert "No entries in this period" in old.text


def test_customers_see_their_own_statement(app: Panel, client: str) -> None:
    anna = Browser(app).sign_in("anna@example.test", "/client")
    assert "/client/statement/" in anna.get("/client/invoices/").text
    assert "78.72" in anna.get("/client/statement/").text
    assert anna.get("/client/statement/pdf").data.startswith(b"%PDF-")
    tom = Browser(app).sign_in("tom@example.test", "/client")
    assert "78.72" not in tom.get("/client/statement/").text
    assert "78.72" not in tom.get("/client/statement/csv").text


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("start=2026-02-30&end=2026-03-01", "Enter a valid date"),
        ("start=2026-03-01&end=2026-02-01", "on or after the start date"),
        ("start=2026-01-01&end=2026-02-01&currency=XXX", "Select an option"),
    ],
)
def test_wrong_days_are_explained(owner: Browser, client: str, query: str, message: str) -> None:
    page = f"/admin/clients/{client}/statement/"
    answer = owner.get(f"{page}?{query}")
    assert answer.status_code == 422
    assert message in answer.text
    assert message in owner.get(f"{page}csv?{query}").text


def test_credit_pays_a_document_and_is_refunded(app: Panel, owner: Browser, client: str) -> None:
    with app.app_context():
        received = Received(Money(10000, "EUR"), note="Statement 32")
        company = companies.companies()[0]
        payments.receive(actor=AUTOMATION, client_uuid=client, company=company, received=received)
        draft = Draft([Line("Moving a mailbox", unit_price=Decimal(10))])
        open_one = documents.create_draft(actor=AUTOMATION, client_uuid=client, draft=draft)
        uuid = issuing.issue(actor=AUTOMATION, uuid=open_one.uuid).uuid
    anna = Browser(app).sign_in("anna@example.test", "/client")
    page = f"/client/invoices/{uuid}"
    assert "Pay from credit" in anna.get(page).text
    tom = Browser(app).sign_in("tom@example.test", "/client")
    assert tom.post(f"{page}/credit-payment").status_code == 404
    assert "Pay from credit" in anna.get(page).text
    assert anna.post(f"{page}/credit-payment").status_code == 302
    assert "Pay from credit" not in anna.get(page).text

    path = f"/admin/clients/{client}/credit/refund"
    assert path in owner.get(f"/admin/clients/{client}").text
    form = {"amount": "87.71", "currency": "EUR", "reason": "Statement 33", "token": "t"}
    answer = owner.post(path, form)
    assert (answer.status_code, "at most" in answer.text, "87.70" in answer.text) == (
        422,
        True,
        True,
    )
    for _ in range(2):
        assert owner.post(path, {**form, "amount": "80"}).status_code == 302
    text = owner.get(f"/admin/clients/{client}").text
    assert "7.70" in text, text[text.index("Credit") :][:300]
    assert "Credit refunded" in owner.get(f"/admin/clients/{client}/statement/").text


def test_each_company_has_its_own_statement_and_credit(
    app: Panel, owner: Browser, client: str
) -> None:
    with app.app_context():
        values = {**SELLER, "name": "Second GmbH", "country": "DE"}
        second = companies.save_company(actor=AUTOMATION, uuid=None, values=values)
        uuid, received = second.uuid, Received(Money(2500, "EUR"), note="Statement 32")
        payments.receive(actor=AUTOMATION, client_uuid=client, company=second, received=received)
    page = f"/admin/clients/{client}/statement/"
    first = owner.get(page).text
    assert "25.00" not in first
    assert uuid in first, "it can be chosen"
    assert "25.00" in owner.get(f"{page}?company={uuid}&start=2000-01-01&end=2999-01-01").text
    assert owner.get(f"{page}?company=nobody").status_code == 422
    shown = owner.get(f"/admin/clients/{client}").text
    link = f"/admin/clients/{client}/credit/refund?company={uuid}&amp;currency=EUR"
    assert link in shown
    form = owner.get(link.replace("&amp;", "&")).text
    assert 'value="25.00"' in form
    path = link.partition("?")[0]
    sent = {"amount": "25", "currency": "EUR", "reason": "Statement 33"}
    with app.app_context():
        other = companies.companies()[0].uuid
    assert owner.post(path, {**sent, "company": other}).status_code == 422
    assert owner.post(path, {**sent, "company": uuid}).status_code == 302
    assert link not in owner.get(f"/admin/clients/{client}").text
