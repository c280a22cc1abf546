"""Lines that can't be put on a document."""

from __future__ import annotations

from decimal import Decimal

import pytest

from puqpanel.domain.documents import canonical
from puqpanel.domain.errors import InvalidInput
from puqpanel.domain.xml_text import xml_text
from puqpanel.infra.documents.printable import printable
from puqpanel.models import Client, Company
from puqpanel.operations.accounts import clients
from puqpanel.operations.accounts.buyer_details import BuyerDetails
from puqpanel.operations.billing import companies, credit_notes, documents, issuing, taxes
from puqpanel.operations.billing.contents import content
from puqpanel.operations.billing.documents import Draft
from puqpanel.operations.billing.lines import Line
from tests.operations.billing.conftest import STAFF


@pytest.mark.parametrize("description", ["\x01", " \x00\x02 ", "\ufffe", "\ud800"])
def test_descriptions_that_documents_cannot_show_are_refused(
    client: Client, company: Company, description: str
) -> None:
    draft = Draft([Line(description, Decimal(10))])
    with pytest.raises(InvalidInput) as caught:
        documents.create_draft(actor=STAFF, client_uuid=client.uuid, draft=draft)
    assert caught.value.errors == {"": ["Line 1: enter a description."]}


def test_control_characters_are_not_stored(client: Client, company: Company) -> None:
    draft = Draft([Line("VPS\x00 L\x01", Decimal(10), details="a\x02\nb")])
    made = documents.create_draft(actor=STAFF, client_uuid=client.uuid, draft=draft)
    (row,) = documents.find_document(made.uuid).lines
    assert (row.description, row.details) == ("VPS L", "a\nb")


def test_a_reason_that_documents_cannot_show_is_refused(company: Company) -> None:
    rule = {"country": "DE", "region": "", "buyer_kind": "", "category": "E", "reason": "\x01"}
    with pytest.raises(InvalidInput) as caught:
        taxes.save_rule(actor=STAFF, company_uuid=company.uuid, **rule)
    assert list(caught.value.errors) == ["reason"]


REORDERING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def test_characters_that_reorder_text_are_on_no_document(client: Client, company: Company) -> None:
    values = {"name": f"Host{REORDERING}", "country": "PL", "holder": f"H{REORDERING}"}
    values |= {"street": f"{REORDERING}Street", "city": f"Ci{REORDERING}ty"}
    companies.save_company(actor=STAFF, uuid=company.uuid, values=values)
    found = clients.find_client(client.uuid)
    details = BuyerDetails(street=f"Rynek{REORDERING} 1", tax_number=f"1{REORDERING}2")
    clients.update_client(
        actor=STAFF,
        uuid=client.uuid,
        name=f"An{REORDERING}na",
        email=found.email,
        country="PL",
        currency="EUR",
        company=f"A{REORDERING} Ltd",
        details=details,
    )
    line = Line(f"V{REORDERING}PS", Decimal(10), details=f"{REORDERING}a")
    draft = Draft([line], reference=f"PO{REORDERING} 1", notes=f"Thanks{REORDERING}")
    made = documents.create_draft(actor=STAFF, client_uuid=client.uuid, draft=draft)
    document = issuing.issue(actor=STAFF, uuid=made.uuid)
    note = credit_notes.credit(actor=STAFF, uuid=document.uuid, reason=f"A{REORDERING} mistake")
    for each in (document, note):
        said = canonical(content(each))
        assert not set(REORDERING) & set(said)
    assert "A Ltd" in said
    assert "A mistake" in said


def test_direction_marks_are_kept(client: Client, company: Company) -> None:
    draft = Draft([Line("שלום\u200f!\u200e", Decimal(10))])
    made = documents.create_draft(actor=STAFF, client_uuid=client.uuid, draft=draft)
    assert documents.find_document(made.uuid).lines[0].description == "שלום\u200f!\u200e"


def test_stored_texts_are_printed_in_order() -> None:
    assert printable(f"A{REORDERING} Ltd") == "A Ltd"
    assert xml_text(f"A{REORDERING} Ltd") == "A Ltd"
