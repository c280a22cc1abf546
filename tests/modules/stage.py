"""A service on a real module, and its jobs called as a worker calls them, without the waiting
between two attempts.
"""

from __future__ import annotations

import sys
from typing import Any

import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.actors import Actor
from puqpanel.host import calls
from puqpanel.host.contract.result import Result
from puqpanel.host.loaded import LoadedModule
from puqpanel.infra.db import db, release, session
from puqpanel.models import Client, Service, Task
from puqpanel.operations.provisioning import services, settlement
from tests.sample import make_client, make_service

STAFF = Actor("staff", None, "A test")
VERBS = ("create_job", "suspend_job", "unsuspend_job", "change_package_job", "termination_job")


class Stage:
    """One module of the project's, switched on."""

    def __init__(self, panel: Panel, name: str) -> None:
        self.panel = panel
        self.module: LoadedModule = panel.registry.modules[f"Product/{name}"]
        self.client = session().scalar(sa.select(Client)) or make_client(STAFF)[0]

    def part(self, name: str) -> Any:
        """A file of the module, as it is loaded: `models.servers`."""
        return sys.modules[f"{self.module.package}.{name}"]

    def sell(self, config: dict[str, Any], data: dict[str, Any] | None = None) -> str:
        """A pending service of a product with this configuration; its uuid."""
        service = make_service(STAFF, self.module.key, config, self.client)
        if data is not None:
            services.save_service_data(actor=STAFF, uuid=service.uuid, data=data)
        return service.uuid

    def call(self, uuid: str, method: str, *args: Any, **kwargs: Any) -> calls.Called:
        """Call a method for a service; an exception is the test's failure."""
        db.session.expire_all()
        release()
        called = calls.invoke(calls.Call(self.module, method, args, service_uuid=uuid, **kwargs))
        assert not called.raised, called.error
        return called

    def job(self, uuid: str, method: str) -> Result:
        """Run a job, and keep what it found out as the worker does."""
        # with a task as in a worker: a call without one is somebody waiting for a page, and does
        # not wait long
        called = self.call(uuid, method, task=Task(id=1, attempt=1, data={}))
        settlement.keep_service_data(service_uuid=uuid, changes=called.service_changes)
        return called.result

    def service(self, uuid: str) -> Service:
        """The service as it is stored now."""
        db.session.expire_all()
        release()
        return services.find_service(uuid)

    def observe(self, uuid: str) -> Any:
        """What the module says exists; None where it could not tell."""
        from puqpanel.jobs.modules import observed

        return observed(self.call(uuid, "observe"))
