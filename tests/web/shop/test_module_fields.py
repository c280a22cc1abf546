"""The shop asks for the required fields of a module's form, and keeps what was entered."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.db import session, transaction
from puqpanel.infra.settings import Settings
from puqpanel.live import Live, dismantle
from puqpanel.models import Service
from puqpanel.operations.accounts import clients
from puqpanel.operations.billing import companies
from puqpanel.operations.catalog import products
from tests.sample import SELLER, activate
from tests.web.conftest import PASSWORD, Browser
from tests.web.modules.test_module_forms import scene
from tests.web.shop.conftest import ADDRESS, add, order, send


@pytest.fixture
def live(settings: Settings) -> Iterator[Live]:
    """A panel that sells a product of MyCloudService."""
    panel = Live(settings)
    with panel.ensure().app_context():
        activate(panel.ensure(), AUTOMATION, "MyCloudService")
    with panel.ensure().app_context():
        values = {**SELLER, "name": "Seller", "country": "US", "vat_registered": False}
        companies.save_company(actor=AUTOMATION, uuid=None, values=values)
        clients.create_client(
            actor=AUTOMATION, name="Anna", email="anna@example.test", user_password=PASSWORD
        )
        products.save_product(
            actor=AUTOMATION, uuid=None, name="Cloud", module="Product/MyCloudService", price="5"
        )
        with transaction() as current:
            current.execute(sa.text("UPDATE products SET configured = :yes"), {"yes": True})
    yield panel
    dismantle(panel.ensure())


def test_only_required_fields_are_asked_and_kept(live: Live) -> None:
    app = live.ensure()
    anna = Browser(app).sign_in("anna@example.test", "/client")
    assert send(anna, "/shop/checkout/details", {**ADDRESS, "country": "US"}).status_code == 302
    assert 'name="quantity"' not in anna.get("/shop/cloud").text
    assert "details of its own" in add(anna, "cloud", quantity="2").text
    linked = anna.get("/shop/cloud?quantity=2").text
    assert "details of its own" in linked
    assert "10.00" not in linked  # the button adds one
    assert add(anna, "cloud").status_code == 302
    checkout = anna.get("/shop/checkout").text
    assert "Order for" not in checkout
    assert order(anna).status_code == 422  # the required field is missing
    path = re.findall(r"/shop/checkout/items/\w+", checkout)[0]
    page = anna.get(path).text
    assert 'name="domain"' in page
    assert 'name="ip_address"' not in page
    refused = send(anna, path, {"domain": "not a domain", "ip_address": "192.0.2.7"})
    assert refused.status_code == 422
    assert 'value="not a domain"' in refused.text
    assert "Domain: " in refused.text, "the summary names the field"
    refused = order(anna, total="500")
    assert refused.status_code == 422 and "Cloud, Domain: Enter a value." in refused.text
    data = {"domain": "a.example", "ip_address": "192.0.2.7"}
    assert send(anna, path, data).status_code == 302
    assert 'value="a.example"' in anna.get(path).text
    assert "Order for" in anna.get("/shop/checkout").text
    assert order(anna, total="1").status_code == 422
    ordered = order(anna)
    assert ordered.status_code == 302, ordered.text
    with app.app_context():
        service = session().scalars(sa.select(Service)).one()
        assert service.service_data["domain"] == "a.example"
        assert service.service_data.get("ip_address", "") != "192.0.2.7"


KEY = """
    from puqpanel.sdk import Product, forms

    class ServiceForm(forms.Form):
        host = forms.StringField("Host", [forms.validators.InputRequired()])
        note = forms.StringField("Note", [forms.validators.InputRequired()])
        key = forms.SecretField("Key", [forms.validators.InputRequired()])

    class Echo(Product):
        ServiceForm = ServiceForm
"""


def test_a_secret_that_is_left_blank_is_kept(settings: Settings, tmp_path: Path) -> None:
    here = scene(settings, tmp_path, KEY)
    with here.panel.app_context():
        values = {**SELLER, "name": "Seller", "country": "US", "vat_registered": False}
        companies.save_company(actor=AUTOMATION, uuid=None, values=values)
        clients.create_client(
            actor=AUTOMATION, name="Eve", email="eve@example.test", user_password=PASSWORD
        )
        with transaction() as current:
            current.execute(sa.text("UPDATE products SET configured = :yes"), {"yes": True})
        slug = products.find_product(here.product).slug
    eve = Browser(here.panel).sign_in("eve@example.test", "/client")
    assert send(eve, "/shop/checkout/details", {**ADDRESS, "country": "US"}).status_code == 302
    assert add(eve, slug).status_code == 302
    path = re.findall(r"/shop/checkout/items/\w+", eve.get("/shop/checkout").text)[0]
    filled = {"host": "a.example", "note": "one", "key": "hunter2"}
    assert send(eve, path, filled).status_code == 302
    page = eve.get(path).text
    assert "Leave blank to keep the current value." in page and "hunter2" not in page
    assert send(eve, path, {**filled, "note": "two", "key": ""}).status_code == 302
    assert order(eve).status_code == 302
    with here.panel.app_context():
        found = session().scalars(sa.select(Service).order_by(Service.id.desc())).first()
        assert found is not None
        assert (found.service_data["note"], found.service_data["key"]) == ("two", "hunter2")
