"""Staff pages of orders: drafts from the client to the placed order, acceptance, fraud, links."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.permissions import ORDERS_VIEW
from puqpanel.domain.principals import AUTOMATION
from puqpanel.domain.service_states import ServiceStatus
from puqpanel.infra.clock import now
from puqpanel.infra.db import session, transaction
from puqpanel.models import Order, OrderItem, Product, Service
from puqpanel.operations.billing import companies, taxes
from puqpanel.operations.catalog import products
from puqpanel.operations.ordering import coupons
from puqpanel.operations.ordering.coupons import CouponValues
from puqpanel.operations.system import settings
from tests.sample import SELLER
from tests.web.accounts.test_roles import sign_in
from tests.web.conftest import Browser
from tests.web.shop import conftest as cart


@pytest.fixture
def seller(app: Panel, shop: dict[str, str]) -> dict[str, str]:
    """The shop with a company in Poland, which sells for 4.90 a month and 23 % tax."""
    with app.app_context():
        taxes.load_eu_rates(actor=AUTOMATION)
        values = {**SELLER, "name": "Fjordhost", "country": "PL"}
        companies.save_company(actor=AUTOMATION, uuid=None, values=values)
    return shop


@pytest.fixture
def draft(owner: Browser, seller: dict[str, str]) -> str:
    """The address of a new draft for Anna."""
    answer = owner.post("/admin/orders/new", {"client": seller["client"]})
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


def add(owner: Browser, draft: str, product: str, **values: str) -> None:
    form = {"order.period": "monthly", "order.name": "www.berg.example", **values}
    answer = owner.post(f"{draft}/products/new?product={product}", form)
    assert answer.status_code == 302, answer.text


def total(page: str) -> str:
    return re.findall(r'name="total" value="(\d+)"', page)[0]


def test_staff_place_an_order_for_a_client(app: Panel, owner: Browser, draft: str, seller) -> None:
    product = seller["product"]
    assert "No products yet" in owner.get(draft).text
    blank = owner.get(f"{draft}/products/new?product={product}").text
    assert "Every month" in blank
    add(owner, draft, product)
    add(owner, draft, product, **{"order.name": ""})
    page = owner.get(draft).text
    assert "12.05" in page
    assert "VAT 23 %" in page
    remove = re.findall(r"\"(/admin/orders/[^\"]+/remove)\"", page)[-1]
    edit = remove.removesuffix("/remove")
    assert owner.get(edit).status_code == 200
    looked = owner.post(edit, {"order.period": "monthly", "order.look": "yes"})
    assert looked.status_code == 200
    assert owner.post(remove).status_code == 302
    placed = owner.post(f"{draft}/place", {"total": total(owner.get(draft).text)})
    assert placed.status_code == 302
    order = owner.get(draft).text
    assert "Order #" in order
    assert "www.berg.example" in order
    assert "Olga Owner" in order
    sums = re.findall(r"<td[^>]*>(Net|Tax|Total)</td>.*?([\d.]+)\s€</td>", order, re.DOTALL)
    assert sums == [("Net", "4.90"), ("Tax", "1.13"), ("Total", "6.03")]
    document = re.findall(r'href="(/admin/documents/[0-9a-f-]{36})"', order)[0]
    limited = sign_in(app, "limited", [ORDERS_VIEW]).get(draft).text
    assert "www.berg.example" in limited
    assert [text for text in ("/admin/documents/", "/admin/services/") if text in limited] == []
    with app.app_context():
        query = sa.select(Service.uuid).where(Service.name == "www.berg.example")
        service = session().scalar(query)
    assert f'href="{draft}"' in owner.get(document).text
    link = f"/admin/orders/of-service/{service}"
    assert f'href="{link}"' in owner.get(f"/admin/services/{service}").text
    assert owner.get(link).headers["Location"] == draft
    assert owner.get("/admin/orders/of-service/none").status_code == 404
    assert owner.get(f"{draft}/delete").status_code == 404
    assert owner.post(f"{draft}/place", {"total": "603"}).status_code == 302
    with app.app_context():
        assert session().scalar(sa.select(sa.func.count(Order.id))) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"order.period": "weekly"},
        {"order.period": ""},
        {"order.period": "x" * 5000},
    ],
)
def test_a_wrong_product_is_refused(owner: Browser, draft: str, seller, wrong) -> None:
    form = {"order.period": "monthly", **wrong}
    answer = owner.post(f"{draft}/products/new?product={seller['product']}", form)
    assert answer.status_code == 422
    assert "Please fix the following" in answer.text
    assert "No products yet" in owner.get(draft).text


def test_what_is_sold_out_is_named(app: Panel, owner: Browser, draft: str, seller) -> None:
    add(owner, draft, seller["product"])
    page = owner.get(draft).text
    with app.app_context(), transaction() as current:
        current.execute(sa.update(Product).values(stock=0))
    answer = owner.post(f"{draft}/place", {"total": total(page)}, follow_redirects=True)
    assert "Web S is sold out." in answer.text


def test_a_price_of_its_own(owner: Browser, draft: str, seller) -> None:
    new = f"{draft}/products/new?product={seller['product']}"
    values = {"order.period": "monthly", "order.own_price": "2.00", "order.own_reason": "Partner"}
    for name, wrong in (("own_price", "1.000"), ("own_price", "x"), ("own_reason", "")):
        page = owner.post(new, {**values, f"order.{name}": wrong})
        assert page.status_code == 422
    assert owner.post(new, values).status_code == 302
    page = owner.get(draft).text
    assert "Custom price (Partner" in page and "2.46" in page  # 2.00 with 23 % tax
    total = re.findall(r'name="total" value="([0-9]+)"', page)[0]
    assert owner.post(f"{draft}/place", {"total": total}).status_code == 302
    assert "Custom price (Partner" in owner.get(draft).text


def test_actions_that_cannot_happen_are_not_offered(
    app: Panel, owner: Browser, draft: str, seller: dict[str, str]
) -> None:
    def refusal(action: str) -> str:
        answer = owner.get(f"{draft}/{action}")
        assert (answer.status_code, answer.headers["Location"]) == (302, draft)
        return owner.get(draft).text

    assert "Only placed or waiting orders can be cancelled." in refusal("cancel")
    assert "Only placed or waiting orders can be marked as fraud." in refusal("fraud")
    add(owner, draft, seller["product"])
    owner.post(f"{draft}/place", {"total": "603"})
    for action in ("cancel", "fraud"):
        assert owner.get(f"{draft}/{action}").status_code == 200
    assert "This order is not marked as fraud." in refusal("fraud/clear")
    with app.app_context(), transaction():
        service = session().scalars(sa.select(OrderItem)).one().service
        service.status = ServiceStatus.ACTIVE
    assert "is provisioned. Terminate the service instead." in refusal("cancel")


def test_strange_addresses_are_not_found(owner: Browser, draft: str, seller) -> None:
    for path in (
        f"{draft}/products/new",
        f"{draft}/products/new?product=none",
        f"{draft}/products/none",
        f"/admin/orders/none/products/new?product={seller['product']}",
    ):
        assert owner.get(path).status_code == 404, path
    assert owner.post(f"{draft}/place").status_code == 400
    refused = owner.post("/admin/orders/new", {"client": "none"})
    assert refused.status_code in (404, 422)


def test_a_draft_is_found_by_its_tab_and_deleted(owner: Browser, draft: str) -> None:
    assert draft in owner.get("/admin/orders/?tab=drafts").text
    assert draft not in owner.get("/admin/orders/?tab=placed").text
    assert "The products of the draft" in owner.get(f"{draft}/delete").text
    assert owner.post(f"{draft}/delete").status_code == 302
    assert owner.get(draft).status_code == 404


def test_the_list_finds_an_order_by_number(app: Panel, owner: Browser, draft: str, seller) -> None:
    add(owner, draft, seller["product"])
    with app.app_context():
        number = session().scalar(sa.select(Order.id))
    assert draft not in owner.get(f"/admin/orders/?q={number}").text
    owner.post(f"{draft}/place", {"total": "603"})
    for text in (f"{number}", f"%23{number}", "Anna"):
        assert draft in owner.get(f"/admin/orders/?q={text}").text
    assert draft not in owner.get(f"/admin/orders/?q={number}0").text


def test_a_customers_order_waits_and_is_accepted(app: Panel, owner: Browser, seller) -> None:
    with app.app_context():
        settings.save(actor=AUTOMATION, values={"shop.acceptance": "all"})
        slug = products.find_product(seller["product"]).slug
    anna = Browser(app).sign_in("anna@example.test", "/client")
    cart.send(anna, "/shop/checkout/details", cart.ADDRESS)
    cart.add(anna, slug)
    placed = cart.order(anna)
    assert placed.status_code == 302
    assert "We check your order" in anna.get(placed.headers["Location"]).text
    listed = owner.get("/admin/orders/?tab=waiting").text
    path = re.findall(r'href="(/admin/orders/[0-9a-f-]{36})"', listed)[0]
    page = owner.get(path).text
    assert "This order is waiting for acceptance." in page
    assert "First order of this client." in page
    assert "127.0.0.1" in page
    assert owner.post(f"{path}/accept").status_code == 302
    assert "waits for acceptance" not in owner.get(path).text
    assert owner.post(f"{path}/fraud", {"reason": ""}).status_code == 422
    assert owner.post(f"{path}/fraud", {"reason": "Stolen card"}).status_code == 302
    assert "Stolen card" in owner.get(path).text
    assert owner.post(f"{path}/fraud/clear", {"reason": "A mistake"}).status_code == 302
    assert path in owner.get("/admin/orders/?tab=cancelled").text


def test_a_draft_has_a_coupon(app: Panel, owner: Browser, draft: str, seller) -> None:
    with app.app_context():
        coupons.save_coupon(actor=AUTOMATION, uuid=None, values=CouponValues("TEN", Decimal(10)))
    add(owner, draft, seller["product"])
    refused = owner.post(f"{draft}/coupon", {"code": "ELEVEN"}, follow_redirects=True)
    assert "This coupon code is not valid." in refused.text
    page = owner.post(f"{draft}/coupon", {"code": " ten "}, follow_redirects=True).text
    assert (page.count("Coupon TEN"), total(page)) == (1, "542")
    offered = owner.post(f"{draft}/offer/", {"expires_on": str(now().date())}).text
    link = re.findall(r"/offers/[\w-]+", offered)[0]
    assert "Coupon TEN" in owner.get(f"{link}/").text
    assert "TEN" in owner.get(draft).text
    owner.post(f"{draft}/offer/withdraw")
    page = owner.post(f"{draft}/coupon", {"remove": "yes"}, follow_redirects=True).text
    assert (page.count("Coupon TEN"), total(page)) == (0, "603")
