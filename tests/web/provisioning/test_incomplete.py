"""Services whose required fields are empty are named before a bulk action creates them."""

from __future__ import annotations

from pathlib import Path

from puqpanel.sdk.testing import Lab
from puqpanel.sdk.testing.pages import pages
from tests.sample import write_module

SOURCE = """
    from puqpanel.sdk import Product, Result
    from puqpanel.sdk.forms import Form, SecretField, StringField, validators


    class Fields(Form):
        domain = StringField("Domain", [validators.InputRequired()])
        password = SecretField("Password", [validators.Optional(), validators.Length(min=8)])


    class Echo(Product):
        ServiceForm = Fields

        def create_job(self):
            return Result.success()
"""


def test_incomplete_services_are_not_eligible(tmp_path: Path) -> None:
    with Lab(write_module(tmp_path, SOURCE)) as lab:
        lab.activate()
        uuid, asked = lab.service_uuid, {"do": "create", "id": [lab.service_uuid]}
        with pages(lab) as panel:
            staff = panel.staff()
            page = staff.post("/admin/services/bulk", data=asked).text
            assert "0 of 1 selected row" in page
            assert "Required: Domain." in page
            saved = {"domain": "a.example", "password": "  "}
            assert staff.post(f"/admin/services/{uuid}/settings", data=saved).status_code == 302
            assert "1 of 1 selected row" in staff.post("/admin/services/bulk", data=asked).text
        assert lab.provision_data.get("password", "") == "", "spaces are blank"
