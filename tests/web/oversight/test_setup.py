"""The setup of a new panel: offered once, steps by fact or decision, and who sees them."""

from __future__ import annotations

import json

import pytest

from puqpanel.app import Panel
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.db import session, transaction
from puqpanel.models import ModuleLog, Setting
from puqpanel.operations.accounts import clients, staff
from puqpanel.operations.billing import companies, taxes
from puqpanel.operations.catalog import products
from puqpanel.operations.oversight import setup
from puqpanel.operations.system import settings
from tests.overlap import overlap
from tests.sample import SELLER, activate
from tests.web.conftest import PASSWORD, Browser


def _sign_in(app: Panel) -> str:
    """Return where a sign-in of the owner leads."""
    browser = Browser(app)
    answer = browser.post("/admin/signin", {"email": "owner@panel.test", "password": PASSWORD})
    return answer.headers["Location"]


@pytest.fixture
def founder(app: Panel) -> None:
    """The first staff account."""
    with app.app_context():
        staff.create_staff(
            actor=AUTOMATION, email="owner@panel.test", name="Olga", password=PASSWORD
        )


def test_the_first_sign_in_leads_there_once(app: Panel, founder: None) -> None:
    assert _sign_in(app) == "/admin/setup/"
    assert _sign_in(app) == "/admin"


def test_a_sign_in_with_a_target_leads_to_it(app: Panel, founder: None) -> None:
    browser = Browser(app)
    answer = browser.post(
        "/admin/signin?next=/admin/clients/", {"email": "owner@panel.test", "password": PASSWORD}
    )
    assert answer.headers["Location"] == "/admin/clients/"
    assert _sign_in(app) == "/admin/setup/"


def test_a_panel_in_use_is_not_set_up_again(app: Panel, founder: None) -> None:
    with app.app_context():
        clients.create_client(
            actor=AUTOMATION, name="Lumen", email="a@lumen.test", user_password=PASSWORD
        )
    assert _sign_in(app) == "/admin"


def _states(browser: Browser) -> dict[str, str]:
    page = browser.get("/admin/setup/").text.partition('class="steps"')[2]
    states = {}
    for item in page.split("<li>")[1:]:
        key = item.partition("/admin/setup/")[2].partition('"')[0]
        state = "done" if ">Done<" in item else "skipped" if ">Skipped<" in item else "open"
        states[key] = state
    return states


def test_steps_are_done_by_facts(app: Panel, owner: Browser) -> None:
    assert set(_states(owner).values()) == {"open"}
    with app.app_context():
        settings.save(actor=AUTOMATION, values={"firm.name": "Lumen", "region.locale": "en-GB"})
        values = {**SELLER, "name": "Lumen Ltd", "country": "IE"}
        taxes.load_eu_rates(actor=AUTOMATION)
        companies.save_company(actor=AUTOMATION, uuid=None, values=values)
        activate(app, AUTOMATION, "MyCloudService")
        products.save_product(actor=AUTOMATION, uuid=None, name="Cloud", module="", price="5")
        with transaction():
            log = ModuleLog(type="Product", name="MyCloudService", level="error")
            log.action, log.request = "GET https://cloud.test/plans", ""
            session().add(log)
    assert _states(owner) == {
        "firm": "done",
        "region": "done",
        "currency": "open",
        "seller": "done",
        "modules": "done",
        "provider": "open",
        "product": "done",
    }
    with app.app_context(), transaction():
        session().query(ModuleLog).update({"level": "info"})
    owner.post("/admin/setup/currency/confirm")
    assert set(_states(owner).values()) == {"done"}
    assert "Set up your panel" not in owner.get("/admin/").text


