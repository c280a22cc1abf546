"""Prepaid services on the pages of customers and staff, and the cap that customers set."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.db import session
from puqpanel.models import Client
from puqpanel.operations.accounts.clients import find_client
from puqpanel.operations.automation import dunning
from puqpanel.operations.billing import companies, taxes
from tests.operations.automation.unpaid import work
from tests.operations.billing.prepaid import active, prepaid_product, top_up, when
from tests.sample import SELLER
from tests.web.conftest import Browser

PATH = "/client/prepaid/"


@pytest.fixture
def service(app: Panel, shop: dict[str, str]) -> str:
    """A service of Anna's client that ran for two hours, and was charged for them."""
    with app.app_context():
        taxes.load_eu_rates(actor=AUTOMATION)
        values = {**SELLER, "name": "Fjordhost", "country": "PL"}
        companies.save_company(actor=AUTOMATION, uuid=None, values=values)
        client = find_client(shop["client"])
        with when("2026-03-10T10:00"):
            top_up(client, "3.69")
            found = active(client, prepaid_product("1"))
        with when("2026-03-10T12:10"):
            dunning.run(actor=AUTOMATION)
    return found


def test_a_customer_sees_the_cost_and_sets_a_cap(app: Panel, service: str) -> None:
    with when("2026-03-10T12:10"):
        anna = Browser(app).sign_in("anna@example.test", "/client")
        assert PATH in anna.get("/client/invoices/").text
        page = anna.get(PATH).text
        for part in ("1.23", "29.52", "Credit lasts until", "No limit"):
            assert part in page
        assert "Used up" in page
        with app.app_context():
            top_up(
                session().scalars(sa.select(Client).where(Client.name == "Anna Berg")).one(), "9"
            )
        assert "Used up" not in anna.get(PATH).text
        assert anna.post(PATH, {"cap": "-1"}).status_code == 422
        assert anna.post(PATH, {"cap": "50"}).status_code == 302
        assert re.search(r"50\.00\s€", anna.get(PATH).text)
        assert anna.post(PATH, {"cap": ""}).status_code == 302
        assert "No limit" in anna.get(PATH).text


@pytest.mark.usefixtures("owner")
def test_a_suspended_service_says_why(app: Panel, service: str) -> None:
    with when("2026-03-10T13:10"):
        with app.app_context():
            assert dunning.run(actor=AUTOMATION).total == 1
            work()
        anna = Browser(app).sign_in("anna@example.test", "/client")
        page = anna.get(f"/client/services/{service}/overview").text
        assert "does not cover the running hours" in page
        assert PATH in page
        page = Browser(app).sign_in("owner@panel.test").get(f"/admin/services/{service}").text
        assert "does not cover the running hours" in page
        assert "Debits" in page
