"""Add funds in the client and staff areas."""

from __future__ import annotations

import re

import pytest

from puqpanel.app import Panel
from puqpanel.domain.principals import AUTOMATION
from puqpanel.operations.billing import companies, payments
from puqpanel.operations.system import settings
from tests.sample import SELLER
from tests.web.conftest import Browser

PATH = "/client/invoices/add-funds"


@pytest.fixture
def anna(app: Panel, shop: dict[str, str]) -> Browser:
    """A user who may manage billing."""
    with app.app_context():
        values = {
            **SELLER,
            "name": "Fjordhost",
            "country": "PL",
            "iban": "PL61109010140000071219812874",
        }
        companies.save_company(actor=AUTOMATION, uuid=None, values=values)
    return Browser(app).sign_in("anna@example.test", "/client")


def test_a_customer_adds_funds_pays_and_sees_the_credit(app: Panel, anna: Browser) -> None:
    assert PATH in anna.get("/client/invoices/").text
    form = anna.get(PATH).text
    assert re.search(r"From 5\.00\s€ to 5,000\.00\s€\.", form)
    token = re.search(r'name="token"[^>]*value="([^"]+)"', form)
    assert token
    sent = {"amount": "50", "token": token[1]}
    answers = [anna.post(PATH, sent) for _ in range(2)]
    page = answers[0].headers["Location"]
    assert [answer.headers["Location"] for answer in answers] == [page, page]
    text = anna.get(page).text
    for part in (
        "Proforma PF-",
        "50.00",
        "Payments are added to your credit balance",
        "PL6110901014000007",
    ):
        assert part in text
    assert "Pay from credit" not in text
    uuid = page.rpartition("/")[2]
    with app.app_context():
        payments.mark_paid(actor=AUTOMATION, document_uuid=uuid, reason="Statement 1")
    assert "Paid" in anna.get(page).text
    assert re.search(r"Credit balance: 50\.00\s€", anna.get("/client/invoices/").text)
    assert anna.get(f"{page}/pdf").data.startswith(b"%PDF-")


@pytest.mark.parametrize("amount", ["", "abc", "-5", "0", "4.99", "5000.01", "9" * 30, "1,000"])
def test_a_wrong_amount_is_refused(anna: Browser, amount: str) -> None:
    answer = anna.post(PATH, {"amount": amount})
    assert answer.status_code == 422
    assert "PF-" not in anna.get("/client/invoices/").text


def test_a_customer_cancels_only_own_funds(app: Panel, anna: Browser) -> None:
    page = anna.post(PATH, {"amount": "50"}).headers["Location"]
    tom = Browser(app).sign_in("tom@example.test", "/client")
    assert tom.post(f"{page}/cancel").status_code == 404
    assert f"{page}/cancel" in anna.get(page).text
    assert anna.post(f"{page}/cancel").status_code == 302
    assert "Cancelled" in anna.get(page).text
    assert f"{page}/cancel" not in anna.get(page).text


def test_funds_can_be_turned_off(app: Panel, anna: Browser) -> None:
    with app.app_context():
        settings.save(actor=AUTOMATION, values={"billing.funds_maximum": "0"})
    assert PATH not in anna.get("/client/invoices/").text
    assert "Adding funds is disabled" in anna.get(PATH, follow_redirects=True).text


def test_staff_make_one_for_a_client(owner: Browser, shop: dict[str, str], anna: Browser) -> None:
    path = f"/admin/clients/{shop['client']}/credit/add"
    assert path in owner.get(f"/admin/clients/{shop['client']}").text
    answer = owner.post(path, {"amount": "9000"})
    assert answer.status_code == 302, answer.text
    text = owner.get(answer.headers["Location"]).text
    for part in ("PF-", "9,000.00", "No tax is charged on this amount", "Record payment"):
        assert part in text
    assert owner.post(path, {"amount": "0"}).status_code == 422
