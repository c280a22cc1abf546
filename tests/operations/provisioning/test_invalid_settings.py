"""Saved settings that an update of the module made invalid are named where they are used."""

from __future__ import annotations

from pathlib import Path

import pytest

from puqpanel.domain.errors import ConflictError
from puqpanel.domain.principals import AUTOMATION
from puqpanel.operations.provisioning import requests
from puqpanel.sdk.testing import Lab
from puqpanel.sdk.testing.pages import pages
from tests.sample import write_module

SOURCE = """
    from puqpanel.sdk import Product, Result
    from puqpanel.sdk.forms import Form, IntegerField, StringField, validators


    class Settings(Form):
        region = StringField("Data centre", validators=[validators.AnyOf(["eu"], "It was closed.")])
        disk = IntegerField("Disk in GB", default=5, validators=[validators.NumberRange(1, 10, "Too large.")])


    class Echo(Product):
        ProductForm = Settings

        def create_job(self):
            return Result.success()
"""
WRONG = "“Data centre”: It was closed."


def test_the_setting_is_named_where_it_is_used(tmp_path: Path) -> None:
    with Lab(write_module(tmp_path, SOURCE), product={"region": "eu"}) as lab:
        lab.activate()
        requests.request(actor=AUTOMATION, service_uuid=lab.service_uuid, verb="create")
        lab.work_off()
        assert lab.service.provision_status == "completed"
        # the form of the next version no longer has the region
        lab.change(product={"region": "asia", "disk": 7})
        product = lab.service.product.uuid
        with pages(lab) as panel:
            page = panel.staff().get(f"/admin/products/{product}/settings")
            assert page.status_code == 200
            assert "Saved settings that are no longer valid" in page.text
            assert "Data centre: It was closed." in page.text
            assert "Disk in GB:" not in page.text


def test_a_service_is_not_created_with_an_invalid_setting(tmp_path: Path) -> None:
    with Lab(write_module(tmp_path, SOURCE), product={"region": "asia", "disk": 99}) as lab:
        lab.activate()
        with pytest.raises(ConflictError) as refused:
            requests.request(actor=AUTOMATION, service_uuid=lab.service_uuid, verb="create")
        assert str(refused.value) == (
            f"The module settings of A product are no longer valid. {WRONG} “Disk in GB”: Too"
            " large. Open the product and correct them first."
        )
        assert lab.tasks() == []


OWN_READING = """
        def get_product_data(self, data=None):
            data = dict(data or {})
            data["region"] = data.pop("place", "")
            self.product_data = data
            return data
"""
FROM_PROVIDER = """
    from puqpanel.sdk import Product, Result
    from puqpanel.sdk.forms import Form, SelectField


    class Settings(Form):
        region = SelectField("Data centre", choices=lambda: [])


    class Echo(Product):
        ProductForm = Settings

        def create_job(self):
            return Result.success()
"""


@pytest.mark.parametrize(
    ("source", "saved"),
    [(SOURCE + OWN_READING, {"place": "eu"}), (FROM_PROVIDER, {"region": "eu"})],
    ids=["translated by the module", "choices of a provider that is away"],
)
def test_settings_that_may_be_valid_do_not_prevent_a_sale(
    tmp_path: Path, source: str, saved: dict[str, str]
) -> None:
    with Lab(write_module(tmp_path, source), product=saved) as lab:
        lab.activate()
        requests.request(actor=AUTOMATION, service_uuid=lab.service_uuid, verb="create")
        lab.work_off()
        assert lab.service.provision_status == "completed"
