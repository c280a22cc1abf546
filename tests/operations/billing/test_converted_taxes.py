"""Documents in another currency state their tax in the national currency of the company."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
import sqlalchemy as sa

from puqpanel.domain.money import Money
from puqpanel.domain.rates import Rounding
from puqpanel.infra.db import session, transaction
from puqpanel.infra.documents.cii import cii
from puqpanel.infra.documents.ubl import ubl
from puqpanel.models import Currency, Document
from puqpanel.operations.billing import (
    books,
    bulk_issuing,
    companies,
    credit_notes,
    documents,
    export_jpk,
    issuing,
    payments,
    taxes,
)
from puqpanel.operations.billing.contents import content
from puqpanel.operations.billing.documents import Draft
from puqpanel.operations.billing.lines import Line
from puqpanel.operations.billing.taxes import FIRST_DAY
from puqpanel.operations.oversight import billing_checks
from puqpanel.operations.system import currencies
from tests.operations.billing.conftest import STAFF, change, lines
from tests.operations.billing.test_issuing import problems

STATED = {"minor": 979, "currency": "PLN", "rate": "4.2567", "rate_on": "2026-11-27"}
"""23 % of 10.00 EUR at 4.2567: 9.79041."""


def rate(code: str, value: str, day: date = date(2026, 11, 27)) -> None:
    if code not in {each.code for each in currencies.currencies()}:
        currencies.add_currency(actor=STAFF, code=code)
    currencies.save_currency(
        actor=STAFF,
        code=code,
        enabled=True,
        rate=Decimal(value),
        step=Decimal("0.01"),
        rounding=Rounding.HALF_UP,
    )
    with transaction():
        currencies.find_currency(code).rate_date = day


@pytest.fixture
def zloty(company) -> None:
    rate("PLN", "4.2567")


def test_the_tax_is_stated_sealed_and_in_the_files(zloty, invoice, client):
    issued = invoice("10")
    assert issued.converted_tax == STATED
    data = content(issued)
    assert "9.79" in cii(data).decode() and "9.79" in ubl(data).decode()
    assert problems() == []
    with transaction():
        session().execute(sa.update(Document).values(converted_tax={**STATED, "minor": 1}))
    assert [str(each.text) for step in books.verify() for each in step.problems] == [
        "Its content was changed after it was issued."
    ]


def test_a_credit_note_has_the_rate_of_its_invoice(zloty, invoice):
    issued = invoice("10")
    rate("PLN", "4.5")
    assert invoice("10").converted_tax["minor"] == 1035
    note = credit_notes.credit(actor=STAFF, uuid=issued.uuid, reason="Mistake")
    assert note.converted_tax == STATED
    assert problems() == []


def test_the_invoice_of_a_proforma_states_it(zloty, invoice):
    proforma = invoice("10", kind="proforma")
    assert proforma.converted_tax is None
    payments.mark_paid(actor=STAFF, document_uuid=proforma.uuid, reason="Statement 1")
    found = session().scalars(sa.select(Document).where(Document.kind == "invoice")).one()
    assert found.converted_tax == STATED


def test_documents_issued_in_bulk_state_it(zloty, client):
    drafts = [
        documents.create_draft(actor=STAFF, client_uuid=client.uuid, draft=Draft(lines("10"))).uuid
        for _time in range(2)
    ]
    bulk_issuing.issue_drafts(actor=STAFF, uuids=drafts)
    session().expire_all()
    found = session().scalars(sa.select(Document.converted_tax)).all()
    assert found == [STATED, STATED]
    assert problems() == []


@pytest.mark.parametrize(
    ("values", "options"),
    [
        ({"country": "US", "vat_number": ""}, {}),
        ({"vat_registered": False}, {}),
        ({"country": "DE", "vat_number": "DE136695976"}, {}),
        ({}, {"currency": "PLN"}),
    ],
    ids=["outside the EU", "without VAT", "in the currency of the country", "in zlotys"],
)
def test_it_is_not_stated_where_the_law_does_not_ask(zloty, company, invoice, values, options):
    companies.save_company(actor=STAFF, uuid=company.uuid, values={"tax_number": "1", **values})
    assert invoice("10", **options).converted_tax is None


def test_between_two_other_currencies(company, invoice, client):
    """10 USD with 2.30 of tax; 1 EUR is 1.09 USD and 4.2567 PLN."""
    rate("USD", "1.09", date(2026, 11, 20))
    rate("PLN", "4.2567")
    change(client, currency="USD")
    stated = invoice("10", currency="USD").converted_tax
    assert stated == {"minor": 898, "currency": "PLN", "rate": "3.9052294", "rate_on": "2026-11-20"}


def test_without_a_rate_the_health_page_warns(company, invoice, settings):
    assert invoice("10").converted_tax is None
    check = billing_checks.taxes(settings)
    assert check.state == "warn" and "No exchange rate for: PLN." in str(check.text)
    rate("PLN", "4.2567")
    assert billing_checks.taxes(settings).state == "ok"
    currencies.add_currency(actor=STAFF, code="CHF")
    assert "No exchange rate for: CHF." in str(billing_checks.taxes(settings).text)
    rate("CHF", "0.9321")
    with transaction():
        session().execute(sa.update(Currency).where(Currency.code == "EUR").values(enabled=False))
    assert billing_checks.taxes(settings).state == "ok"


@pytest.mark.parametrize("price", ["1.06", "1.08", "3.33"])
def test_credit_notes_sum_to_the_tax_that_the_invoice_states(zloty, invoice, price):
    issued = invoice(price, price)
    for selected in ({0: Money.from_major(price, "EUR")}, None):
        credit_notes.credit(actor=STAFF, uuid=issued.uuid, reason="Mistake", lines=selected)
    query = sa.select(Document.converted_tax).where(Document.corrects_id == issued.id)
    stated = [each["minor"] for each in session().scalars(query)]
    assert len(stated) == 2
    assert sum(stated) == issued.converted_tax["minor"]


def test_taxes_of_the_jpk_sum_to_the_tax_that_the_document_states(zloty, company, client):
    five = taxes.RateValues("PL", "VAT", Decimal(5), FIRST_DAY, tax_class="books")
    taxes.save_rate(actor=STAFF, uuid=None, values=five)
    sold = [Line("Web", Decimal("20.70")), Line("Book", Decimal("162.40"), tax_class="books")]
    draft = documents.create_draft(actor=STAFF, client_uuid=client.uuid, draft=Draft(sold))
    issued = issuing.issue(actor=STAFF, uuid=draft.uuid)
    assert (issued.tax.minor, issued.converted_tax["minor"]) == (476 + 812, 5483)
    header, row = (each.strip().split(",") for each in export_jpk.jpk_csv([issued]))
    shown = dict(zip(header, row, strict=True))
    assert Decimal(shown["K_16"]) + Decimal(shown["K_20"]) == Decimal("54.83")


def test_jpk_is_in_zlotys(zloty, invoice):
    issued = invoice("10", "-2.50")
    note = credit_notes.credit(actor=STAFF, uuid=issued.uuid, reason="Mistake")
    rows = [row.split(",") for row in export_jpk.jpk_csv([issued, note])]
    header, first, second = ("".join(row).strip() and row for row in rows)
    for row, sign in ((first, ""), (second, "-")):
        shown = dict(zip(header, row, strict=True))
        assert (shown["K_19"], shown["K_20"]) == (f"{sign}31.93", f"{sign}7.36")
        assert row[-1].strip() == "PLN"
