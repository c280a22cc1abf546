"""Products must be configured before they are sold, and services before they are created."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import render_template_string

from puqpanel.app import Panel
from puqpanel.domain.errors import ConflictError, InvalidInput
from puqpanel.domain.principals import AUTOMATION, Principal, PrincipalKind
from puqpanel.host import calls, registry
from puqpanel.infra.db import session, transaction
from puqpanel.infra.settings import Settings
from puqpanel.live import Live, dismantle
from puqpanel.models import Task
from puqpanel.operations.accounts import staff
from puqpanel.operations.catalog import products
from puqpanel.operations.oversight import health
from puqpanel.operations.provisioning import requests, services
from tests.sample import activate, make_client, write_module
from tests.web.conftest import PASSWORD, Browser

STAFF = Principal(PrincipalKind.STAFF, None, "A test", permissions=frozenset({"*"}))
SOURCE = """
from puqpanel.sdk import Product, Result, forms

class Plans(forms.Form):
    plan = forms.StringField("Plan", [forms.validators.InputRequired()], default="basic")

class Account(forms.Form):
    domain = forms.StringField("Domain", [forms.validators.InputRequired()], render_kw={"readonly": True})
    weight = forms.IntegerField("Weight", [forms.validators.InputRequired()])
    address = forms.StringField("Address", render_kw={"readonly": True})

class Echo(Product):
    ProductForm = Plans
    ServiceForm = Account

    def create_job(self):
        return Result.success()
"""
BARE = """
from puqpanel.sdk import Product, Result

class Bare(Product):
    def create_job(self):
        return Result.success()
"""


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    write_module(tmp_path / "modules", SOURCE)
    write_module(tmp_path / "modules", BARE, name="Bare")
    return replace(settings, modules_dir=tmp_path / "modules")


@pytest.fixture
def echo(settings: Settings, app: Panel) -> Iterator[Panel]:
    """The panel with both modules active."""
    with app.app_context():
        activate(app, STAFF)
        activate(app, STAFF, "Bare")
    panel = Live(settings).ensure()
    with panel.app_context():
        yield panel
    dismantle(panel)


def product_of(module: str) -> str:
    product = products.save_product(
        actor=STAFF, uuid=None, name=f"Of {module}", module=module, price="5"
    )
    return product.uuid


def sell(client: str, product: str) -> str:
    service = services.create_service(
        actor=STAFF, client_uuid=client, product_uuid=product, name="a.test"
    )
    return service.uuid


def test_product_is_sold_only_once_its_settings_are_saved(echo: Panel, settings: Settings) -> None:
    client, product = make_client(STAFF)[0].uuid, product_of("Product/Echo")
    with pytest.raises(InvalidInput, match="not configured"):
        sell(client, product)
    [check] = health.look(settings, ["products"]).checks
    assert check.state == "warn" and "Of Product/Echo" in str(check.text)
    with pytest.raises(InvalidInput):
        products.save_config(actor=STAFF, uuid=product, data={"plan": ""})
    with pytest.raises(InvalidInput):
        sell(client, product)
    products.save_config(actor=STAFF, uuid=product, data={"plan": "basic"})
    assert sell(client, product)
    assert health.look(settings, ["products"]).ok


def test_product_without_settings_or_module_is_sold_at_once(echo: Panel) -> None:
    client = make_client(STAFF)[0].uuid
    assert sell(client, product_of("Product/Bare")) and sell(client, product_of(""))


def test_another_module_needs_its_own_settings(echo: Panel) -> None:
    client, product = make_client(STAFF)[0].uuid, product_of("Product/Echo")
    products.save_config(actor=STAFF, uuid=product, data={"plan": "basic"})
    for module in ("Product/Bare", "Product/Echo"):
        products.save_product(actor=STAFF, uuid=product, name="Moved", module=module, price="5")
    with pytest.raises(InvalidInput, match="not configured"):
        sell(client, product)


def test_create_is_refused_while_a_required_field_is_empty(echo: Panel) -> None:
    client, product = make_client(STAFF)[0].uuid, product_of("Product/Echo")
    products.save_config(actor=STAFF, uuid=product, data={"plan": "basic"})
    service = sell(client, product)
    for domain, weight, missing in (("", None, "Domain, Weight"), (" ", 0, "Domain")):
        with transaction():
            services.find_service(service).service_data = {"domain": domain, "weight": weight}
        with pytest.raises(ConflictError, match=f"Required: {missing}\\.$"):
            requests.request(actor=STAFF, service_uuid=service, verb="create")
        assert services.find_service(service).provision_status == "pending"
        assert session().scalar(sa.select(sa.func.count(Task.id))) == 0
    services.save_service_data(actor=STAFF, uuid=service, data={"domain": "a.test", "weight": "0"})
    assert requests.request(actor=STAFF, service_uuid=service, verb="create").ok


def test_locked_field_is_never_empty(echo: Panel) -> None:
    client, product = make_client(STAFF)[0].uuid, product_of("Product/Echo")
    products.save_config(actor=STAFF, uuid=product, data={"plan": "basic"})
    service = sell(client, product)
    module = registry.current().modules["Product/Echo"]

    def page() -> str:
        with echo.test_request_context():
            render_template_string("")
            return str(
                calls.invoke(calls.Call(module, "get_service_page", service_uuid=service)).value
            )

    empty = page()
    assert 'name="domain"' in empty and "readonly" not in empty and 'name="address"' not in empty
    with transaction():
        services.find_service(service).service_data = {"domain": "a.test", "address": "192.0.2.1"}
    assert page().count("readonly") == 2


def test_pages_say_that_a_product_is_not_configured(echo: Panel) -> None:

    staff.create_staff(actor=AUTOMATION, email="o@panel.test", name="Olga", password=PASSWORD)
    product = product_of("Product/Echo")
    browser = Browser(echo).sign_in("o@panel.test")
    assert "Not configured" in browser.get("/admin/products/").text
    page = browser.get(f"/admin/products/{product}").text
    assert "This product is not configured." in page and "Add service" not in page
