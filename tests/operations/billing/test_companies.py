"""The VAT number of a company, and what it needs to issue documents."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from puqpanel.domain.errors import InvalidInput
from puqpanel.domain.money import Money
from puqpanel.infra.db import transaction
from puqpanel.models import Client, Company, Document
from puqpanel.operations.billing import companies, documents, issuing, payments
from puqpanel.operations.billing.companies import IncompleteCompanyError
from puqpanel.operations.billing.documents import Draft
from tests.operations.billing.conftest import STAFF, credit_of, lines


def save(company: Company, **values: str) -> str:
    return companies.save_company(actor=STAFF, uuid=company.uuid, values=values).vat_number


@pytest.mark.parametrize("wrong", ["PL5862310477", "PL1", "DE136695976", "12"])
def test_a_wrong_number_is_refused(company: Company, wrong: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        save(company, vat_number=wrong)
    assert caught.value.errors == {"vat_number": ["This is not a valid VAT number of Poland."]}


def test_a_number_gets_its_prefix(company: Company) -> None:
    assert save(company, vat_number="526-025-02-74") == "PL5260250274"
    assert save(company, vat_number="") == ""


@pytest.mark.parametrize("entered", ["GR 094259216", "EL094259216", "094259216"])
def test_a_greek_number_has_the_prefix_of_vies(company: Company, entered: str) -> None:
    assert save(company, country="GR", vat_number=entered) == "EL094259216"


def test_a_number_of_another_country_is_kept_as_it_was_entered(company: Company) -> None:
    number = "CHE-123.456.788 MWST"
    assert save(company, country="CH", vat_number=number) == number
    with pytest.raises(InvalidInput):
        save(company, country="DE", vat_number=number)


def test_an_old_number_does_not_block_other_changes(company: Company) -> None:
    with transaction():
        companies.find_company(company.uuid).vat_number = "PL1"
    assert save(company, vat_number="PL1", country="PL", city="Sopot") == "PL1"


def test_a_company_without_an_address_or_number_issues_nothing(
    company: Company, client: Client
) -> None:
    draft = documents.create_draft(
        actor=STAFF, client_uuid=client.uuid, draft=Draft(lines("10"))
    ).uuid
    blank = {"street": "", "city": " ", "vat_number": ""}
    companies.save_company(actor=STAFF, uuid=company.uuid, values=blank)
    with pytest.raises(IncompleteCompanyError) as caught:
        issuing.issue(actor=STAFF, uuid=draft)
    assert str(caught.value).endswith("Go to Companies and enter: Street, City, VAT or tax number.")
    found = documents.find_document(draft)
    assert (found.status, found.number) == ("draft", None)
    steps = ({"street": "ul. Morska 14"}, {"city": "Gdynia"})
    for values in steps:
        companies.save_company(actor=STAFF, uuid=company.uuid, values=values)
        with pytest.raises(IncompleteCompanyError, match=r": (City, )?VAT or tax number\.$"):
            issuing.issue(actor=STAFF, uuid=draft)
    companies.save_company(actor=STAFF, uuid=company.uuid, values={"tax_number": "5260250274"})
    assert issuing.issue(actor=STAFF, uuid=draft).number


def test_a_company_that_charges_no_vat_needs_no_vat_number(company: Company) -> None:
    values = {"vat_number": "", "vat_registered": False}
    companies.save_company(actor=STAFF, uuid=company.uuid, values=values)
    missing = [str(label) for label in companies.missing_details(company)]
    assert missing == ["Tax number or registration"]
    save(company, registration="KRS 0000412873")
    assert companies.missing_details(company) == []


def test_a_payment_stays_credit_while_the_company_is_incomplete(
    company: Company, client: Client, invoice: Callable[..., Document]
) -> None:
    proforma = invoice("100", kind="proforma")
    companies.save_company(actor=STAFF, uuid=company.uuid, values={"street": ""})
    payments.mark_paid(actor=STAFF, document_uuid=proforma.uuid, reason="Statement 1")
    assert credit_of(client) == Money(12300, "EUR")
    assert documents.find_document(proforma.uuid).status == "issued"
