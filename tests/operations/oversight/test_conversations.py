"""What a task's conversation holds: the module's own rows and the log, nobody else's, and
nothing secret, on each database.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.errors import UserError
from puqpanel.domain.principals import Principal
from puqpanel.host import calls
from puqpanel.infra.db import session, transaction
from puqpanel.infra.settings import Settings
from puqpanel.live import Live, dismantle
from puqpanel.models import ModuleLog, Task
from puqpanel.operations.oversight.conversations import STAND_IN, conversation
from puqpanel.operations.provisioning.services import find_service
from puqpanel.tasks import add
from tests.sample import activate, make_client, make_service, write_module

SECRET = "opensesame-77"
ECHO = """
    from puqpanel.sdk import DB, Product, Schema, encrypt, now

    class Echo(Product):
        def activate(self):
            def places(table):
                table.id()
                table.string("host")
                table.text("api_key")
                table.boolean("active")
                table.timestamps()
            def accounts(table):
                table.id()
                table.uuid("service_uuid")
                table.string("name")
                table.foreign("service_uuid").references("uuid").on("services")
            Schema.create("places", places)
            Schema.create("accounts", accounts)
            return "success"

        def enter(self, services):
            DB.table("places").insert({"host": "cloud-1", "api_key": encrypt("opensesame-77"), "active": True, "created_at": now(), "updated_at": now()})
            for name, uuid in services.items():
                DB.table("accounts").insert({"service_uuid": uuid, "name": name})

        def create_job(self):
            return {"status": "error", "message": "no"}
"""


@pytest.fixture
def told(settings: Settings, app: Panel, staff: Principal, tmp_path: Any) -> Any:
    settings = replace(settings, modules_dir=tmp_path / "modules")
    write_module(tmp_path / "modules", ECHO)
    app.settings = settings
    with app.app_context():
        activate(app, staff)
    panel = Live(settings).ensure()
    with panel.app_context():
        client = make_client(staff)[0]
        mine, other = (
            make_service(staff, config={"plan": "s", "api_key": SECRET}, client=client).uuid
            for _ in range(2)
        )
        calls.invoke(
            calls.Call(
                panel.registry.modules["Product/Echo"], "enter", ({"mine": mine, "other": other},)
            )
        )
        with transaction() as current:
            find_service(mine).provision_data = {"password": "another-secret-1"}
            task = add.add(
                job="ModuleJob",
                data={"module": {"service": mine}, "method": "create_job", "verb": "create"},
                module="Product/Echo",
                subject_type="service",
                subject_uuid=mine,
            )
            for request, response in (
                (
                    {
                        "request": "POST https://cloud.test/v1/accounts/opensesame-77",
                        "query": {"dry": "1"},
                        "body": {"name": "x"},
                    },
                    {"status": 409, "body": {"error": f"not {SECRET}"}},
                ),
                (
                    {"request": "GET https://user:pw123456@cloud.test/"},
                    {"error": "The other side did not answer in time.", "lost": True},
                ),
                ({"something": "of the module's own"}, {"status": 1}),
            ):
                current.add(
                    ModuleLog(
                        type="Product",
                        name="Echo",
                        level="info",
                        action="x",
                        task_id=task.id,
                        attempt=1,
                        request=json.dumps(request),
                        response=json.dumps(response),
                    )
                )
        yield conversation(session().scalars(sa.select(Task).where(Task.id == task.id)).one())
    dismantle(panel)


def test_conversation_contains_no_secrets(told: dict[str, Any]) -> None:
    text = json.dumps(told)
    for secret in (SECRET, "another-secret-1", "pw123456"):
        assert secret not in text
    assert [(one["method"], one["host"], one["path"]) for one in told["exchanges"]] == [
        ("POST", "cloud.test", f"/v1/accounts/{STAND_IN}"),
        ("GET", "cloud.test", "/"),
    ]
    assert told["exchanges"][0]["query"] == {"dry": "1"}
    assert (told["exchanges"][0]["status"], told["exchanges"][1]["lost"]) == (409, True)
    assert told["product"] == {"plan": "s", "api_key": STAND_IN}
    assert told["service"]["provision_data"] == {"password": STAND_IN}


def test_conversation_contains_no_rows_of_other_services(told: dict[str, Any]) -> None:
    (place,) = told["tables"]["mod_product_echo_places"]
    assert (place["host"], place["active"], place["api_key"]) == (
        "cloud-1",
        1,
        {"encrypted": STAND_IN},
    )
    assert isinstance(place["created_at"], str)
    assert [row["name"] for row in told["tables"]["mod_product_echo_accounts"]] == ["mine"]


def test_only_module_jobs_have_a_conversation(panel: Panel) -> None:
    with pytest.raises(UserError, match="only module jobs"):
        conversation(Task(job="BillingJob", module=""))
