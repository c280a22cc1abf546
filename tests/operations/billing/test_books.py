"""What the checks of the books find, and facts that must agree across documents."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, InvalidInput
from puqpanel.domain.money import Money
from puqpanel.domain.rates import Rounding
from puqpanel.infra.db import session, transaction
from puqpanel.models import Charge, Document, LedgerEntry, Payment, Posting
from puqpanel.operations.billing import books, companies, documents, payments, taxes
from puqpanel.operations.billing.documents import Draft
from puqpanel.operations.billing.issuing import issue
from puqpanel.operations.system import currencies
from tests.operations.billing.conftest import STAFF, lines
from tests.operations.ordering.test_orders import Choice, place, product  # noqa: F401


def found() -> list[str]:
    return [str(each.text) for step in books.check() for each in step.problems]


def test_a_payment_without_a_posting_is_found(invoice):
    payments.mark_paid(actor=STAFF, document_uuid=invoice("10").uuid, reason="Statement 1")
    assert found() == []
    with transaction():
        payment = session().scalars(sa.select(Payment)).one()
        payment.outside_id = "somebody-changed-it"
    assert found() == [
        "It was not posted to the ledger.",
        "No document, payment or refund explains this posting.",
    ]
    with transaction():
        session().execute(sa.delete(LedgerEntry).where(LedgerEntry.account == "clearing"))
    assert "It was not posted to the ledger." in found()
    assert session().scalar(sa.select(sa.func.count()).select_from(Posting)) == 3


def test_a_period_that_is_invoiced_without_a_charge_is_found(client, product):  # noqa: F811
    order = place(client, Choice(product, "monthly"))
    assert found() == []
    with transaction():
        session().execute(sa.delete(Charge))
    assert found() == [f"“{order.items[0].service.name}” has no charge for its period."]


def test_notes_of_a_proforma_are_on_its_invoice_once(invoice, client, company):
    with transaction():
        company.notes = "Thank you"
    draft = documents.create_draft(
        actor=STAFF,
        client_uuid=client.uuid,
        draft=Draft(lines("10"), notes="Delivery in May"),
        kind="proforma",
    )
    proforma = issue(actor=STAFF, uuid=draft.uuid)
    assert proforma.notes == "Delivery in May\nThank you"
    payments.mark_paid(actor=STAFF, document_uuid=proforma.uuid, reason="Statement 1")
    query = sa.select(Document.notes).where(Document.kind == "invoice")
    assert session().scalars(query).one() == "Delivery in May\nThank you"


@pytest.mark.parametrize("later", ["Thank you very much", ""])
def test_notes_of_the_company_that_change_before_the_invoice(invoice, client, company, later):
    with transaction():
        company.notes = "Thank you"
    proforma = invoice("10", kind="proforma")
    with transaction():
        companies.find_company(company.uuid).notes = later
    payments.mark_paid(actor=STAFF, document_uuid=proforma.uuid, reason="Statement 1")
    query = sa.select(Document.notes).where(Document.kind == "invoice")
    assert session().scalars(query).one() == "Thank you"
    assert invoice("10").notes == later


def test_a_currency_with_open_documents_or_credit_stays(invoice, client, company):
    currencies.add_currency(actor=STAFF, code="PLN")

    def disable() -> None:
        currencies.save_currency(
            actor=STAFF,
            code="PLN",
            enabled=False,
            rate=None,
            step=Money(1, "PLN").major,
            rounding=Rounding.HALF_UP,
        )

    issued = invoice("10", currency="PLN")
    with pytest.raises(ConflictError, match="unpaid documents: 1"):
        disable()
    more = Money(2000, "PLN")
    payments.mark_paid(actor=STAFF, document_uuid=issued.uuid, reason="Statement", amount=more)
    with pytest.raises(ConflictError, match="clients with credit: 1"):
        disable()


def test_a_second_rule_for_the_same_buyers_is_refused(company):
    rule = {"country": "NO", "region": "", "buyer_kind": "", "category": "G", "reason": "Export"}
    taxes.save_rule(actor=STAFF, company_uuid=company.uuid, **rule)
    with pytest.raises(InvalidInput) as refused:
        taxes.save_rule(actor=STAFF, company_uuid=company.uuid, **{**rule, "reason": "Other"})
    assert "already has a rule" in str(refused.value.messages["country"][0])


def test_rules_keep_reasons_where_documents_state_them(company):
    rule = {"company_uuid": company.uuid, "region": "", "buyer_kind": "", "reason": "Art. 83"}
    for country, category, reason in (("DE", "Z", ""), ("FR", "S", ""), ("IT", "E", "Art. 83")):
        row = taxes.save_rule(actor=STAFF, country=country, category=category, **rule)
        assert row.reason == reason


def test_a_rule_for_exports_requires_the_number_of_the_company(company):
    values = {"vat_number": "", "tax_number": "5260250274"}
    companies.save_company(actor=STAFF, uuid=company.uuid, values=values)
    rule = {"country": "NO", "region": "", "buyer_kind": "", "category": "G", "reason": "Export"}
    with pytest.raises(InvalidInput) as refused:
        taxes.save_rule(actor=STAFF, company_uuid=company.uuid, **rule)
    assert "VAT number" in str(refused.value.messages["category"][0])
