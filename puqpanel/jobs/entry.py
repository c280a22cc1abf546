"""The handlers of jobs, and the function that the queue names; see `infra.queue.ENTRY`."""

from __future__ import annotations

from puqpanel.jobs.bulk import BulkJob
from puqpanel.jobs.changes import ChangeJob
from puqpanel.jobs.charges import ChargeJob, RemoveMethodJob
from puqpanel.jobs.endings import CancelledJob, EndJob
from puqpanel.jobs.exports import ExportJob
from puqpanel.jobs.hooks import HookJob
from puqpanel.jobs.maintenance import MaintenanceJob
from puqpanel.jobs.modules import ModuleJob
from puqpanel.jobs.notifications import NotificationJob
from puqpanel.jobs.observations import ObserveJob, ReconcileJob
from puqpanel.jobs.orders import FraudJob, ProvisionJob
from puqpanel.jobs.payments import PaymentEventJob, PaymentPollJob, RefundJob
from puqpanel.jobs.steps import ApprovedRunJob, StepJob
from puqpanel.jobs.vat_numbers import VatCheckJob
from puqpanel.tasks import run as engine
from puqpanel.tasks.outcome import Handlers

HANDLERS: Handlers = {
    "ApprovedRunJob": ApprovedRunJob(),
    "BulkJob": BulkJob(),
    "CancelledJob": CancelledJob(),
    "ChangeJob": ChangeJob(),
    "ChargeJob": ChargeJob(),
    "EndJob": EndJob(),
    "ExportJob": ExportJob(),
    "FraudJob": FraudJob(),
    "HookJob": HookJob(),
    "MaintenanceJob": MaintenanceJob(),
    "ModuleJob": ModuleJob(),
    "NotificationJob": NotificationJob(),
    "ObserveJob": ObserveJob(),
    "PaymentEventJob": PaymentEventJob(),
    "PaymentPollJob": PaymentPollJob(),
    "ProvisionJob": ProvisionJob(),
    "ReconcileJob": ReconcileJob(),
    "RefundJob": RefundJob(),
    "RemoveMethodJob": RemoveMethodJob(),
    "StepJob": StepJob(),
    "VatCheckJob": VatCheckJob(),
}


def run(task_id: int) -> None:
    """Run a delivered task in the app context of the worker."""
    engine.run(task_id, HANDLERS)
