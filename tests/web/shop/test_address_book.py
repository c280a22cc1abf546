"""Pages of billing addresses and contacts, for staff and customers."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.errors import InvalidInput
from puqpanel.infra.db import session
from puqpanel.models import Cart, Order
from puqpanel.operations.accounts import addresses
from puqpanel.operations.accounts.clients import find_client
from puqpanel.operations.billing import companies
from puqpanel.operations.catalog.products import find_product
from puqpanel.operations.ordering.orders import Request, place
from puqpanel.operations.ordering.quotes import Choice
from tests.operations.accounts.test_address_book import BERLIN
from tests.operations.billing.conftest import STAFF
from tests.sample import make_client
from tests.web.conftest import Browser
from tests.web.shop.conftest import add, hidden, order, send


def test_staff_keep_addresses_and_contacts(owner: Browser, shop: dict[str, str]) -> None:
    client = f"/admin/clients/{shop['client']}"
    assert owner.post(f"{client}/addresses/new", {**BERLIN, "city": ""}).status_code == 422
    assert owner.post(f"{client}/addresses/new", BERLIN).status_code == 302
    assert owner.post(f"{client}/contacts/new", {"name": "Books", "email": "x"}).status_code == 422
    contact = {"name": "Books", "email": "books@example.test", "billing": "y"}
    assert owner.post(f"{client}/contacts/new", contact).status_code == 302
    page = owner.get(client).text
    assert "Berlin office" in page and "books@example.test" in page
    found = re.findall(rf"{client}/(?:addresses|contacts)/[0-9a-f-]{{36}}(?=\")", page)
    address, contact_path = sorted(set(found))
    assert "Lindenstraße 4" in owner.get(address).text
    assert owner.post(f"{address}/default").status_code == 302
    assert owner.post(f"{contact_path}/delete").status_code == 302
    assert "books@example.test" not in owner.get(client).text.split("Timeline")[0]


def test_customers_choose_an_address_at_the_checkout(
    app: Panel, owner: Browser, anna: Browser, slug: str, shop: dict[str, str]
) -> None:
    with app.app_context():
        company = companies.companies()[0].uuid
        companies.save_company(actor=STAFF, uuid=company, values={"one_stop_shop": True})
    book = "/client/address-book"
    assert send(anna, f"{book}/addresses/new", BERLIN).status_code == 302
    contact = {"name": "Books", "email": "books@example.test", "billing": "y"}
    assert send(anna, f"{book}/contacts/new", contact).status_code == 302
    page = anna.get(f"{book}/").text
    assert "Berlin office" in page and "books@example.test" in page
    add(anna, slug)
    page = anna.get("/shop/checkout").text
    assert "6.03" in page  # 4.90 with 23 %
    uuid = re.findall(r'value="([0-9a-f-]{36})">\s*Berlin office', page)[0]
    assert send(anna, "/shop/checkout/address", {"address": uuid}).status_code == 302
    page = anna.get("/shop/checkout").text
    assert "Gęślą GmbH" in page and "5.83" in page  # 4.90 with 19 %
    placed = order(anna)
    assert placed.status_code == 302, placed.text
    assert "5.83" in anna.get(placed.headers["Location"]).text


def test_another_clients_address_is_not_found(
    app: Panel, owner: Browser, anna: Browser, slug: str
) -> None:
    with app.app_context():
        other, _user = make_client(STAFF)
        theirs = addresses.save_address(
            actor=STAFF, client_uuid=other.uuid, uuid=None, values=BERLIN
        ).uuid
    add(anna, slug)
    assert send(anna, "/shop/checkout/address", {"address": theirs}).status_code == 404
    book = f"/client/address-book/addresses/{theirs}"
    assert anna.get(book).status_code == 404
    for action in ("", "/default", "/delete"):
        assert send(anna, f"{book}{action}", BERLIN).status_code == 404
    with app.app_context():
        assert len(addresses.addresses_of(find_client(other.uuid))) == 1


def test_an_order_needs_the_clients_own_address_too(
    app: Panel, slug: str, shop: dict[str, str]
) -> None:
    """Later documents of a service can go to it."""
    anna = Browser(app).sign_in("anna@example.test", "/client")
    assert send(anna, "/client/address-book/addresses/new", BERLIN).status_code == 302
    add(anna, slug)
    with app.app_context():
        uuid = addresses.addresses_of(find_client(shop["client"]))[0].uuid
    assert send(anna, "/shop/checkout/address", {"address": uuid}).status_code == 302
    assert anna.get("/shop/checkout").headers["Location"] == "/shop/checkout/details"
    with app.app_context():
        cart = session().scalar(sa.select(Cart.uuid))
    refused = send(anna, "/shop/checkout", {"cart": cart, "total": "583"})
    assert refused.status_code == 422
    assert "Enter your billing details first." in refused.text


def test_an_order_goes_to_the_address_that_was_shown_or_nowhere(
    app: Panel, anna: Browser, slug: str, shop: dict[str, str]
) -> None:
    gone = "This address no longer exists. Choose another one."
    assert send(anna, "/client/address-book/addresses/new", BERLIN).status_code == 302
    add(anna, slug)
    with app.app_context():
        uuid = addresses.addresses_of(find_client(shop["client"]))[0].uuid
    assert send(anna, "/shop/checkout/address", {"address": uuid}).status_code == 302
    page = anna.get("/shop/checkout").text
    assert f'value="{uuid}" selected' in page
    shown = {"cart": hidden(page, "cart"), "total": hidden(page, "total")}
    for address in ("\0", "x" * 999):
        refused = send(anna, "/shop/checkout", {**shown, "address": address})
        assert (refused.status_code, gone in refused.text) == (422, True)
    other = send(anna, "/shop/checkout", {**shown, "address": ""})
    assert other.status_code == 422
    assert "The billing address was changed. Check it and order again." in other.text
    assert 'name="address"' in other.text and f'value="{uuid}" selected' not in other.text
    assert send(anna, "/shop/checkout/address", {"address": uuid}).status_code == 302
    deleted = f"/client/address-book/addresses/{uuid}/delete"
    assert send(anna, deleted, {}).status_code == 302
    refused = send(anna, "/shop/checkout", {**shown, "address": uuid})
    assert (refused.status_code, gone in refused.text) == (422, True)
    with app.app_context():
        assert session().scalar(sa.select(sa.func.count(Order.id))) == 0
    assert order(anna, address="").status_code == 302


def test_an_address_that_is_deleted_during_the_order_is_noticed(
    app: Panel, anna: Browser, slug: str, shop: dict[str, str]
) -> None:
    add(anna, slug)
    with app.app_context(), pytest.raises(InvalidInput) as refused:
        choice = Choice(find_product(shop["product"]), "monthly")
        request = Request(shop["client"], [choice], "token", address_id=999)
        place(actor=STAFF, request=request)
    assert "no longer exists" in str(refused.value.errors)
