"""The shop: visitors look, users order, and nothing of a price is taken from the form."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.errors import InvalidInput
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.db import session, transaction
from puqpanel.infra.settings import Settings
from puqpanel.models import Cart, Client, CountryTax, Order, Service
from puqpanel.operations.billing import companies
from puqpanel.operations.catalog import prices, products
from puqpanel.operations.catalog.price_rows import Cell
from puqpanel.operations.oversight import health
from puqpanel.operations.system import currencies
from tests.web.conftest import Browser
from tests.web.shop.conftest import add, change, hidden, order, send


def orders(app: Panel) -> int:
    with app.app_context():
        return session().scalar(sa.select(sa.func.count(Order.id))) or 0


def test_a_visitor_sees_prices_with_tax(visitor: Browser, slug: str) -> None:
    assert "Web S" in visitor.get("/shop/").text
    text = visitor.get(f"/shop/{slug}").text
    assert "6.03" in text
    assert "Add to cart" in text
    page = visitor.get(f"/client/signin?next=/shop/{slug}")
    assert page.status_code == 200


def test_the_price_follows_the_choice(visitor: Browser, slug: str) -> None:
    part = visitor.get(f"/shop/{slug}/price?period=monthly&quantity=3")
    assert "18.08" in part.text and "<html" not in part.text
    refused = visitor.get(f"/shop/{slug}/price?period=weekly")
    assert refused.status_code == 422 and "billing period" in refused.text
    live = visitor.get(f"/shop/{slug}/price?period=weekly", headers={"HX-Request": "true"})
    assert live.status_code == 200 and "billing period" in live.text
    sent = send(visitor, f"/shop/{slug}", {"period": "monthly", "quantity": "2"})
    assert "12.05" in sent.text


def test_a_user_orders_and_reads_what_happens_next(app: Panel, anna: Browser, slug: str) -> None:
    assert add(anna, slug, price="0.01").status_code == 302
    item = re.findall(r"/shop/checkout/items/(\w+)", anna.get("/shop/checkout").text)[0]
    assert send(anna, f"/shop/checkout/items/{item}", {"shop.name": "www.berg.example"})
    page = anna.get("/shop/checkout").text
    form = {"cart": hidden(page, "cart"), "total": hidden(page, "total"), "price": "0.01"}
    first = send(anna, "/shop/checkout", form)
    assert first.status_code == 302, first.text
    again = send(anna, "/shop/checkout", form)
    assert again.headers["Location"] == first.headers["Location"]
    assert orders(app) == 1
    placed = anna.get(first.headers["Location"]).text
    assert "Pay INV-" in placed and "once the payment arrives" in placed
    assert "Your cart is empty" in anna.get("/shop/cart/").text
    with app.app_context():
        service = session().scalar(sa.select(Service).where(Service.name == "www.berg.example"))
        assert service is not None
        assert str(service.price) == "4.90 EUR"
        with transaction():
            service.status = "active"
    placed = anna.get(first.headers["Location"]).text
    assert "Your services are set up" in placed
    assert "We set up your services" not in placed
    tom = Browser(app).sign_in("tom@example.test", "/client")
    assert tom.get(first.headers["Location"]).status_code == 404


@pytest.mark.parametrize(
    "wrong", [{"total": "1"}, {"total": ""}, {"total": "abc"}, {"cart": "x"}, {"cart": "\0"}]
)
def test_a_wrong_form_orders_nothing(
    app: Panel, anna: Browser, slug: str, wrong: dict[str, str]
) -> None:
    add(anna, slug)
    answer = order(anna, **wrong)
    assert answer.status_code == 422
    assert "Please fix the following" in answer.text
    assert orders(app) == 0
    assert order(anna).status_code == 302


@pytest.mark.parametrize(
    "wrong",
    [
        {"quantity": "0"},
        {"quantity": "-1"},
        {"quantity": "1.5"},
        {"quantity": "1e3"},
        {"quantity": "51"},
        {"quantity": "9" * 5000},
        {"quantity": "٣"},
        {"period": "weekly"},
        {"period": "x" * 5000},
        {"option.disk": "9"},
    ],
)
def test_a_wrong_choice_is_refused_with_a_sentence(
    visitor: Browser, slug: str, wrong: dict[str, str]
) -> None:
    answer = add(visitor, slug, **wrong)
    assert answer.status_code == 422
    assert "Please fix the following" in answer.text
    assert "Your cart is empty" in visitor.get("/shop/cart/").text


def test_a_visitor_changes_the_cart_and_takes_it_along(
    app: Panel, visitor: Browser, slug: str
) -> None:
    assert add(visitor, slug, quantity="2").status_code == 302
    assert add(visitor, slug).status_code == 302
    page = visitor.get("/shop/cart/").text
    assert 'value="3"' in page and "18.08" in page
    key = hidden(page, "item")
    assert send(visitor, "/shop/cart/change", {"item": key, "quantity": "-2"}).status_code == 422
    assert send(visitor, "/shop/cart/change", {"item": key, "quantity": "48"}).status_code == 302
    assert add(visitor, slug, quantity="3").status_code == 422
    assert send(visitor, "/shop/cart/change", {"item": key, "quantity": "2"}).status_code == 302
    german = visitor.get("/shop/cart/?country=DE").text
    assert "12.05" in german  # the seller takes no part in the One-Stop Shop
    american = visitor.get("/shop/cart/?country=US").text
    assert "9.80" in american and "12.05" not in american
    assert 'value="US" selected' in visitor.get("/shop/cart/").text
    visitor.sign_in("anna@example.test", "/client")
    assert "12.05" in visitor.get("/shop/cart/").text
    with app.app_context():
        cart = session().scalars(sa.select(Cart)).one()
        assert (cart.client_id is not None, cart.visitor_hash, cart.size) == (True, None, 2)
    assert visitor.get("/shop/checkout").headers["Location"] == "/shop/checkout/details"
    elsewhere = Browser(app).sign_in("anna@example.test", "/client")
    assert "12.05" in elsewhere.get("/shop/cart/").text
    assert send(elsewhere, "/shop/cart/change", {"item": key, "remove": "yes"}).status_code == 302
    assert "Your cart is empty" in visitor.get("/shop/cart/").text


def test_an_own_cart_is_joined_with_the_one_of_the_visit(
    app: Panel, anna: Browser, visitor: Browser, slug: str
) -> None:
    add(anna, slug, quantity="2")
    add(visitor, slug, quantity="1")
    visitor.sign_in("anna@example.test", "/client")
    assert "18.08" in visitor.get("/shop/cart/").text
    with app.app_context():
        assert session().scalars(sa.select(Cart.size)).all() == [3]


def test_nobody_sees_the_cart_of_others(app: Panel, anna: Browser, slug: str) -> None:
    add(anna, slug)
    page = anna.get("/shop/cart/").text
    key, cart = hidden(page, "item"), hidden(anna.get("/shop/checkout").text, "cart")
    tom = Browser(app).sign_in("tom@example.test", "/client")
    visitor = Browser(app)
    visitor.http.set_cookie("panel_cart", cart)
    for other in (tom, visitor):
        assert "Your cart is empty" in other.get("/shop/cart/").text
        assert send(other, "/shop/cart/change", {"item": key, "quantity": "5"}).status_code == 422
    assert tom.get(f"/shop/checkout/items/{key}").status_code == 404
    assert send(tom, "/shop/checkout", {"cart": cart, "total": "603"}).status_code == 422
    assert send(visitor, "/shop/checkout", {"cart": cart, "total": "603"}).status_code == 401
    assert orders(app) == 0
    assert "6.03" in anna.get("/shop/cart/").text


def test_the_checkout_asks_for_what_an_invoice_needs(app: Panel, slug: str) -> None:
    anna = Browser(app).sign_in("anna@example.test", "/client")
    add(anna, slug)
    assert anna.get("/shop/checkout").headers["Location"] == "/shop/checkout/details"
    refused = send(anna, "/shop/checkout/details", {"buyer_kind": "consumer", "country": "PL"})
    assert refused.status_code == 422 and "Enter the city" in refused.text
    address = {"street": "Prosta 1", "postcode": "00-001", "city": "Warszawa"}
    wrong = {"buyer_kind": "exempt", "country": "PL", **address}
    assert send(anna, "/shop/checkout/details", wrong).status_code == 422
    wrong = {"buyer_kind": "business", "country": "PL", "vat_number": "PL1", **address}
    assert "not a valid VAT number" in send(anna, "/shop/checkout/details", wrong).text
    right = {**wrong, "vat_number": "5260250274", "company": "Berg"}
    assert send(anna, "/shop/checkout/details", right).status_code == 302
    assert "PL5260250274" in anna.get("/shop/checkout").text
    with app.app_context():
        query = sa.select(Client).where(Client.name == "Anna Berg")
        client = session().scalars(query).one()
        assert (client.vat_status, client.buyer_kind) == ("pending", "business")


def test_what_is_not_sold_is_not_found(app: Panel, shop: dict[str, str], slug: str) -> None:
    browser = Browser(app)
    change(app, shop["product"], hidden=True)
    assert "Web S" not in browser.get("/shop/").text
    assert browser.get(f"/shop/{slug}").status_code == 200
    change(app, shop["product"], active=False)
    assert browser.get(f"/shop/{slug}").status_code == 404
    assert add(browser, slug).status_code == 404
    assert browser.get("/shop/none").status_code == 404
    assert browser.get("/shop/cart/add?product=%00").status_code == 404


def test_a_retired_product_leaves_the_cart(
    app: Panel, shop: dict[str, str], anna: Browser, slug: str
) -> None:
    add(anna, slug)
    page = anna.get("/shop/checkout").text
    change(app, shop["product"], active=False)
    shown = {"cart": hidden(page, "cart"), "total": hidden(page, "total")}
    assert send(anna, "/shop/checkout", shown).status_code == 422
    assert "Web S is no longer sold and was removed" in anna.get("/shop/cart/").text
    assert "no longer sold" not in anna.get("/shop/cart/").text
    assert orders(app) == 0


def test_what_is_sold_out_cannot_be_ordered(
    app: Panel, shop: dict[str, str], anna: Browser, slug: str
) -> None:
    add(anna, slug, quantity="2")
    page = anna.get("/shop/checkout").text
    change(app, shop["product"], stock=1)
    shown = {"cart": hidden(page, "cart"), "total": hidden(page, "total")}
    assert send(anna, "/shop/checkout", shown).status_code == 422
    assert "Only 1 left" in anna.get("/shop/cart/").text
    change(app, shop["product"], stock=0)
    assert "sold out" in add(anna, slug).text
    assert "Sold out" in anna.get("/shop/").text
    assert orders(app) == 0


def test_addresses_of_the_shop_are_no_slugs(app: Panel, shop: dict[str, str], slug: str) -> None:
    with app.app_context():
        made = products.save_product(actor=AUTOMATION, uuid=None, name="Cart", price="1")
        assert products.find_product(made.uuid).slug == "cart-2"
        details = products.Details(slug="checkout")
        with pytest.raises(InvalidInput, match="invalid") as error:
            products.save_product(
                actor=AUTOMATION, uuid=made.uuid, name="Cart", price="1", details=details
            )
        assert "slug" in error.value.errors


def test_staff_see_orders(app: Panel, owner: Browser, anna: Browser, slug: str) -> None:
    add(anna, slug)
    assert order(anna).status_code == 302
    listed = owner.get("/admin/orders/").text
    assert "Anna Berg" in listed
    path = re.findall(r'href="(/admin/orders/[0-9a-f-]{36})"', listed)[0]
    page = owner.get(path).text
    assert "Web S" in page
    assert "INV-" in page
    answer = owner.post(f"{path}/cancel", {"reason": "Ordered twice"})
    assert answer.status_code == 302
    assert "Cancelled" in owner.get(path).text
    assert owner.post(f"{path}/cancel", {"reason": "again"}).status_code == 422


def test_a_cart_without_a_tax_rate_keeps_its_items(
    app: Panel, owner: Browser, visitor: Browser, slug: str, settings: Settings
) -> None:
    with app.app_context():
        company = companies.companies()[0]
        values = {"one_stop_shop": True, "countries": ["PL", "CH", "DE"]}
        companies.save_company(actor=AUTOMATION, uuid=company.uuid, values=values)
    assert add(visitor, slug).status_code == 302
    pages = (f"/admin/companies/{company.uuid}", "/admin/setup/seller", "/admin/health/")
    warning = "No standard tax rate for:"
    for page in pages:
        assert warning not in owner.get(page).text
    with app.app_context(), transaction() as current:
        current.execute(sa.delete(CountryTax).where(CountryTax.country == "DE"))
    page = visitor.get("/shop/cart/?country=DE").text
    assert "can't be ordered from Germany at the moment" in " ".join(
        page.replace("&#39;", "'").split()
    )
    assert "Your cart is empty" not in page
    assert "Web S" in page and 'name="country"' in page
    assert "6.03" in visitor.get("/shop/cart/?country=PL").text
    for page in pages:
        text = owner.get(page).text
        assert f"{warning} Germany." in text or f"{warning} DE." in text
    assert {check.name: check.state for check in health.look(settings).checks}["taxes"] == "warn"


def test_only_currencies_with_prices_are_offered(
    app: Panel, visitor: Browser, shop: dict[str, str], slug: str
) -> None:
    def offered(query: str = "") -> list[str]:
        page = visitor.get(f"/shop/{query}").text
        return sorted({code for code in ("EUR", "PLN", "USD") if f"currency={code}" in page})

    with app.app_context():
        for code in ("PLN", "USD"):
            currencies.add_currency(actor=AUTOMATION, code=code)
        cells = [Cell("monthly", "PLN", "0", "20")]
        prices.save_prices(actor=AUTOMATION, product_uuid=shop["product"], cells=cells)
    assert offered() == ["EUR", "PLN"]
    assert offered("?currency=USD") == ["EUR", "PLN", "USD"]  # the one that is shown stays
