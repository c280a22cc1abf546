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

        def suspend_job(self):
            return Result.error("No such place.", retry=False)
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
        requests.request(actor=AUTOMATION, service_uuid=lab.service_uuid, verb="suspend")
        lab.work_off()
        assert lab.tasks()[-1][1:] == (
            "failed",
            f"No such place. The product's module settings are no longer valid. {WRONG}",
        )
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
