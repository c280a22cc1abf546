"""Documents that were issued by the panel, as PDF, CII and UBL."""

from __future__ import annotations

import io
from decimal import Decimal

import facturx
import pytest
import sqlalchemy as sa
from pypdf import PdfReader

from puqpanel.domain.documents import DocumentData
from puqpanel.domain.money import Money
from puqpanel.domain.tax import PriceEntry
from puqpanel.infra.db import session, transaction
from puqpanel.infra.documents.cii import cii
from puqpanel.infra.documents.en16931 import NotAnInvoiceError
from puqpanel.infra.documents.facturx import checked_xml
from puqpanel.infra.documents.pdf import render_pdf
from puqpanel.infra.documents.ubl import ubl
from puqpanel.models import Document
from puqpanel.operations.billing import (
    companies,
    credit_notes,
    document_files,
    documents,
    issuing,
    payments,
    taxes,
)
from puqpanel.operations.billing.contents import content
from puqpanel.operations.billing.documents import Draft
from puqpanel.operations.billing.lines import Line
from tests.infra.documents.schematron import CII_RULES, UBL_RULES, broken_rules, check_ubl_schema
from tests.operations.billing.conftest import STAFF, change, lines
from tests.operations.billing.test_issuing import problems


def follows_the_rules(uuid: str) -> DocumentData:
    data = content(documents.find_document(uuid))
    assert broken_rules(checked_xml(data), CII_RULES) == []
    check_ubl_schema(ubl(data))
    assert broken_rules(ubl(data), UBL_RULES) == []
    return data


def test_an_invoice_and_its_credit_notes_in_pieces(invoice, client):
    change(client, street="Rynek 1", city="Kraków", postcode="31-042")
    document = invoice("0.99", "0.99", "12.34", "-0.5")
    data = follows_the_rules(document.uuid)
    assert facturx.get_facturx_xml_from_pdf(render_pdf(data).pdf) == ("factur-x.xml", cii(data))
    for options in ({"amount": Money(7, "EUR")}, {"lines": {2: Money(333, "EUR")}}, {}):
        note = credit_notes.credit(actor=STAFF, uuid=document.uuid, reason="Mistake", **options)
        assert follows_the_rules(note.uuid).corrects == (document.number, document.issued_on)


def test_credit_notes_over_groups_of_either_sign(client, company):
    draft = Draft([*lines("100"), *lines("-20", tax_class="reduced")])
    made = documents.create_draft(actor=STAFF, client_uuid=client.uuid, draft=draft)
    document = issuing.issue(actor=STAFF, uuid=made.uuid)
    for minor in (1, 5000, document.total.minor - 5001):
        amount = Money(minor, "EUR")
        note = credit_notes.credit(actor=STAFF, uuid=document.uuid, reason="Part", amount=amount)
        assert follows_the_rules(note.uuid).total == amount


def test_prices_with_tax(invoice, company):
    companies.save_company(actor=STAFF, uuid=company.uuid, values={"entry": "gross"})
    data = follows_the_rules(invoice("9.99", "0.05", "100", "-3.33").uuid)
    assert str(data.total) == "106.71 EUR"


def test_reverse_charge_and_outside_the_scope(invoice, client):
    change(
        client,
        country="DE",
        vat_number="DE811907980",
        buyer_kind="business",
        vat_status="confirmed",
    )
    (reverse_charge,) = follows_the_rules(invoice("10").uuid).totals
    change(client, country="UA", vat_number="", buyer_kind="consumer", vat_status="none")
    (outside,) = follows_the_rules(invoice("10").uuid).totals
    assert (reverse_charge.group.category, outside.group.category) == ("AE", "O")


def test_the_invoice_of_a_paid_proforma_asks_for_no_payment(invoice, company):
    companies.save_company(
        actor=STAFF, uuid=company.uuid, values={"iban": "PL61109010140000071219812874"}
    )
    proforma = invoice("100", kind="proforma")
    payments.mark_paid(actor=STAFF, document_uuid=proforma.uuid, reason="cash")
    query = sa.select(Document).where(Document.origin_id == proforma.id)
    document = session().scalars(query).one()
    assert follows_the_rules(document.uuid).prepaid == document.total
    text = document_files.ubl(document).decode()
    assert '<cbc:PrepaidAmount currencyID="EUR">123.00<' in text
    assert '<cbc:PayableAmount currencyID="EUR">0.00<' in text
    pdf = PdfReader(io.BytesIO(document_files.pdf(document)))
    text = "".join(page.extract_text() for page in pdf.pages).replace("\xa0", " ")
    assert "Paid in full" in text
    assert "How to pay" not in text and "PL61 1090" not in text


