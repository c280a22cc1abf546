"""The lab, with the lifecycle test of the vendor's guide as written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from puqpanel.infra import crypto
from puqpanel.sdk.testing import Lab
from tests.sample import write_module

GUIDE = """
    import secrets
    from puqpanel.sdk import Product, Service, Task, Validator, Schema, DB, generateStrongPassword

    class MyHostingService(Product):
        def activate(self):
            Schema.create("hosting_accounts", lambda table: (table.id(), table.uuid("service_uuid"), table.foreign("service_uuid").references("uuid").on("services")))
            return "success"

        def getProductData(self, data=None):
            self.product_data = {key: (data or {}).get(key, "") for key in ("server_location", "plan_type", "disk_space", "bandwidth")}
            return self.product_data

        def saveProductData(self, data=None):
            validator = Validator.make(data, {
                "server_location": "required|string",
                "plan_type": "required|in:basic,premium,enterprise",
                "disk_space": "required|integer|min:1",
                "bandwidth": "required|integer|min:1",
            })
            if validator.fails():
                return {"status": "error", "message": validator.errors(), "code": 422}
            return {"status": "success", "data": data, "code": 200}

        def queueModuleTask(self, method, tags=(), tries=1):
            Task.add("ModuleJob", "Module", {"module": self, "method": method, "tries": tries, "backoff": 60, "timeout": 600, "maxExceptions": 1}, list(tags))
            return {"status": "success"}

        def create(self):
            Service.find(self.service_uuid).setProvisionStatus("processing")
            return self.queueModuleTask("createJob", ["create"])

        def createJob(self):
            service = Service.find(self.service_uuid)
            service.setProvisionStatus("processing")
            self.service_data["username"] = "u" + str(secrets.randbelow(10**6))
            self.service_data["password"] = generateStrongPassword(10)
            service.setProvisionData(self.service_data)
            DB.table("hosting_accounts").insert({"service_uuid": self.service_uuid})
            service.setProvisionStatus("completed")
            self.logInfo("createJob", "Service created successfully", {"password": self.service_data["password"]})
            return {"status": "success", "data": {}}

        def suspendJob(self):
            return {"status": "success"}
        def unsuspend(self):
            return self.queueModuleTask("unsuspendJob", ["unsuspend", "service:" + self.service_uuid])
        def unsuspendJob(self):
            Service.find(self.service_uuid).setProvisionStatus("completed")
            return {"status": "success"}
        def terminationJob(self):
            Service.find(self.service_uuid).setProvisionStatus("terminated")
            return {"status": "success"}
"""


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with Lab(write_module(tmp_path, GUIDE, name="MyHostingService")) as found:
        yield found.activate()


def test_lab_restores_encryption_keys(tmp_path: Path, keys_dir: Path) -> None:
    token = crypto.encrypt("a secret")
    with Lab(write_module(tmp_path, GUIDE, name="MyHostingService")):
        assert crypto.keys_in_use() != keys_dir
    assert crypto.decrypt(token) == "a secret"


def test_complete_service_lifecycle(lab: Lab) -> None:
    module = lab.module()
    module.setServiceUuid("test-uuid")
    for verb in ("create", "suspend", "unsuspend", "termination"):
        result = getattr(module, verb)()
        assert result["status"] == "success", result
    assert lab.tasks() == [
        (job, "completed", "")
        for job in ("create_job", "suspend_job", "unsuspend_job", "termination_job")
    ]
    assert lab.service.provision_status == "terminated"
    assert len(lab.provision_data["password"]) == 10
    assert ("info", "createJob") in lab.log()


def test_product_data(lab: Lab) -> None:
    module: Any = lab.module()
    good = {
        "server_location": "US-East",
        "plan_type": "premium",
        "disk_space": 100,
        "bandwidth": 1000,
    }
    result = module.saveProductData(good)
    assert (result["status"], result["code"]) == ("success", 200)
    result = module.saveProductData(
        {"server_location": "", "plan_type": "invalid", "disk_space": -1}
    )
    assert (result["status"], result["code"]) == ("error", 422)
    assert set(result["message"]) == set(good)