def test_the_way_through_the_steps(app: Panel, owner: Browser) -> None:
    assert "Set up your panel" in owner.get("/admin/").text
    assert owner.post("/admin/setup/firm", {"firm.name": ""}).status_code == 422
    answer = owner.post("/admin/setup/firm", {"firm.name": "Lumen"})
    assert answer.headers["Location"] == "/admin/setup/region"
    # defaults that fit are confirmed by saving them
    form = {"region.locale": "en", "region.time_zone": "UTC"}
    answer = owner.post("/admin/setup/region", form)
    assert answer.headers["Location"] == "/admin/setup/currency"
    assert "EUR" in owner.get("/admin/setup/currency").text
    answer = owner.post("/admin/setup/currency/confirm")
    assert answer.headers["Location"] == "/admin/setup/seller"
    assert "takes no orders" in owner.get("/admin/setup/seller").text
    with app.app_context():
        values = {"name": "Lumen Ltd", "country": "IE", "city": "Sligo"}
        uuid = companies.save_company(actor=AUTOMATION, uuid=None, values=values).uuid
    assert "Missing: Street, VAT or tax number" in owner.get("/admin/setup/seller").text
    assert _states(owner)["seller"] == "open"
    with app.app_context():
        companies.save_company(actor=AUTOMATION, uuid=uuid, values=SELLER)
    assert "No standard tax rate for: Ireland." in owner.get("/admin/setup/seller").text
    with app.app_context():
        taxes.load_eu_rates(actor=AUTOMATION)
    page = owner.get("/admin/setup/modules").text
    assert "MyCloudService" in page
    answer = owner.post("/admin/setup/modules", {"module": "Product/MyCloudService"})
    assert answer.headers["Location"] == "/admin/setup/modules"
    assert owner.get("/admin/setup/provider").status_code == 200
    answer = owner.post("/admin/setup/provider/skip")
    assert answer.headers["Location"] == "/admin/setup/product"
    assert owner.get("/admin/setup/product").status_code == 200
    answer = owner.post("/admin/setup/product/confirm")
    assert answer.headers["Location"] == "/admin/setup/"
    assert _states(owner) == {
        "firm": "done",
        "region": "done",
        "currency": "done",
        "seller": "done",
        "modules": "done",
        "provider": "skipped",
        "product": "done",
    }
    assert "All steps are done" in owner.get("/admin/setup/").text


def test_a_module_that_does_not_exist_is_an_error_on_the_page(owner: Browser) -> None:
    for module in ("Product/Nothing", "", "../../etc", "Product/"):
        answer = owner.post("/admin/setup/modules", {"module": module}, follow_redirects=True)
        assert answer.status_code == 200, module
        assert "note-bad" in answer.text, module


def test_the_card_can_be_dismissed(owner: Browser) -> None:
    assert owner.post("/admin/setup/dismiss").status_code == 302
    assert "Set up your panel" not in owner.get("/admin/").text
    assert owner.get("/admin/setup/").status_code == 200


def test_only_staff_with_the_right_see_it(app: Panel, clerk: Browser) -> None:
    owner = Browser(app).sign_in("owner@panel.test")
    assert clerk.get("/admin/setup/").status_code == 403
    assert clerk.post("/admin/setup/dismiss").status_code == 403
    assert owner.get("/admin/setup/nothing").status_code == 404
    assert owner.post("/admin/setup/nothing/skip").status_code == 404


@pytest.mark.parametrize("stored", ["", "[]", "{", '{"confirmed": 7}', "null"])
def test_a_damaged_state_is_an_empty_one(app: Panel, owner: Browser, stored: str) -> None:
    with app.app_context():
        with transaction():
            session().merge(Setting(name=setup.ROW, value=stored))
        assert setup.state() == setup.State()
        setup.skip(actor=AUTOMATION, key="firm")
        row = session().get(Setting, setup.ROW)
        assert row is not None
        assert json.loads(row.value)["skipped"] == ["firm"]


@pytest.mark.parametrize("first", [True, False])
def test_steps_of_two_people_at_once_are_both_kept(app: Panel, first: bool) -> None:
    with app.app_context():
        if not first:
            setup.confirm(actor=AUTOMATION, key="mail")
    errors = overlap(
        app,
        lambda: setup.confirm(actor=AUTOMATION, key="company"),
        lambda: setup.skip(actor=AUTOMATION, key="product"),
    )
    assert errors == (None, None)
    with app.app_context():
        state = setup.state()
    assert "company" in state.confirmed and "product" in state.skipped
