"""A retry asks for the permission of what it repeats."""

from __future__ import annotations

import pytest

from puqpanel.app import Panel
from puqpanel.domain.errors import PermissionDenied
from puqpanel.domain.principals import CLI, Principal, PrincipalKind
from puqpanel.infra.db import session, transaction
from puqpanel.models import Service, Task
from puqpanel.operations.oversight import tasks
from tests.sample import make_service


def having(*permissions: str) -> Principal:
    return Principal(PrincipalKind.STAFF, 1, "Staff", permissions=frozenset(permissions))


def failed(subject_type: str, subject_uuid: str, **data: str) -> str:
    """Add a failed task and return its UUID."""
    with transaction() as current:
        task = Task(
            job="ModuleJob",
            queue="Module",
            title="A task",
            status="failed",
            data=data,
            subject_type=subject_type,
            subject_uuid=subject_uuid,
        )
        current.add(task)
        current.flush()
        return str(task.uuid)


def test_a_failed_termination_is_retried_with_its_permission_only(panel: Panel) -> None:
    service = make_service(CLI, "")
    with transaction():
        row = session().get_one(Service, service.id)
        row.status, row.provision_status, row.verb = "active", "failed", "terminate"
    uuid = failed("service", service.uuid, verb="terminate")
    for actor in (having("services.view", "services.provision"), having("tasks.manage")):
        with pytest.raises(PermissionDenied):
            tasks.retry_last_task(actor=actor, service_uuid=service.uuid)
    for actor in (
        having("tasks.manage", "services.provision"),
        having("services.terminate", "services.view"),
    ):
        with pytest.raises(PermissionDenied):
            tasks.retry_task(actor=actor, uuid=uuid)
    assert tasks.find_task(uuid).status == "failed"
    owner = having("services.view", "services.terminate")
    assert tasks.retry_last_task(actor=owner, service_uuid=service.uuid).status == "queued"


@pytest.mark.parametrize(
    ("subject", "data", "permission"),
    [
        ("product", {}, "products.manage"),
        ("gateway", {}, "gateways.manage"),
        ("sender", {}, "senders.manage"),
        ("module", {"entry": "nightly"}, "schedule.manage"),
        ("service", {"method": "helper_job"}, "services.terminate"),
    ],
)
def test_a_retry_needs_the_permission_of_its_subject(
    panel: Panel, subject: str, data: dict[str, str], permission: str
) -> None:
    uuid = failed(subject, "a-subject", **data)
    with pytest.raises(PermissionDenied, match=permission):
        tasks.retry_task(actor=having("tasks.manage", "services.provision"), uuid=uuid)
