"""Background work: `Task.add("ModuleJob", "Module", {"module": self, "method": "create_job"},
["create"])`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from puqpanel.domain.actors import SYSTEM
from puqpanel.domain.errors import UserError
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
    """A task as it was added.

    `duplicate` says that its like was waiting already, and that this is that one.
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
        """Queues one call of a method of the module.

        Args:
            job_name: `ModuleJob`.
            queue: the queue's documented name.
            data: module (the instance) and method are required; tries 1, backoff 10, timeout 600,
                max_exceptions 2 and delay 0, all in seconds where they are times, are the defaults;
                further keys must be JSON and are in `self.task_data` of the job.
            tags: words to find it by, `service:{uuid}` among them.

        Raises: UserError when the method is missing or a value cannot travel.
        """
        if job_name != "ModuleJob":
            raise UserError(f"A module adds tasks of the job ModuleJob, not “{job_name}”.")
        given = python_keys(dict(data or {}))
        module = given.pop("module", None)
        if not isinstance(module, ModuleBase):
            raise UserError("Task.add needs the module instance under “module”.")
        method = python_name(str(given.pop("method", "") or ""))
        if not method or method.startswith("__") or not callable(getattr(module, method, None)):
            raise UserError(
                f"{type(module).__name__} has no method {method or '(none given)'}() for a task."
            )
        numbers: dict[str, Any] = {}
        for name, default in _NUMBERS.items():
            value = given.pop(name, default)
            number = to_integer(value)
            numbers[name] = value if number is None else number
        service = getattr(module, "service_uuid", None) or ""
        place = {
            "type": module.module_type or module.contract_type,
            "name": module.module_name or type(module).__name__,
            "product": getattr(module, "product_uuid", None),
            "service": service or None,
        }
        on_loss = getattr(module, "on_loss", None)
        call = context.current()
        with transaction():
            fence.check()
            row = engine.add(
                job=job_name,
                queue=str(queue),
                data={**given, "module": place, "method": method},
                tags=[str(tag) for tag in ([tags] if isinstance(tags, str) else tags)],
                title=f"{place['name']}: {method.removesuffix('_job').replace('_', ' ')}",
                module=f"{place['type']}/{place['name']}",
                service_uuid=service,
                on_loss=on_loss(method) if callable(on_loss) else "lose",
                actor=call.actor if call and call.actor else SYSTEM,
                **numbers,
            )
            return cls(row.uuid, str(row.status), bool(getattr(row, "is_duplicate", False)))
