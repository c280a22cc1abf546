"""Billing addresses decide taxes and stay on documents; contacts receive documents."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, InvalidInput, NotFoundError, PermissionDenied
from puqpanel.domain.permissions import CLIENT_KEYS
from puqpanel.domain.principals import Principal
from puqpanel.infra.db import session
from puqpanel.models import Address, Document, Order
from puqpanel.operations.accounts import addresses, clients, contacts
from puqpanel.operations.billing import companies, credit_notes, payments
from puqpanel.operations.billing.documents import find_document
from puqpanel.operations.ordering import draft_items, drafts, offer_answers, offers
from puqpanel.operations.ordering.quotes import Choice
from tests.operations.billing.conftest import (  # noqa: F401  # fixtures
    STAFF,
    change,
    client,
    company,
)
from tests.operations.billing.test_issuing import problems
from tests.operations.ordering.test_endings import user_of
from tests.operations.ordering.test_offers import in_days
from tests.operations.ordering.test_orders import place, product  # noqa: F401  # fixtures

BERLIN = {
    "label": "Berlin office",
    "company": "Gęślą GmbH",
    "street": "Lindenstraße 4",
    "postcode": "10969",
    "city": "Berlin",
    "country": "DE",
}
CONTACT = {"name": "Books", "email": "books@example.org", "billing": True}


def add(client: Any, actor: Principal = STAFF, **values: str) -> Address:  # noqa: F811
    return addresses.save_address(
        actor=actor, client_uuid=client.uuid, uuid=None, values={**BERLIN, **values}
    )


def add_contact(client: Any, actor: Principal = STAFF, **values: Any) -> Any:  # noqa: F811
    return contacts.save_contact(
        actor=actor, client_uuid=client.uuid, uuid=None, values={**CONTACT, **values}
    )


@pytest.fixture(autouse=True)
def one_stop_shop(company: Any) -> None:  # noqa: F811
    """Have the company charge EU consumers the rate of their country."""
    companies.save_company(actor=STAFF, uuid=company.uuid, values={"one_stop_shop": True})


@pytest.fixture
def other(panel: Any) -> Any:
    return clients.create_client(actor=STAFF, name="Other", email="o@example.org", currency="EUR")


@pytest.mark.parametrize("first", ["invoice", "proforma"])
def test_an_order_is_taxed_and_addressed_where_it_is_billed(client, product, company, first):  # noqa: F811
    companies.save_company(
        actor=STAFF, uuid=company.uuid, values={"proforma_first": first == "proforma"}
    )
    at_home = place(client, Choice(product, "monthly"))
    assert (str(at_home.document.total), at_home.document.buyer["city"]) == ("12.30 EUR", "")
    order = place(client, Choice(product, "monthly"), token="b", address_id=add(client).id)
    assert str(order.document.total) == "11.90 EUR"
    expected = ("Gęślą GmbH", "Lindenstraße 4", "10969", "Berlin", "DE")
    keys = ("name", "street", "postcode", "city", "country")
    assert tuple(order.document.buyer[key] for key in keys) == expected
    payments.mark_paid(actor=STAFF, document_uuid=order.document.uuid, reason="cash")
    invoices = [d for d in session().scalars(sa.select(Document)) if d.kind == "invoice"]
    invoice = max(invoices, key=lambda each: each.id)
    assert (invoice.buyer["city"], str(invoice.total)) == ("Berlin", "11.90 EUR")
    note = credit_notes.credit(actor=STAFF, uuid=invoice.uuid, reason="x")
    assert note.buyer == invoice.buyer
    assert problems() == []


def test_a_vat_number_counts_in_its_own_country_only(client, product, company):  # noqa: F811
    values = {"country": "DE", "vat_number": "DE136695976", "vat_status": "confirmed"}
    change(client, buyer_kind="business", **values)
    order = place(client, Choice(product, "monthly"), address_id=add(client, country="CZ").id)
    assert order.document.buyer["vat_number"] == ""
    assert order.document.tax.minor > 0
    home = place(client, Choice(product, "monthly"), token="b", address_id=add(client).id)
    assert home.document.buyer["vat_number"] == "DE136695976"


def test_another_clients_address_is_not_used(client, other, product, company):  # noqa: F811
    theirs = add(other)
    with pytest.raises(InvalidInput) as refused:
        place(client, Choice(product, "monthly"), address_id=theirs.id)
    assert "address" in refused.value.messages
    calls = (
        lambda: addresses.find_address(client, theirs.uuid),
        lambda: addresses.delete_address(
            actor=user_of(client), client_uuid=client.uuid, uuid=theirs.uuid
        ),
        lambda: addresses.make_default(
            actor=user_of(client), client_uuid=client.uuid, uuid=theirs.uuid
        ),
        lambda: addresses.save_address(
            actor=user_of(client), client_uuid=client.uuid, uuid=theirs.uuid, values=BERLIN
        ),
    )
    for call in calls:
        with pytest.raises(NotFoundError):
            call()
    draft = drafts.create(actor=STAFF, client_uuid=client.uuid)
    with pytest.raises(NotFoundError):
        drafts.set_address(actor=STAFF, uuid=draft.uuid, address_uuid=theirs.uuid)


def test_a_draft_and_its_offer_are_for_the_chosen_address(client, product, company):  # noqa: F811
    berlin = add(client)
    draft = drafts.create(actor=STAFF, client_uuid=client.uuid)
    draft_items.save_item(actor=STAFF, uuid=draft.uuid, choice=Choice(product, "monthly"))
    drafts.set_address(actor=STAFF, uuid=draft.uuid, address_uuid=berlin.uuid)
    sent = offers.send(actor=STAFF, uuid=draft.uuid, expires_on=in_days(7))
    assert str(sent.offer.total) == "11.90 EUR"
    with pytest.raises(ConflictError, match="can't be deleted"):
        addresses.delete_address(actor=STAFF, client_uuid=client.uuid, uuid=berlin.uuid)
    order = offer_answers.accept_link(token=sent.token, name="Anna", ip="192.0.2.7")
    document = find_document(order.document.uuid)
    assert (document.buyer["city"], str(document.total)) == ("Berlin", "11.90 EUR")
    addresses.delete_address(actor=STAFF, client_uuid=client.uuid, uuid=berlin.uuid)
    session().expire_all()
    assert find_document(document.uuid).buyer["city"] == "Berlin"
    assert session().get(Order, order.id).address_id is None


def test_an_address_becomes_the_default_and_the_former_takes_its_place(client):  # noqa: F811
    warsaw = {"street": "Prosta 1", "postcode": "00-001", "city": "Warszawa", "country": "PL"}
    change(client, **warsaw)
    user, berlin = user_of(client), add(client)
    addresses.make_default(actor=user, client_uuid=client.uuid, uuid=berlin.uuid)
    now = clients.find_client(client.uuid)
    assert (now.address_label, now.company, now.country) == ("Berlin office", "Gęślą GmbH", "DE")
    (former,) = addresses.addresses_of(now)
    assert {key: getattr(former, key) for key in warsaw} == warsaw
    assert (former.label, former.company) == ("Warszawa", "")
    addresses.make_default(actor=user, client_uuid=client.uuid, uuid=former.uuid)
    assert clients.find_client(client.uuid).city == "Warszawa"
    assert addresses.addresses_of(client)[0].label == "Berlin office"


def test_a_client_without_an_address_gets_one(client):  # noqa: F811
    addresses.make_default(actor=STAFF, client_uuid=client.uuid, uuid=add(client).uuid)
    assert clients.find_client(client.uuid).city == "Berlin"
    assert addresses.addresses_of(client) == []


def test_a_default_address_must_fit_the_vat_number(client):  # noqa: F811
    change(client, vat_number="PL5260250274", vat_status="confirmed")
    with pytest.raises(InvalidInput) as refused:
        addresses.make_default(actor=STAFF, client_uuid=client.uuid, uuid=add(client).uuid)
    assert "vat_number" in refused.value.errors


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"street": " "}, "street"),
        ({"postcode": ""}, "postcode"),
        ({"city": ""}, "city"),
        ({"country": ""}, "country"),
        ({"country": "XX"}, "country"),
        ({"label": "\u200b"}, "label"),
        ({"region": "x" * 101}, "region"),
    ],
)
def test_invalid_addresses(client, values, field):  # noqa: F811
    with pytest.raises(InvalidInput) as refused:
        add(client, **values)
    assert set(refused.value.errors) == {field}
    assert addresses.addresses_of(client) == []


def test_documents_go_to_the_first_billing_contact(client, product, company):  # noqa: F811
    add_contact(client, name="Ops", email="ops@example.org", billing=False, technical=True)
    order = place(client, Choice(product, "monthly"))
    assert order.document.buyer["email"] == "z@example.org"
    books = add_contact(client, user_of(client))
    order = place(client, Choice(product, "monthly"), token="b")
    assert order.document.buyer["email"] == "books@example.org"
    contacts.delete_contact(actor=user_of(client), client_uuid=client.uuid, uuid=books.uuid)
    order = place(client, Choice(product, "monthly"), token="c")
    assert order.document.buyer["email"] == "z@example.org"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": ""}, "name"),
        ({"email": "nobody"}, "email"),
        ({"language": "tlh"}, "language"),
        ({"billing": False}, "billing"),
    ],
)
def test_invalid_contacts(client, values, field):  # noqa: F811
    with pytest.raises(InvalidInput) as refused:
        add_contact(client, **values)
    assert set(refused.value.errors) == {field}


def test_permissions(client, other):  # noqa: F811
    with pytest.raises(PermissionDenied):
        add(client, user_of(client, CLIENT_KEYS - {"profile.manage"}))
    with pytest.raises(PermissionDenied):
        add_contact(client, user_of(client, CLIENT_KEYS - {"billing.manage"}))
    for call in (add, add_contact):
        with pytest.raises(PermissionDenied):
            call(other, user_of(client))
    theirs = add_contact(other)
    with pytest.raises(NotFoundError):
        contacts.delete_contact(actor=user_of(client), client_uuid=client.uuid, uuid=theirs.uuid)


def test_a_new_default_address_is_kept_for_what_was_for_it(client, product, company):  # noqa: F811
    change(client, street="Prosta 1", postcode="00-001", city="Warszawa", country="PL")
    krakow = add(client, label="Kraków", city="Kraków", country="PL")
    draft = drafts.create(actor=STAFF, client_uuid=client.uuid)
    draft_items.save_item(actor=STAFF, uuid=draft.uuid, choice=Choice(product, "monthly"))
    drafts.set_address(actor=STAFF, uuid=draft.uuid, address_uuid=krakow.uuid)
    sent = offers.send(actor=STAFF, uuid=draft.uuid, expires_on=in_days(7))
    addresses.make_default(actor=user_of(client), client_uuid=client.uuid, uuid=krakow.uuid)
    session().expire_all()
    assert [each.city for each in addresses.addresses_of(client)] == ["Warszawa"]
    order = offer_answers.accept_link(token=sent.token, name="Anna", ip="192.0.2.7")
    assert find_document(order.document.uuid).buyer["city"] == "Kraków"