def test_what_was_prepaid_is_sealed(invoice):
    proforma = invoice("100", kind="proforma")
    payments.mark_paid(actor=STAFF, document_uuid=proforma.uuid, reason="cash")
    assert problems() == []
    with transaction():
        session().execute(
            sa.update(Document).where(Document.origin_id == proforma.id).values(prepaid_minor=0)
        )
    session().expire_all()
    assert [str(text) for _, text in problems()] == ["Its content was changed after it was issued."]


@pytest.mark.parametrize(
    ("category", "number", "taxed"),
    [("Z", "", "Z"), ("AE", "", "S"), ("AE", "123", "AE"), ("G", "", "G"), ("E", "", "E")],
)
def test_a_tax_rule_gives_a_valid_invoice(invoice, client, company, category, number, taxed):
    """Zero rates have no reason (BR-Z-10), and reverse charge states a number (BR-AE-02)."""
    rule = {"country": "DE", "region": "", "buyer_kind": "", "reason": "Art. 83"}
    row = taxes.save_rule(actor=STAFF, company_uuid=company.uuid, category=category, **rule)
    with transaction():
        row.reason = "Art. 83"  # as rules of the zero rate have that were saved before
    change(client, country="DE", tax_number=number)
    (total,) = follows_the_rules(invoice("10").uuid).totals
    assert total.group.category == taxed


def test_a_buyer_without_a_country_is_one_of_the_seller(invoice, client):
    change(client, country="")
    document = invoice("10", kind="proforma")
    payments.mark_paid(actor=STAFF, document_uuid=document.uuid, reason="cash")
    made = session().scalars(sa.select(Document).where(Document.origin_id == document.id)).one()
    assert follows_the_rules(made.uuid).buyer.country == "PL"
    note = credit_notes.credit(actor=STAFF, uuid=made.uuid, reason="Mistake")
    assert follows_the_rules(note.uuid).buyer.country == "PL"
    assert problems() == []


@pytest.mark.parametrize("field", ["vat_number", "tax_number", "registration"])
def test_an_invoice_of_a_small_company(invoice, company, field):
    values = {"vat_number": "", "vat_registered": False}
    companies.save_company(actor=STAFF, uuid=company.uuid, values=values)
    with pytest.raises(companies.IncompleteCompanyError):
        invoice("10")
    companies.save_company(actor=STAFF, uuid=company.uuid, values={field: "5260250274"})
    follows_the_rules(invoice("10").uuid)


def test_a_draft_is_shown_and_is_no_invoice(company, client):
    draft = documents.create_draft(actor=STAFF, client_uuid=client.uuid, draft=Draft(lines("10")))
    data = content(documents.find_document(draft.uuid))
    assert render_pdf(data).pdf.startswith(b"%PDF")
    with pytest.raises(NotAnInvoiceError):
        ubl(data)


def test_prices_are_printed_as_they_were_entered(client, company):
    sold = [("1.5", "0.33"), ("3", "10.005"), ("1.5", "-0.33"), ("0.0001", "40")]
    rows = [Line("VPS", Decimal(price), Decimal(quantity)) for quantity, price in sold]
    rows.append(Line("A third of a month", Decimal(10), amount=Money(333, "EUR")))
    made = documents.create_draft(actor=STAFF, client_uuid=client.uuid, draft=Draft(rows))
    document = issuing.issue(actor=STAFF, uuid=made.uuid)
    note = credit_notes.credit(actor=STAFF, uuid=document.uuid, reason="Mistake")
    for uuid in (document.uuid, note.uuid):
        data = follows_the_rules(uuid)
        found = {(line.unit_price, line.net.minor) for line in data.lines}
        assert found - {(Decimal(40), 0)} == {
            (Decimal("0.33"), 50),
            (Decimal("10.005"), 3002),
            (Decimal("-0.33"), -50),
            (Decimal("3.33"), 333),
        }
    assert problems() == []


def test_gross_prices_are_printed_without_tax(client, company):
    draft = Draft([Line("VPS", Decimal("0.33"), Decimal("1.5"))])
    made = documents.create_draft(
        actor=STAFF, client_uuid=client.uuid, draft=draft, entry=PriceEntry.GROSS
    )
    document = issuing.issue(actor=STAFF, uuid=made.uuid)
    (line,) = follows_the_rules(document.uuid).lines
    assert (str(line.net), str(line.unit_price)) == ("0.41 EUR", "0.2733333333")
