"""Provisioning of ordered services: the task that requests one from its module."""

from __future__ import annotations

from puqpanel.domain.principals import AUTOMATION
from puqpanel.domain.task_states import OnLoss
from puqpanel.models import Service
from puqpanel.tasks import add


def provision(service: Service) -> None:
    """Add the task that requests a service from its module; it does nothing the second time."""
    add.add(
        job="ProvisionJob",
        queue="System",
        data={"service": service.uuid},
        title="Provision an ordered service",
        subject_type="service",
        subject_uuid=service.uuid,
        tries=5,
        backoff=60,
        on_loss=OnLoss.REPEAT,
        actor=AUTOMATION,
    )
