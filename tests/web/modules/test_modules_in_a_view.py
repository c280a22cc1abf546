"""Tabs of modules while staff view the client area as a user: no secret is shown."""

from __future__ import annotations

import contextvars
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from puqpanel.domain.principals import CLI
from puqpanel.infra.db import session, transaction
from puqpanel.infra.settings import Settings
from puqpanel.live import Live, dismantle
from puqpanel.models import Audit, User
from puqpanel.operations.accounts import staff
from puqpanel.operations.provisioning import services
from tests.conftest import STAFF
from tests.sample import PASSWORD, activate, make_service, write_module
from tests.web.conftest import Browser

pytestmark = pytest.mark.sqlite

MODULE = """
    from puqpanel.sdk import Product, Service, forms, refuse_impersonation

    class Echo(Product):
        class ServiceForm(forms.Form):
            door = forms.SecretField("Door")

        def get_client_area_menu_config(self):
            return {"general": {"name": "General", "template": "client_area.general"}}

        def variables_general(self):
            return {"data": self.service_data}

        def controller_client_general_careless(self, request):
            return {"status": "success", "data": dict(self.service_data)}

        def controller_client_general_store(self, request):
            Service.find(self.service_uuid).set_provision_data(self.service_data)
            return {"status": "success", "data": {}}

        def controller_client_general_careful(self, request):
            refuse_impersonation()
            return self.service_data["password"]
"""
SECRET = "hunter2-hunter2"
SECRETS = {
    "password": SECRET,
    "root_password": 'a&b<c"d',
    "db": {"host": "db.test", "users": [{"password": "nested-one"}]},
    "pin": 4711,
    "otp": "x7",
    "door": "open sesame",
    "link": "https://h.test/?token=tok3n",
}
"""Secrets that an escaped, nested, short or embedded value would give away."""
LEAKS = (SECRET, "a&b", "a&amp;b", "nested-one", "4711", "x7", "sesame", "tok3n", "c\\u003c")


def test_secrets_are_masked_or_refused(settings: Settings, tmp_path: Path) -> None:
    files = {"views/client_area/general.html": "<p>It is {{ data }}, {{ data.root_password }}.</p>"}
    write_module(tmp_path / "modules", MODULE, files=files)
    live = Live(replace(settings, modules_dir=tmp_path / "modules"))
    app = live.ensure()
    with app.app_context():
        activate(app, STAFF)
    dismantle(app)
    app = live.ensure()
    with app.app_context():
        uuid = make_service(STAFF).uuid
        with transaction():
            service = services.find_service(uuid)
            service.status, service.provision_status = "active", "completed"
            service.service_data = dict(SECRETS)
        client = service.client.uuid
        user = session().scalar(sa.select(User.uuid))
        staff.create_staff(actor=CLI, email="o@panel.test", name="Olga", password=PASSWORD)
    page = f"/client/services/{uuid}/general"

    def customer() -> None:
        browser = Browser(app).sign_in("astrid@lumen.test", "/client", PASSWORD)
        assert SECRET in browser.get(page).text
        assert SECRET in browser.post(page + "/api/careless").text
        assert SECRET in browser.post(page + "/api/careful").text

    def viewer() -> None:
        browser = Browser(app).sign_in("o@panel.test", password=PASSWORD)
        browser.post(f"/admin/clients/{client}/users/{user}/view")
        tab = browser.get(page).text
        assert "•••" in tab and "db.test" in tab
        careless = browser.post(page + "/api/careless")
        assert careless.status_code == 200 and "db.test" in careless.text
        shown = tab.partition("It is")[2].partition("</p>")[0] + careless.text
        assert [secret for secret in LEAKS if secret in shown] == []
        assert browser.post(page + "/api/store").status_code == 403
        refused = browser.post(page + "/api/careful")
        assert refused.status_code == 403 and SECRET not in refused.text
        assert "Only the user can do this" in refused.text

    contextvars.Context().run(customer)
    contextvars.Context().run(viewer)
    with app.app_context():
        query = sa.select(Audit).where(Audit.action == "client.view_request")
        entries = session().scalars(query.order_by(Audit.id)).all()
        assert services.find_service(uuid).provision_data == {}, "no mask is stored"
    assert [entry.subject_type for entry in entries] == ["client", "staff"]
    assert {entry.impersonator_name for entry in entries} == {"Olga"}
    dismantle(app)
