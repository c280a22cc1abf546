"""Counts of what needs attention, for the sidebar and the status of the workers."""

from __future__ import annotations

import time
from dataclasses import dataclass

import sqlalchemy as sa
from flask import current_app

from puqpanel.domain.module_states import ModuleStatus
from puqpanel.domain.order_states import OrderStatus
from puqpanel.domain.payment_states import PaymentStatus
from puqpanel.domain.service_states import ProvisionStatus
from puqpanel.domain.task_states import TaskStatus
from puqpanel.infra import clock, queue
from puqpanel.infra.db import session
from puqpanel.models import (
    Heartbeat,
    Module,
    Order,
    Payment,
    Service,
    ServiceDifference,
    Task,
)
from puqpanel.operations.ordering import manual_changes
from puqpanel.operations.oversight.process_checks import SILENT

CAP = 99
CACHE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Attention:
    """Counts for the sidebar, each capped at CAP + 1.

    Args:
        services: services whose provisioning failed.
        orders: orders that wait for acceptance.
        payments: parked payments.
        differences: services that differ from their providers.
        modules: active modules that do not work.
        tasks: lost tasks.
        running: running tasks.
        workers: workers with a recent heartbeat.
        queue: whether the queue server responds.
    """

    services: int = 0
    orders: int = 0
    payments: int = 0
    differences: int = 0
    modules: int = 0
    tasks: int = 0
    running: int = 0
    workers: int = 0
    queue: bool = True


def attention() -> Attention:
    """Return the counts for the sidebar: one query, cached in the process for a few seconds."""
    cached: tuple[float, Attention] | None = current_app.extensions.get("puqpanel-attention")
    now = time.monotonic()
    if cached and now - cached[0] < CACHE_SECONDS:
        return cached[1]

    def capped(
        model: type[Service | Order | Payment | ServiceDifference | Task | Module | Heartbeat],
        *where: sa.ColumnElement[bool],
    ) -> sa.ScalarSelect[int]:
        rows = sa.select(model.id).where(*where).limit(CAP + 1).subquery()
        return sa.select(sa.func.count()).select_from(rows).scalar_subquery()

    alive = Heartbeat.is_near(clock.now(), SILENT)
    failed_services = Service.provision_status.in_(
        [ProvisionStatus.FAILED, ProvisionStatus.NOT_FOUND]
    )
    broken_modules = sa.or_(
        Module.status.in_([ModuleStatus.RESTRICTED, ModuleStatus.ERROR]),
        sa.and_(Module.status == ModuleStatus.ACTIVE, Module.circuit_open_reason != ""),
    )
    services, orders, payments, differing, modules, tasks, running, workers = (
        session()
        .execute(
            sa.select(
                capped(Service, failed_services) + capped(Service, manual_changes.TO_DO),
                capped(Order, Order.status == OrderStatus.WAITING),
                capped(Payment, Payment.status == PaymentStatus.PARKED),
                capped(ServiceDifference),
                capped(Module, broken_modules),
                capped(Task, Task.status == TaskStatus.LOST),
                capped(Task, Task.status == TaskStatus.RUNNING),
                capped(Heartbeat, Heartbeat.kind == "worker", alive),
            )
        )
        .one()
    )
    attention = Attention(
        services, orders, payments, differing, modules, tasks, running, workers, queue.ping()
    )
    current_app.extensions["puqpanel-attention"] = (now, attention)
    return attention
