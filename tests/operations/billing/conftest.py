"""A company, a client and what they sell and pay."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from puqpanel.domain.money import Money
from puqpanel.domain.principals import Principal, PrincipalKind
from puqpanel.infra.db import transaction
from puqpanel.infra.documents import pdf as renderer
from puqpanel.models import Client, Company, Document
from puqpanel.operations.accounts import clients
from puqpanel.operations.billing import companies, documents, issuing, ledger, taxes
from puqpanel.operations.billing.documents import Draft
from puqpanel.operations.billing.lines import Line

STAFF = Principal(PrincipalKind.STAFF, None, "A test", permissions=frozenset({"*"}))


def lines(*prices: str, tax_class: str = "standard") -> list[Line]:
    """Return a line for each price."""
    return [
        Line(f"Line {at}", Decimal(price), tax_class=tax_class)
        for at, price in enumerate(prices, 1)
    ]


@pytest.fixture
def company(panel: Any) -> Company:
    """A company in Poland with the rates of the EU."""
    taxes.load_eu_rates(actor=STAFF)
    values = {
        "name": "Fjordhost sp. z o.o.",
        "country": "PL",
        "street": "ul. Morska 14",
        "city": "Gdynia",
        "vat_number": "PL5260250274",
        "zone": "Europe/Warsaw",
    }
    return companies.save_company(actor=STAFF, uuid=None, values=values)


@pytest.fixture
def client(panel: Any) -> Client:
    """A consumer in Poland."""
    created = clients.create_client(
        actor=STAFF, name="Zażółć Gęślą", email="z@example.org", country="PL", currency="EUR"
    )
    return clients.find_client(created.uuid)


@pytest.fixture
def invoice(company: Company, client: Client) -> Callable[..., Document]:
    """A function that issues an invoice with a line for each price."""

    def make(*prices: str, kind: str = "invoice", **options: Any) -> Document:
        draft = documents.create_draft(
            actor=STAFF,
            client_uuid=client.uuid,
            draft=Draft(lines(*prices)),
            kind=kind,
            **options,
        )
        return issuing.issue(actor=STAFF, uuid=draft.uuid)

    return make


@pytest.fixture
def refusals(monkeypatch: pytest.MonkeyPatch) -> dict[str, Exception]:
    """Errors by a text of the template or of a document that fails with them."""
    errors: dict[str, Exception] = {}
    compiled = renderer.compile_template

    def refusing(source: str, data: dict[str, Any], *arguments: Any, **options: Any) -> list[bytes]:
        for word, error in errors.items():
            if word in source or word in str(data):
                raise error
        return compiled(source, data, *arguments, **options)

    monkeypatch.setattr(renderer, "compile_template", refusing)
    return errors


def credit_of(client: Client, currency: str = "") -> Money:
    """Return the credit of a client in a currency, its own unless given, at all companies."""
    code = currency or client.currency
    found = [amount for _, amount in ledger.credits_of(client) if amount.currency == code]
    return Money.total(found, code)


def change(client: Client, **values: Any) -> None:
    """Change columns of a client."""
    with transaction():
        row = clients.find_client(client.uuid)
        for name, value in values.items():
            setattr(row, name, value)
