"""Background work: enqueue a call of a module's method."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from puqpanel.domain.errors import UserError
from puqpanel.domain.principals import AUTOMATION
from puqpanel.host import context
from puqpanel.host.contract.base import ModuleBase
from puqpanel.host.contract.names import python_keys, python_name
from puqpanel.infra.db import transaction
from puqpanel.sdk.rules import to_integer
from puqpanel.tasks import add as engine
from puqpanel.tasks import fence

_NUMBERS = {"tries": 1, "backoff": 10, "timeout": 600, "max_exceptions": 2, "delay": 0}


@dataclass(frozen=True)
class Task:
    """A task as it was enqueued.

    Attributes:
        uuid: the task's uuid.
        status: its status, `queued` unless it is a duplicate.
        duplicate: True if an equal task was waiting already and is returned instead.
    """

    uuid: str
    status: str
    duplicate: bool = False

    @classmethod
    def add(
        cls,
        job_name: str = "ModuleJob",
        queue: str = "Module",
        data: Mapping[str, Any] | None = None,
        tags: Iterable[str] = (),
    ) -> "Task":
        """Enqueue one call of a method of the module.

        The task is a row in the caller's transaction and reaches a worker after the commit. An
        equal task that is still waiting is returned instead of a second one.

            Task.add(
                "ModuleJob",
                "Module",
                {"module": self, "method": "sync_job", "timeout": 120},
                ["sync", f"service:{self.service_uuid}"],
            )

        Args:
            job_name: always `ModuleJob`.
            queue: the queue's name, `Module`.
            data: `module` (the instance) and `method` are required. Options, times in seconds:
                `tries` 1, `backoff` 10, `timeout` 600, `max_exceptions` 2, `delay` 0. Any other key
                must hold JSON and is available to the job in `self.task_data`.
            tags: labels to find the task by, such as `service:{uuid}`.

        Raises:
            UserError: the method does not exist, or a value is not JSON.
        """
        if job_name != "ModuleJob":
            raise UserError(f"Modules can only enqueue the job ModuleJob, not “{job_name}”.")
        options = python_keys(dict(data or {}))
        module = options.pop("module", None)
        if not isinstance(module, ModuleBase):
            raise UserError("Task.add needs the module instance under “module”.")
        method = python_name(str(options.pop("method", "") or ""))
        if not method or method.startswith("__") or not callable(getattr(module, method, None)):
            raise UserError(
                f"{type(module).__name__} has no method {method or '(none given)'}() for a task."
            )
        numbers: dict[str, Any] = {}
        for name, default in _NUMBERS.items():
            value = options.pop(name, default)
            number = to_integer(value)
            numbers[name] = value if number is None else number
        service = getattr(module, "service_uuid", None) or ""
        target = {
            "type": module.module_type or module.contract_type,
            "name": module.module_name or type(module).__name__,
            "product": getattr(module, "product_uuid", None),
            "service": service or None,
        }
        on_loss = getattr(module, "on_loss", None)
        call = context.current()
        subject_type, subject_uuid = _subject(target, call.instance_uuid if call else "")
        with transaction():
            fence.check()
            row = engine.add(
                job=job_name,
                queue=str(queue),
                data={**options, "module": target, "method": method},
                tags=[str(tag) for tag in ([tags] if isinstance(tags, str) else tags)],
                title=f"{target['name']}: {method.removesuffix('_job').replace('_', ' ')}",
                module=f"{target['type']}/{target['name']}",
                subject_type=subject_type,
                subject_uuid=subject_uuid,
                on_loss=on_loss(method) if callable(on_loss) else "lose",
                actor=call.actor if call and call.actor else AUTOMATION,
                **numbers,
            )
            return cls(row.uuid, str(row.status), bool(getattr(row, "is_duplicate", False)))


_CONFIGURED = {"Payment": "gateway", "Notification": "sender"}


def _subject(target: Mapping[str, Any], configured: str) -> tuple[str, str]:
    """Return type and uuid of the object that a task is about; empty for the module itself."""
    if target["service"]:
        return "service", target["service"]
    if configured and target["type"] in _CONFIGURED:
        return _CONFIGURED[target["type"]], configured
    return ("product", target["product"]) if target["product"] else ("", "")
