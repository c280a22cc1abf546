"""The canonical content of documents and their digests."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal

from puqpanel.domain.documents import ConvertedTax, canonical, digest
from puqpanel.domain.money import Money
from tests.infra.documents.samples import polish


def test_the_same_content_has_the_same_digest() -> None:
    data = polish()
    first = data.lines[0]
    same = replace(first, quantity=Decimal("1.000"), unit_price=Decimal("384"))
    assert digest(replace(data, lines=(same, *data.lines[1:])), "") == digest(data, "")
    assert len(digest(data, "")) == 64
    assert digest(data, "before") != digest(data, "")
    assert digest(replace(data, notes=("x",)), "") != digest(data, "")


def test_what_is_added_to_documents_changes_no_earlier_digest() -> None:
    """The documents of all panels keep the digests that they were issued with."""
    issued = "0be90ef457903758cf1a259f6c61cdc9b840eae05d485f0ae69866b35f0b57b2"
    assert digest(polish(), "") == issued
    assert digest(polish(prepaid=Money(100, "PLN")), "") != issued


def test_empty_fields_are_not_part_of_the_content() -> None:
    """So a field that is added later changes no digest of documents without it."""
    content = json.loads(canonical(polish()))
    assert "converted_tax" not in content and "prepaid" not in content
    assert "tax_number" not in content["seller"]
    converted = ConvertedTax(Money(0, "PLN"), Decimal("4.20"), date(2025, 7, 1))
    content = json.loads(canonical(polish(converted_tax=converted)))
    assert content["converted_tax"] == {
        "amount": {"currency": "PLN", "minor": 0},
        "rate": "4.2",
        "rate_on": "2025-07-01",
    }
