"""Gateways written as the documentation writes them: settings without a form of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel, create_app
from puqpanel.infra.db import session
from puqpanel.infra.settings import Settings
from puqpanel.live import dismantle
from puqpanel.models import ConfiguredModule
from tests.conftest import STAFF
from tests.sample import activate, write_module
from tests.web.conftest import Browser

pytestmark = pytest.mark.sqlite

SOURCE = """
    from puqpanel.sdk import Payment

    class MyPayment(Payment):
        def getModuleData(self, data={}):
            return {
                "publishable_key": data.get("publishable_key", ""),
                "secret_key": data.get("secret_key", ""),
                "server": data.get("server", "pay.test"),
                "port": data.get("port", 587),
                "fee": data.get("fee", 0.5),
                "sandbox": bool(data.get("sandbox", True)),
                "data": data.get("data", "no field can have this name"),
                "hosts": ["no", "field"],
            }
"""


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    write_module(tmp_path / "modules", SOURCE, type="Payment", name="MyPayment")
    return replace(settings, modules_dir=tmp_path / "modules")


@pytest.fixture
def app(app: Panel, settings: Settings) -> Iterator[Panel]:
    with app.app_context():
        activate(app, STAFF, "MyPayment", "Payment")
    fresh = create_app(settings)
    yield fresh
    dismantle(fresh)


def test_a_form_is_derived_from_the_settings(app: Panel, owner: Browser) -> None:
    made = owner.post("/admin/gateways/new", {"title": "Cards", "module": "Payment/MyPayment"})
    at = made.headers["Location"]
    page = owner.get(at).text

    def field(name: str) -> str:
        found = re.search(rf'<input\b[^>]*\bname="{name}"[^>]*>', page)
        return found[0] if found else ""

    assert "Publishable key" in page and 'type="text"' in field("publishable_key")
    assert 'type="password"' in field("secret_key")
    assert 'type="number"' in field("port") and 'value="587"' in field("port")
    assert 'value="0.5"' in field("fee")
    assert 'type="checkbox"' in field("sandbox") and "checked" in field("sandbox")
    assert 'value="pay.test"' in field("server")
    assert (field("data"), field("hosts")) == ("", "")

    sent = {
        "publishable_key": "pk",
        "secret_key": "sk-1",
        "server": "pay.test",
        "port": "25",
        "fee": "1.25",
    }

    def saved() -> dict[str, object]:
        with app.app_context():
            return dict(session().scalars(sa.select(ConfiguredModule)).one().data)

    assert owner.post(f"{at}/settings", sent).status_code == 302
    assert (saved()["secret_key"], saved()["port"], saved()["sandbox"]) == ("sk-1", 25, False)
    assert saved()["fee"] == 1.25
    assert "sk-1" not in owner.get(at).text
    assert owner.post(f"{at}/settings", {**sent, "secret_key": ""}).status_code == 302
    assert saved()["secret_key"] == "sk-1"
    assert owner.post(f"{at}/settings", {**sent, "port": ""}).status_code == 302
    assert saved()["port"] == 587
    refused = owner.post(f"{at}/settings", {**sent, "port": "many"})
    assert (refused.status_code, "Port" in refused.text) == (422, True)
    moved = owner.post(f"{at}/settings", {**sent, "secret_key": "", "server": "evil.test"})
    assert (moved.status_code, saved()["server"]) == (422, "pay.test")
