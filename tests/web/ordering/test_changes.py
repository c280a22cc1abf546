"""The pages that change a service: what is shown is what is charged."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.db import session, transaction
from puqpanel.models import Change, Document, Ending, Service
from puqpanel.operations.accounts.clients import find_client
from puqpanel.operations.billing import companies, payments, taxes
from puqpanel.operations.catalog import prices, products
from puqpanel.operations.catalog.price_rows import Cell
from puqpanel.operations.ordering import endings, orders
from puqpanel.operations.ordering.quotes import Choice
from puqpanel.operations.provisioning import requests
from tests.sample import SELLER
from tests.web.conftest import Browser


@pytest.fixture
def plans(app: Panel, shop: dict[str, str]) -> dict[str, str]:
    """A paid service of 7 a week, and products for 7 and 14."""
    with app.app_context():
        taxes.load_eu_rates(actor=AUTOMATION)
        values = {**SELLER, "name": "Fjordhost", "country": "PL"}
        companies.save_company(actor=AUTOMATION, uuid=None, values=values)
        found = {}
        for price in ("7", "14"):
            made = products.save_product(
                actor=AUTOMATION, uuid=None, name=f"VPS {price}", price=None, currency="EUR"
            )
            cells = [Cell("weekly", "EUR", "0", price), Cell("annually", "EUR", "0", price + "00")]
            prices.save_prices(actor=AUTOMATION, product_uuid=made.uuid, cells=cells)
            found[price] = made.uuid
        choice = Choice(products.find_product(found["7"]), "weekly", name="vps.example")
        client = find_client(shop["client"])
        order = orders.place(
            actor=AUTOMATION, request=orders.Request(client.uuid, [choice], "token")
        )
        assert order.document
        payments.mark_paid(actor=AUTOMATION, document_uuid=order.document.uuid, reason="x")
        found["service"] = order.items[0].service.uuid
        requests.request(actor=AUTOMATION, service_uuid=found["service"], verb="create")
    return found


def form_of(page: str) -> dict[str, str]:
    """The hidden fields of the form that confirms."""
    form = page[page.index("sticky-card") :]
    return dict(re.findall(r'<input[^>]*?name="([^"]+)"[^>]*?value="([^"]*)"', form, re.DOTALL))


def stored(app: Panel) -> list[Any]:
    with app.app_context():
        return [
            tuple(row)
            for row in session().execute(sa.select(Change.status, Change.price_minor, Change.live))
        ]


def test_a_user_upgrades_at_the_price_that_was_shown(app: Panel, plans: dict[str, str]) -> None:
    anna = Browser(app).sign_in("anna@example.test", "/client")
    at = f"/client/services/{plans['service']}"
    assert f"{at}/contract/change" in anna.get(at, follow_redirects=True).text
    page = anna.get(f"{at}/contract/change")
    assert "Nothing changes" in page.text
    page = anna.get(f"{at}/contract/change?product={plans['14']}&period=weekly")
    assert re.search(r"8\.61.{0,2} is billed today\.", page.text)
    form = form_of(page.text)
    assert form["total"] == "861"
    wrong = anna.post(f"{at}/contract/change", {**form, "total": "1"})
    assert (wrong.status_code, stored(app)) == (422, [])
    answer = anna.post(f"{at}/contract/change", {**form, "price": "0.01"})
    assert "/client/invoices/" in answer.headers["Location"]
    assert "8.61" in anna.get(answer.headers["Location"]).text
    assert stored(app) == [("waiting", 1400, True)]
    page = anna.get(at, follow_redirects=True)
    assert "is waiting for your payment" in page.text
    assert anna.get(f"{at}/contract/change").status_code == 302
    anna.post(f"{at}/contract/keep-plan")
    assert stored(app) == [("withdrawn", 1400, None)]


def test_a_downgrade_says_when_it_happens(
    app: Panel, owner: Browser, plans: dict[str, str]
) -> None:
    at = f"/admin/services/{plans['service']}/plan"
    page = owner.get(f"{at}?product={plans['14']}").text
    assert owner.post(at, {**form_of(page), "free": "y"}).status_code == 422
    assert stored(app) == []
    owner.post(at, {**form_of(page), "free": "y", "reason": "Apology"})
    assert stored(app) == [("done", 1400, None)]
    anna = Browser(app).sign_in("anna@example.test", "/client")
    mine = f"/client/services/{plans['service']}/contract/change?product={plans['7']}"
    page = anna.get(mine).text
    # what was charged is that of the lower price, so nothing is left to settle
    assert "Nothing is charged today" in page
    anna.post(mine, form_of(page))
    assert stored(app)[-1] == ("done", 700, None)
    assert "Changed to VPS 7" in owner.get(f"/admin/services/{plans['service']}").text


def test_strangers_and_strange_input(app: Panel, plans: dict[str, str]) -> None:
    tom = Browser(app).sign_in("tom@example.test", "/client")
    at = f"/client/services/{plans['service']}/contract"
    for address in ("change", "keep-plan"):
        assert tom.post(f"{at}/{address}", {"total": "1"}).status_code == 404
    anna = Browser(app).sign_in("anna@example.test", "/client")
    for query in ("product=x", "product=" + "x" * 5000, "period=hourly", "option.none=9"):
        assert anna.get(f"{at}/change?{query}").status_code in (200, 302)
    for total in ("", "abc", "9" * 40, "-"):
        wrong = anna.post(f"{at}/change", {"product": plans["14"], "total": total})
        assert wrong.status_code == 422
    assert stored(app) == []
    with app.app_context():
        assert session().scalar(sa.select(sa.func.count(Document.id))) == 1
        assert session().scalar(sa.select(sa.func.count(Service.id))) == 2


def test_what_cannot_be_chosen_is_said(app: Panel, plans: dict[str, str]) -> None:
    anna = Browser(app).sign_in("anna@example.test", "/client")
    at = f"/client/services/{plans['service']}"
    page = anna.get(f"{at}/contract/change?product=x", follow_redirects=True).text
    assert "This product is not available." in page
    with app.app_context():
        endings.request(
            actor=AUTOMATION, service_uuid=plans["service"], at_once=False, reason="Moving"
        )
        day = session().scalars(sa.select(Ending.ends_on)).one()
    page = anna.get(f"{at}/contract/change", follow_redirects=True).text
    assert f"This service ends on {day.day} {day:%b} {day.year}." in page


def test_a_new_period_is_shown_with_its_last_day(app: Panel, plans: dict[str, str]) -> None:
    anna = Browser(app).sign_in("anna@example.test", "/client")
    product = plans["7"]
    query = f"product={product}&shown={product}&period=annually"
    page = anna.get(f"/client/services/{plans['service']}/contract/change?{query}").text
    last, following = (
        datetime.strptime(text, "%d %b %Y")
        for text in re.findall(r"(?:runs until|From) (\d+ \w+ \d+)", page)
    )
    assert following - last == timedelta(days=1)


def test_a_scheduled_change_of_options_is_called_so(app: Panel, plans: dict[str, str]) -> None:
    with app.app_context(), transaction():
        service = (
            session().scalars(sa.select(Service).where(Service.uuid == plans["service"])).one()
        )
        session().add(
            Change(
                service_id=service.id,
                product_id=service.product_id,
                period=service.period,
                price_minor=500,
                status="scheduled",
                effective_on=date(2099, 12, 30),
                reason="",
                requested_by="x",
                token="x",
                selection={},
                live=True,
            )
        )
    anna = Browser(app).sign_in("anna@example.test", "/client")
    page = anna.get(f"/client/services/{plans['service']}", follow_redirects=True).text
    assert "The options of this service change on 30 Dec 2099." in page
