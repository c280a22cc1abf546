"""What the reference lists and no other test tries: the rarer verbs, loading by hand, versions,
the vendor's spellings, and a few settings.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa

from puqpanel import sdk
from puqpanel.domain.errors import NotFoundError, UserError
from puqpanel.infra.db import session
from puqpanel.infra.settings import Settings
from puqpanel.models import Product, Service
from puqpanel.sdk.testing import SERVICE, Lab, Pages, pages, supplied
from tests.sample import write_module

RESTING = """
from puqpanel.sdk import Product, Result

class Echo(Product):
    def create_job(self):
        return Result.success()

    def idle_job(self):
        self.service_data["resting"] = True
        return Result.success()

    def unidle_job(self):
        self.service_data["resting"] = False
        return Result.success()

    def cancellation_job(self):
        self.service_data["withdrawn"] = True
        return Result.success()
"""


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with Lab(
        write_module(tmp_path, RESTING), product={"size": 5}, service={"name": "lumen"}
    ) as made:
        yield made.activate()


def test_a_service_rests_and_wakes(lab: Lab) -> None:
    module = lab.module(SERVICE)
    assert module.create() == {"status": "success"}
    for verb, resting in (("idle", True), ("unidle", False)):
        assert getattr(module, verb)() == {"status": "success"}
        assert (lab.service.status, lab.service.provision_status) == ("active", "completed")
        assert lab.provision_data["resting"] is resting
    assert [task[:2] for task in lab.tasks()] == [
        ("create_job", "completed"),
        ("idle_job", "completed"),
        ("unidle_job", "completed"),
    ]


def test_a_service_that_was_never_active_is_withdrawn(lab: Lab) -> None:
    assert lab.module(SERVICE).cancellation() == {"status": "success"}
    assert lab.service.status == "cancelled"
    assert lab.provision_data["withdrawn"] is True
    assert lab.module(SERVICE).create()["code"] == 409


def test_a_verb_without_its_job_says_so(lab: Lab) -> None:
    assert lab.module(SERVICE).suspend() == {
        "status": "error",
        "message": "Echo does not support this action: it has no suspend_job().",
        "code": 501,
    }


def test_data_is_loaded_by_hand(lab: Lab) -> None:
    uuid = session().scalar(sa.select(Product.uuid).join(Service).where(Service.uuid == SERVICE))
    module = lab.module()
    module.set_product_uuid(uuid)
    assert (module.product_uuid, module.product_data, module.service_uuid) == (
        uuid,
        {"size": 5},
        None,
    )
    module.set_service_uuid(SERVICE)
    assert module.service_data == {"name": "lumen"}
    with pytest.raises(NotFoundError):
        module.set_product_uuid("nobody")
    with pytest.raises(NotFoundError):
        module.set_service_uuid("nobody")


def test_the_recorded_version_is_asked(tmp_path: Path) -> None:
    source = (
        "from puqpanel.sdk import Plugin\nclass Echo(Plugin):\n    def update(self):\n       "
        " self.log_info('from ' + self.get_current_version())\n        return 'success'\n"
    )
    with Lab(write_module(tmp_path, source, type="Plugin", version="1.2.0")) as made:
        object.__setattr__(made.loaded, "recorded_version", "1.1.0")
        assert made.call("update").value == "success"
        assert made.log() == [("info", "from 1.1.0")]


def test_the_defaults_of_a_gateway_and_a_sender(tmp_path: Path) -> None:
    paying = "from puqpanel.sdk import Payment\nclass Echo(Payment):\n    pass\n"
    with Lab(write_module(tmp_path, paying, type="Payment")) as made:
        assert made.call("get_module_data", {"key": "k"}).value == {"key": "k"}
        assert made.call("save_module_data", {"key": "k"}).value == {
            "status": "success",
            "data": {"key": "k"},
            "code": 200,
        }
        assert made.call("preview_client_area").value == ""
        assert made.call("get_return_url").value.endswith("/client")
        assert made.call("get_cancel_url").value.endswith("/client")
        assert made.call("on_payment_success", {"id": "t-1"}).value == {"status": "success"}
        assert made.call("on_payment_failed", {"id": "t-2"}).value == {"status": "success"}
        assert made.log() == [("info", "payment succeeded"), ("info", "payment failed")]
        assert made.call("refund", "t-1", Decimal(5)).value["code"] == 501


def test_the_vendors_spellings_are_the_same_things() -> None:
    assert sdk.authId is sdk.auth_id
    assert sdk.currentAdmin is sdk.current_admin
    assert sdk.jsonError is sdk.json_error
    assert sdk.jsonSuccess is sdk.json_success
    assert sdk.logModule is sdk.log_module


def test_an_encrypted_structure_comes_back(lab: Lab) -> None:
    table = sa.Table(
        "mod_product_echo_kept",
        sa.MetaData(),
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("what", sdk.EncryptedJSON),
    )
    with sdk.db.transaction() as current:
        table.create(current.connection())
        current.execute(table.insert().values(id=1, what={"key": "open sesame"}))
    assert session().scalar(sa.select(table.c.what)) == {"key": "open sesame"}
    assert "sesame" not in str(
        session().execute(sa.text("SELECT what FROM mod_product_echo_kept")).scalar()
    )


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    [
        ("PUQPANEL_MODULE_LOG_DAYS", "30", "overrides", {"retention.module_log_days": 30}),
        ("PUQPANEL_DEV", "yes", "dev", True),
        ("PUQPANEL_TASK_DAYS", "10", "overrides", {"retention.task_days": 10}),
    ],
)
def test_settings_come_from_the_environment(
    name: str, text: str, field: str, value: object
) -> None:
    assert getattr(Settings.load({name: text}), field) == value
    with pytest.raises(UserError, match=name):
        Settings.load({name: "perhaps"})


def test_a_lab_with_pages_and_without_a_provider(tmp_path: Path) -> None:
    with supplied(write_module(tmp_path, RESTING), product={"size": 7}) as (lab, given):
        assert given.faults is None
        assert lab.module(SERVICE).product_data == {"size": 7}
        with pages(lab) as panel:
            assert isinstance(panel, Pages)
            assert panel.anybody.get("/admin/modules/").status_code == 302
            assert "Echo" in panel.staff().get("/admin/modules/").text
