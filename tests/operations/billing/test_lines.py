"""Lines that can't be put on a document."""

from __future__ import annotations

from decimal import Decimal

import pytest

from puqpanel.domain.errors import InvalidInput
from puqpanel.models import Client, Company
from puqpanel.operations.billing import documents, taxes
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
