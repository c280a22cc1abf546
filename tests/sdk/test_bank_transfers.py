"""What the SDK offers to modules that take bank transfers."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from puqpanel.host.context import Context, entered
from puqpanel.infra.db import release, transaction
from puqpanel.models import ConfiguredModule
from puqpanel.models.billing.documents import Document
from puqpanel.sdk import Invoice, Payment, transfer_image
from tests.operations.billing.conftest import client, company, invoice  # noqa: F401


def test_open_invoices_are_found_by_number_and_amount(
    invoice: Callable[..., Document],  # noqa: F811
) -> None:
    first, second = invoice("10"), invoice("20")
    (found,) = Invoice.find_open("EUR", numbers=[str(first.number), "unknown"])
    assert (found.uuid, found.number, found.lines) == (first.uuid, first.number, ())
    assert found.due_amount == found.total == first.total.major
    assert found.client.name == "Zażółć Gęślą"
    (found,) = Invoice.find_open("EUR", due=[second.total.major])
    assert found.uuid == second.uuid
    both = {"numbers": [str(first.number)], "due": [second.total.major]}
    assert [one.uuid for one in Invoice.find_open("EUR", **both)] == [first.uuid, second.uuid]
    assert len(Invoice.find_open("EUR", limit=1, **both)) == 1
    assert Invoice.find_open("PLN", **both) == Invoice.find_open("EUR") == []


def test_a_module_lists_its_gateways(panel: Any) -> None:
    with transaction() as current:
        for at, name in enumerate(("Echo", "Other", "Echo")):
            current.add(
                ConfiguredModule(
                    type="Payment", name=name, title=f"Number {at}", data={"at": at}, position=-at
                )
            )
    release()

    class Echo(Payment):
        pass

    with entered(Context("Payment", "Echo")):
        found = Echo().instances()
    assert [(one.instance_title, one.module_data) for one in found] == [
        ("Number 2", {"at": 2}),
        ("Number 0", {"at": 0}),
    ]
    assert len({one.instance_uuid for one in found} - {""}) == 2


@pytest.mark.parametrize(
    ("currency", "iban", "has_code"),
    [
        ("EUR", "DE89 3704 0044 0532 0130 00", True),
        ("PLN", "PL61109010140000071219812874", True),
        ("PLN", "DE89370400440532013000", False),
        ("USD", "DE89370400440532013000", False),
        ("EUR", "", False),
    ],
)
def test_codes_of_transfers(currency: str, iban: str, has_code: bool) -> None:
    image = transfer_image(
        holder="Firm", iban=iban, amount=Decimal("21.90"), currency=currency, reference="BT1"
    )
    assert image.startswith("data:image/svg+xml;base64,") == has_code
    assert bool(image) == has_code
