"""Call the jobs of a module for a service as a worker does, without delays between attempts."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.principals import Principal, PrincipalKind
from puqpanel.host import calls
from puqpanel.host.contract.result import Result
from puqpanel.host.loaded import LoadedModule
from puqpanel.infra.clock import now
from puqpanel.infra.db import db, release, session, transaction
from puqpanel.models import Client, Service, Task
from puqpanel.operations.provisioning import observations, services, settlement
from tests.sample import make_client, make_service

STAFF = Principal(PrincipalKind.STAFF, None, "A test", permissions=frozenset({"*"}))
VERBS = ("create_job", "suspend_job", "unsuspend_job", "change_package_job", "termination_job")


class ModuleHarness:
    """An active product module of the project."""

    def __init__(self, panel: Panel, name: str) -> None:
        self.panel = panel
        self.module: LoadedModule = panel.registry.modules[f"Product/{name}"]
        self.client = session().scalar(sa.select(Client)) or make_client(STAFF)[0]

    def part(self, name: str) -> Any:
        """Return a loaded file of the module, such as `models.servers`."""
        return sys.modules[f"{self.module.package}.{name}"]

    def add_service(self, config: dict[str, Any], data: dict[str, Any] | None = None) -> str:
        """Add a pending service of a product with this configuration; return its uuid."""
        service = make_service(STAFF, self.module.key, config, self.client)
        if data is not None:
            services.save_service_data(actor=STAFF, uuid=service.uuid, data=data)
        return service.uuid

    def call(self, uuid: str, method: str, *args: Any, **kwargs: Any) -> calls.Called:
        """Call a method for a service; an exception fails the test."""
        db.session.expire_all()
        release()
        called = calls.invoke(calls.Call(self.module, method, args, service_uuid=uuid, **kwargs))
        assert not called.raised, called.error
        return called

    def job(self, uuid: str, method: str) -> Result:
        """Run a job and save the service's data as a worker does."""
        # With a task, as in a worker: HTTP calls without one use the short timeouts of pages.
        called = self.call(uuid, method, task=Task(id=1, attempt=1, data={}))
        settlement.keep_service_data(service_uuid=uuid, changes=called.service_changes)
        return called.result

    def service(self, uuid: str) -> Service:
        """Return the service as it is stored now."""
        db.session.expire_all()
        release()
        return services.find_service(uuid)

    def observe(self, uuid: str) -> Any:
        """Return what the module observes, or None if the state is unknown."""
        from puqpanel.jobs.modules import observed

        observation = observed(self.call(uuid, "observe"))
        return observation.as_dict() if observation else None

    def compare(self, uuid: str, status: str, provision_status: str) -> Any:
        """Give the service states, and return how it differs from what the module observes."""
        from puqpanel.jobs.modules import observed

        with transaction():
            service = services.lock_service(uuid)
            service.status, service.provision_status = status, provision_status
        observation = observed(self.call(uuid, "observe"))
        assert observation is not None
        recorded = observations.record(
            service_uuid=uuid, observation=observation, asked_at=now() + timedelta(seconds=1)
        )
        assert recorded[0]
        return recorded[1]
