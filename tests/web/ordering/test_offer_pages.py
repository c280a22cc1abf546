"""Offers: sent by staff, answered by link without an account, or by users of the client."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from puqpanel.app import Panel
from puqpanel.infra.clock import now
from tests.web.conftest import Browser
from tests.web.ordering.test_order_pages import add, draft, seller  # noqa: F401  # fixtures


def send(owner: Browser, path: str) -> str:
    """Send the draft as an offer, and return the path of its link."""
    values = {"expires_on": str(now().date() + timedelta(days=3)), "terms": "Paid in advance."}
    page = owner.post(f"{path}/offer/", values)
    assert page.status_code == 200, page.text
    return re.findall(r'value="https?://[^/"]+(/offers/[^"]+)"', page.text)[0]


@pytest.fixture
def link(owner: Browser, draft: str, seller: dict[str, str]) -> str:  # noqa: F811
    """The path of the link of an offer for 6.03 a month."""
    add(owner, draft, seller["product"])
    return send(owner, draft)


def post(browser: Browser, path: str, **data: str) -> int:
    return browser.http.post(
        path, data={"csrf_token": browser.token("/client"), **data}
    ).status_code


def test_a_recipient_accepts_without_an_account(visitor: Browser, owner: Browser, draft, link):  # noqa: F811
    page = visitor.get(link)
    for text in ("Web S", "VAT 23 %", "6.03", "Paid in advance.", "Valid until", "Fjordhost"):
        assert text in page.text
    assert page.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert page.headers["Referrer-Policy"] == "same-origin"
    assert post(visitor, f"{link}accept", name="") == 422
    assert post(visitor, f"{link}accept", name="Anna Berg") == 302
    accepted = visitor.get(link).text
    assert "This offer has been accepted." in accepted
    invoice = re.findall(r'href="https?://[^/"]+(/documents/[^"]+)"', accepted)[0]
    assert visitor.get(invoice, follow_redirects=True).status_code == 200
    assert post(visitor, f"{link}accept", name="Anna Berg") == 302
    assert post(visitor, f"{link}decline", name="Anna", reason="x") == 302
    order = owner.get(draft).text
    assert "Offer accepted by Anna Berg." in order
    assert owner.post(f"{draft}/offer/", {"expires_on": "2030-01-01"}).status_code == 422


def test_the_form_passes_the_check_of_referrers_over_https(app: Panel, link: str) -> None:
    browser, base = app.test_client(), "https://panel.test"
    page = browser.get(link, base_url=base)
    token = re.findall(r'name="csrf_token" value="([^"]+)"', page.text)[0]
    values = {"csrf_token": token, "name": "Anna Berg"}
    assert page.headers["Referrer-Policy"] == "same-origin"
    sent = {"base_url": base, "headers": {"Referer": base + link}}
    assert browser.post(f"{link}accept", data=values, base_url=base).status_code == 400
    assert browser.post(f"{link}accept", data=values, **sent).status_code == 302


def test_a_recipient_declines_with_a_reason(visitor: Browser, owner: Browser, draft, link):  # noqa: F811
    assert visitor.get(f"{link}decline").status_code == 200
    assert post(visitor, f"{link}decline", name="Anna", reason="Too expensive") == 302
    assert "This offer was declined." in visitor.get(link).text
    assert visitor.get(f"{link}decline").status_code == 302
    assert "Too expensive" in owner.get(draft).text


def test_a_withdrawn_offer_and_a_wrong_link_say_so(visitor: Browser, owner: Browser, draft, link):  # noqa: F811
    replaced = owner.post(f"{draft}/offer/link").text
    new = re.findall(r'value="https?://[^/"]+(/offers/[^"]+)"', replaced)[0]
    assert visitor.get(link).status_code == 404
    assert visitor.get(new).status_code == 200
    assert "The client can no longer accept it" in owner.get(f"{draft}/offer/withdraw").text
    assert owner.post(f"{draft}/offer/withdraw").status_code == 302
    page = visitor.get(new)
    assert page.status_code == 200
    assert "This offer was withdrawn." in page.text
    assert post(visitor, f"{new}accept", name="Anna") == 422
    assert visitor.get("/offers/none/").status_code == 404


def test_users_see_offers_of_their_client(app: Panel, link: str) -> None:
    anna, tom = (
        Browser(app).sign_in(f"{name}@example.test", "/client") for name in ("anna", "tom")
    )
    home = anna.get("/client/").text
    path = re.findall(r'href="(/client/offers/[0-9a-f-]{36})"', home)[0]
    assert path in anna.get("/client/offers/").text
    assert "You have an offer." not in tom.get("/client/").text
    assert "No offers" in tom.get("/client/offers/").text
    for address in (path, f"{path}/decline"):
        assert tom.get(address).status_code == 404
    assert "Accept offer" in anna.get(path).text
    assert anna.post(f"{path}/accept").status_code == 302
    assert "This offer has been accepted." in anna.get(path).text
    assert "You have an offer." not in anna.get("/client/").text


@pytest.mark.parametrize("day", ["", "x", "2020-01-01", "9999-12-31"])
def test_a_wrong_day_is_refused(owner: Browser, draft, seller, day: str) -> None:  # noqa: F811
    add(owner, draft, seller["product"])
    assert owner.get(f"{draft}/offer/").status_code == 200
    assert owner.post(f"{draft}/offer/", {"expires_on": day}).status_code == 422
