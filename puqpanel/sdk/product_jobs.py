"""What the panel asks a Product module to do with a service: the verbs and their jobs."""

from typing import Any

import sqlalchemy as sa

from puqpanel.domain.service_states import VERBS
from puqpanel.host import context
from puqpanel.infra.db import session
from puqpanel.models.provisioning.services import Service as ServiceRow
from puqpanel.operations.provisioning import requests
from puqpanel.sdk.module import Module

Answer = dict[str, Any]


class ServiceJobs(Module):
    """The verbs of a service and their jobs, with their defaults."""

    service_uuid: str | None

    # Verbs: called in the request; each marks the service and enqueues its job.

    def create(self) -> Answer:
        """Mark the service as processing and enqueue `create_job`.

        Runs in the request, as do the other verbs: talk to the provider in the job, not here.
        """
        return self._begin("create")

    def suspend(self) -> Answer:
        """Mark the service as processing and enqueue `suspend_job`."""
        return self._begin("suspend")

    def unsuspend(self) -> Answer:
        """Mark the service as processing and enqueue `unsuspend_job`."""
        return self._begin("unsuspend")

    def termination(self) -> Answer:
        """Mark the service as processing and enqueue `termination_job`."""
        return self._begin("terminate")

    def change_package(self) -> Answer:
        """Mark the service as processing and enqueue `change_package_job`."""
        return self._begin("change_package")

    def idle(self) -> Answer:
        """Mark the service as processing and enqueue `idle_job`."""
        return self._begin("idle")

    def unidle(self) -> Answer:
        """Mark the service as processing and enqueue `unidle_job`."""
        return self._begin("unidle")

    def cancellation(self) -> Answer:
        """Mark a service that was never active as processing and enqueue `cancellation_job`."""
        return self._begin("cancellation")

    def retry(self) -> Answer:
        """Repeat the verb that failed last."""
        row = session().scalar(
            sa.select(ServiceRow).where(ServiceRow.uuid == (self.service_uuid or ""))
        )
        rule = VERBS.get(row.verb) if row is not None else None
        if rule is None:
            return {
                "status": "error",
                "message": "There is no failed operation to retry.",
                "code": 409,
            }
        answer: Answer = getattr(self, rule.method)()
        return answer

    def _begin(self, verb: str) -> Answer:
        method = VERBS[verb].job
        if getattr(type(self), method) is getattr(ServiceJobs, method):
            return self._missing(method)
        if not self.service_uuid:
            return {
                "status": "error",
                "message": "No service is loaded; call set_service_uuid() first.",
                "code": 400,
            }
        call = context.current()
        result = requests.enqueue(
            module=type(self),
            verb=verb,
            service_uuid=self.service_uuid,
            actor=call.actor if call else None,
        )
        return {"status": "success"} if result.ok else result.as_dict()

    @classmethod
    def on_loss(cls, method: str) -> str:
        """Return what to do when the worker crashes during a job.

        Args:
            method: the job's method name.

        Returns:
            `"repeat"` runs the job again, `"observe"` calls `observe()`, and
            `"lose"` marks the task as lost and alerts staff.
        """
        return requests.on_loss(cls, method)

    # ServiceJobs: called in a worker, outside any transaction.

    def create_job(self) -> Any:
        """Create the service at the provider.

        Runs in a worker, outside any transaction, as do the other jobs. Save identifiers in
        `self.service_data`. If the provider is still working, return `Result.pending(…)` to be
        called again after the backoff.
        """
        return self._missing("create_job")

    def suspend_job(self) -> Any:
        """Suspend the service at the provider, keeping its data."""
        return self._missing("suspend_job")

    def unsuspend_job(self) -> Any:
        """Unsuspend the service at the provider."""
        return self._missing("unsuspend_job")

    def termination_job(self) -> Any:
        """Delete the service at the provider.

        Succeed if it no longer exists: a retry or a second worker may get here after the deletion.
        """
        return self._missing("termination_job")

    def change_package_job(self) -> Any:
        """Apply the product's current configuration to the service."""
        return self._missing("change_package_job")

    def idle_job(self) -> Any:
        """Idle the service: stop its resources without suspending it."""
        return self._missing("idle_job")

    def unidle_job(self) -> Any:
        """Start the resources of an idle service again."""
        return self._missing("unidle_job")

    def cancellation_job(self) -> Any:
        """Clean up at the provider after a cancelled order."""
        return self._missing("cancellation_job")

    def _missing(self, method: str) -> Answer:
        return requests.missing_job(self.module_name or type(self).__name__, method).as_dict()
