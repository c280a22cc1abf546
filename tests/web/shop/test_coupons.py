"""Coupons in the cart, in links, and on the pages of staff."""

from __future__ import annotations

import re

from puqpanel.app import Panel
from tests.web.conftest import Browser
from tests.web.shop.conftest import add, order, send


def make(owner: Browser, **values: str) -> None:
    form = {"code": "spring", "percent": "50", "currency": "EUR", "cycles": "1", **values}
    answer = owner.post("/admin/coupons/new", form)
    assert answer.status_code == 302, answer.text


def test_staff_make_change_and_end_a_coupon(
    owner: Browser, shop: dict[str, str], slug: str
) -> None:
    assert "No coupons yet" in owner.get("/admin/coupons/").text
    make(owner, products=shop["product"], max_uses="5", valid_until="2030-01-31")
    listed = owner.get("/admin/coupons/").text
    assert "SPRING" in listed and "0 / 5" in listed and "50 %" in listed
    path = re.findall(r"/admin/coupons/[0-9a-f-]{36}", listed)[0]
    page = owner.get(f"{path}/edit").text
    assert 'value="SPRING"' in page and 'value="2030-01-31"' in page and "checked" in page
    wrong = {"code": "SPRING", "percent": "500", "currency": "EUR"}
    assert owner.post(f"{path}/edit", wrong).status_code == 422
    amount = {"code": "SPRING", "amount": "2.50", "currency": "EUR", "once_per_client": "y"}
    amount |= {"cycles": "", "percent": ""}
    assert owner.post(f"{path}/edit", amount).status_code == 302
    listed = owner.get("/admin/coupons/").text
    assert "2.50" in listed and "once per client" in listed and "all periods" in listed
    assert owner.post(f"{path}/end").status_code == 302
    assert "Ended" in owner.get("/admin/coupons/").text


def test_staff_without_the_permission_are_refused(app: Panel, clerk: Browser) -> None:
    assert clerk.get("/admin/coupons/").status_code == 403
    assert clerk.post("/admin/coupons/new", {"code": "MINE", "percent": "100"}).status_code == 403


def test_a_coupon_in_the_cart_is_in_the_order(owner: Browser, anna: Browser, slug: str) -> None:
    make(owner, max_uses="1")
    add(anna, slug)
    assert send(anna, "/shop/cart/coupon", {"code": "wrong"}).status_code == 302
    page = anna.get("/shop/cart/").text
    assert "This coupon code is not valid." in page and "6.03" in page
    assert 'name="code"' in page and 'value="WRONG"' in page and "Remove coupon" in page
    checkout = anna.get("/shop/checkout")
    assert checkout.status_code == 200
    assert "This coupon code is not valid." in checkout.text
    assert send(anna, "/shop/cart/coupon", {"remove": "yes"}).status_code == 302
    assert send(anna, "/shop/cart/coupon", {"code": " spring "}).status_code == 302
    page = anna.get("/shop/cart/").text
    assert "Coupon SPRING" in page and "3.01" in page and "6.03" in page
    placed = order(anna)
    assert placed.status_code == 302, placed.text
    assert "3.01" in anna.get(placed.headers["Location"]).text
    listed = owner.get("/admin/orders/").text
    path = re.findall(r'href="(/admin/orders/[0-9a-f-]{36})"', listed)[0]
    assert "Coupon SPRING" in owner.get(path).text
    add(anna, slug, coupon="SPRING")
    assert "used up" in anna.get("/shop/cart/").text


def test_a_link_shows_the_choice_and_a_button_fills_the_cart(
    owner: Browser, visitor: Browser, slug: str
) -> None:
    make(owner)
    link = f"/shop/cart/add?product={slug}&period=monthly&quantity=2&coupon=spring&_external=1"
    shown = visitor.get(link)
    assert shown.status_code == 302
    target = shown.headers["Location"]
    assert target.startswith(f"/shop/{slug}?") and "_external" not in target
    assert "Your cart is empty" in visitor.get("/shop/cart/").text
    page = visitor.get(target).text
    assert 'value="2"' in page and "6.03" in page
    assert 'name="coupon" value="SPRING"' in page
    assert add(visitor, slug, quantity="2", coupon="SPRING").status_code == 302
    assert "Coupon SPRING" in visitor.get("/shop/cart/").text
    wrong = visitor.get(f"/shop/{slug}?coupon=gone")
    assert wrong.status_code == 200 and "not valid" in wrong.text and "6.03" in wrong.text
    assert visitor.get("/shop/cart/add?product=none").status_code == 404
    assert visitor.get("/shop/cart/add").status_code == 404


def test_codes_cannot_be_tried_on_and_on(owner: Browser, visitor: Browser, slug: str) -> None:
    make(owner)
    price, page = f"/shop/{slug}/price?coupon=", f"/shop/{slug}?period=monthly&coupon="
    assert "3.01" in visitor.get(f"{price}spring").text
    for number in range(30):
        assert "not valid" in visitor.get(f"{price}guess{number}").text
        assert "not valid" in visitor.get(f"{page}guess{number}").text
    for path in (price, page):
        text = visitor.get(f"{path}spring").text
        assert "Too many coupon codes" in text and "3.01" not in text
    refused = add(visitor, slug, coupon="spring")
    assert refused.status_code == 422 and "Too many coupon codes" in refused.text
    add(visitor, slug)
    refused = send(visitor, "/shop/cart/coupon", {"code": "spring"})
    assert refused.status_code == 422 and "Too many coupon codes" in refused.text


def test_the_page_of_a_service_shows_the_price_with_a_lasting_coupon(
    owner: Browser, anna: Browser, slug: str
) -> None:
    make(owner, percent="10", cycles="")
    make(owner, code="ONCE")
    for code in ("SPRING", "ONCE"):
        add(anna, slug, coupon=code)
        placed = anna.get(order(anna).headers["Location"]).text
        service = re.findall(r"/client/services/[0-9a-f-]{36}", placed)[0]
        page = anna.get(service, follow_redirects=True).text
        assert "4.90" in page
        assert ("4.41\xa0€ with coupon SPRING" in page) is (code == "SPRING")
        assert "coupon ONCE" not in page
