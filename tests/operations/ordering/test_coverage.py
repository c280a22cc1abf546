"""Days that are left are credited as they were charged, and only what was not credited already."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError
from puqpanel.domain.periods import Anchor
from puqpanel.infra.db import session, transaction
from puqpanel.models import Charge, Document
from puqpanel.operations.accounts import clients
from puqpanel.operations.billing import companies, credit_notes, documents, issuing, payments, taxes
from puqpanel.operations.billing.documents import Draft
from puqpanel.operations.billing.taxes import RateValues
from puqpanel.operations.catalog import products
from puqpanel.operations.ordering import orders, terms
from puqpanel.operations.ordering.quotes import Choice
from puqpanel.operations.provisioning import requests
from tests.operations.billing.conftest import (  # noqa: F401  # fixtures
    STAFF,
    client,
    company,
    lines,
)
from tests.operations.billing.conftest import (
    change as change_client,
)
from tests.operations.billing.test_issuing import problems
from tests.operations.ordering.dated import at, buy, change, eur, fresh, settlement, sold


@pytest.fixture
def pair(client: Any, company: Any) -> tuple[str, str]:  # noqa: F811
    """Products for 31 and 62 euros a month; of March, 21 of 31 days are left on the 11th."""
    return sold("A", {"monthly": "31"}), sold("B", {"monthly": "62"})


def bought(client: Any, product: str) -> Any:  # noqa: F811
    with at("2026-03-01"):
        order = buy(client, product)
    assert order.document.total == eur(3813)
    return order


def due(uuid: str, product: str) -> Any:
    """Return what is due for a change on 11 March, with tax."""
    with at("2026-03-11"):
        return settlement(uuid, product).quote.total


@pytest.mark.parametrize("credited", [1550, 3099])
@pytest.mark.parametrize("how", ["lines", "amount"])
def test_what_was_credited_is_not_credited_again(client, pair, credited, how):  # noqa: F811
    order = bought(client, pair[0])
    part: Any = {"lines": {0: eur(credited)}, "amount": eur(round(credited * 1.23))}
    with at("2026-03-02"):
        note = credit_notes.credit(
            actor=STAFF, uuid=order.document.uuid, reason="Outage", **{how: part[how]}
        )
    left = 3100 - note.net_minor
    with at("2026-03-11"):
        quote = settlement(order.items[0].service.uuid, pair[1]).quote
    assert quote.net.minor == 4200 - round(left * 21 / 31)


def test_a_new_period_starts_if_all_days_were_credited(client, pair):  # noqa: F811
    order = bought(client, pair[0])
    with at("2026-03-11"):
        credit_notes.credit(actor=STAFF, uuid=order.document.uuid, reason="Mistake")
        found = settlement(order.items[0].service.uuid, pair[1])
    assert (found.anchor, found.paid_until) == (Anchor(2026, 3, 11), date(2026, 4, 11))
    assert found.quote.net == eur(6200)


def test_a_credit_and_a_charge_of_different_days_are_two_charges(client, company):  # noqa: F811
    """B is charged for 9 of 365 days; 4 are left when C, twice as expensive, follows."""
    monthly = sold("A", {"monthly": "31", "annually": "372"})
    fixed = [sold(name, {"annually": price}, anchor_day=1) for name, price in PRICES.items()]
    with at("2026-02-15"):
        uuid = buy(client, monthly).items[0].service.uuid
    with at("2026-02-20"):
        assert change(uuid, fixed[0], "annually").document.net == eur(9000 - 2546)
        assert fresh(uuid).paid_until == date(2026, 3, 1)
        charged = session().execute(
            sa.select(Charge.kind, Charge.period_end, Charge.amount_minor).order_by(Charge.id)
        )
        assert charged.all()[1:] == [
            ("unused", date(2026, 3, 15), -2546),
            ("proration", date(2026, 3, 1), 9000),
        ]
    with at("2026-02-25"):
        assert change(uuid, fixed[1], "annually").document.net == eur(8000 - 4000)
    assert problems() == []


PRICES = {"B": "3650", "C": "7300"}


def test_after_the_vat_number_is_confirmed(client, pair):  # noqa: F811
    german = {"country": "DE", "buyer_kind": "business", "vat_number": "DE136695976"}
    change_client(client, **german, vat_status="pending")
    uuid = bought(client, pair[0]).items[0].service.uuid
    change_client(client, vat_status="confirmed")
    with at("2026-03-11"):
        document = change(uuid, pair[1]).document
    assert document.total == eur(4200 - 2583)
    assert [(row.category, row.net_minor) for row in document.taxes] == [("S", -2100), ("AE", 4200)]
    assert problems() == []


def test_after_the_rate_rose(client, pair):  # noqa: F811
    uuid = bought(client, pair[0]).items[0].service.uuid
    values = RateValues(country="PL", name="VAT", rate=Decimal(25), valid_from=date(2026, 3, 10))
    taxes.save_rate(actor=STAFF, uuid=None, values=values)
    assert due(uuid, pair[1]) == eur(5250 - 2583)


def test_after_the_client_moved_to_a_country_with_the_same_rate(client, company, pair):  # noqa: F811
    """Poland and Portugal charge 23 %, but the credited tax is Polish."""
    uuid = bought(client, pair[0]).items[0].service.uuid
    companies.save_company(actor=STAFF, uuid=company.uuid, values={"one_stop_shop": True})
    change_client(client, country="PT")
    with at("2026-03-11"):
        document = change(uuid, pair[1]).document
    assert [(row.country, row.net_minor) for row in document.taxes] == [("PL", -2100), ("PT", 4200)]
    assert problems() == []


@pytest.mark.parametrize(("first", "then"), [("net", "gross"), ("gross", "net")])
def test_after_prices_are_entered_otherwise(client, company, pair, first, then):  # noqa: F811
    companies.save_company(actor=STAFF, uuid=company.uuid, values={"entry": first})
    with at("2026-03-01"):
        order = buy(client, pair[0])
    companies.save_company(actor=STAFF, uuid=company.uuid, values={"entry": then})
    paid = {"net": 2583, "gross": 2100}[first]
    new = {"net": 5166, "gross": 4200}[then]
    assert due(order.items[0].service.uuid, pair[1]) == eur(new - paid)


def test_after_the_tax_class_of_the_product_changed(client, pair):  # noqa: F811
    uuid = bought(client, pair[0]).items[0].service.uuid
    with transaction():
        products.find_product(pair[0]).tax_class = "reduced"
    assert due(uuid, pair[1]) == eur(5166 - 2583)


def test_another_client_is_credited_at_its_own_taxes(client, pair):  # noqa: F811
    uuid = bought(client, pair[0]).items[0].service.uuid
    other = clients.create_client(
        actor=STAFF, name="Hans", email="hans@example.test", country="CH", currency="EUR"
    )
    terms.transfer(actor=STAFF, service_uuid=uuid, client_uuid=other.uuid, reason="Sold")
    assert due(uuid, pair[1]) == eur(4200 - 2100)


def test_the_company_that_charged_the_days_credits_them(client, company, pair):  # noqa: F811
    address = {"street": "x", "city": "y", "vat_number": "DE136695976"}
    other = companies.save_company(
        actor=STAFF, uuid=None, values={"name": "B GmbH", "country": "DE", **address}
    )
    uuid = bought(client, pair[0]).items[0].service.uuid
    with at("2026-03-02"):
        draft = documents.create_draft(
            actor=STAFF, client_uuid=client.uuid, draft=Draft(lines("5")), company_uuid=other.uuid
        )
        assert companies.company_for(client).id == company.id  # a draft is no sale
        issuing.issue(actor=STAFF, uuid=draft.uuid)
        assert companies.company_for(client).id == other.id
    with at("2026-03-11"):
        assert change(uuid, pair[1]).document.company_id == company.id
    assert session().scalar(sa.select(sa.func.count(Document.id))) == 3


def unpaid(client: Any, product: str) -> Any:  # noqa: F811
    """Return the order of a service that runs since 1 March and was not paid."""
    with at("2026-03-01"):
        choice = Choice(products.find_product(product), "monthly")
        order = orders.place(actor=STAFF, request=orders.Request(client.uuid, [choice], "t"))
        requests.request(actor=STAFF, service_uuid=order.items[0].service.uuid, verb="create")
    return order


@pytest.mark.parametrize(("credited", "paid", "share"), [(0, 0, 0), (0, 1271, 1 / 3), (1550, 0, 0)])
def test_days_that_were_written_off_are_not_credited(client, pair, credited, paid, share):  # noqa: F811
    order = unpaid(client, pair[0])
    document = order.document.uuid
    with at("2026-03-02"):
        if credited:
            parts = {0: eur(credited)}
            credit_notes.credit(actor=STAFF, uuid=document, reason="Outage", lines=parts)
        if paid:
            payments.mark_paid(actor=STAFF, document_uuid=document, reason="x", amount=eur(paid))
        issuing.write_off(actor=STAFF, uuid=document, reason="Bankrupt")
    with at("2026-03-11"):
        quote = settlement(order.items[0].service.uuid, pair[1]).quote
    assert quote.net == eur(4200 - round(2100 * share))
    assert problems() == []


def test_days_that_the_former_client_did_not_pay_have_to_be_settled_first(client, pair):  # noqa: F811
    order = unpaid(client, pair[0])
    uuid = order.items[0].service.uuid
    other = clients.create_client(
        actor=STAFF, name="Hans", email="hans@example.test", country="CH", currency="EUR"
    )
    terms.transfer(actor=STAFF, service_uuid=uuid, client_uuid=other.uuid, reason="Sold")
    with pytest.raises(ConflictError, match="previous client has an unpaid invoice"):
        due(uuid, pair[1])
    with at("2026-03-11"):
        issuing.write_off(actor=STAFF, uuid=order.document.uuid, reason="Bankrupt")
    assert due(uuid, pair[1]) == eur(4200)
