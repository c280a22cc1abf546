"""Which module is being called just now, and for whom.

Set around every call, read by what the SDK does on its behalf.
"""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime

from puqpanel.domain.principals import Principal


@dataclass(frozen=True)
class Context:
    """One call of a module.

    Attributes:
        type: of the module.
        name: of the module.
        package: name of its Python package.
        service_uuid: the service that the call is about, if any.
        product_uuid: the product that it is about, if any.
        task_id: the task that it is part of, if any.
        attempt: number of the task's attempt.
        actor: whose permissions the call has, if any.
        request_id: of the request that it is part of, else empty.
        instance_uuid: the gateway or sender that it is about, else empty.
        asked_by: who requested the task; the call does not have their permissions.
        limits: until when providers refuse its requests, by method and address.
    """

    type: str
    name: str
    package: str = ""
    service_uuid: str | None = None
    product_uuid: str | None = None
    task_id: int | None = None
    attempt: int | None = None
    actor: Principal | None = None
    request_id: str = ""
    instance_uuid: str = ""
    asked_by: Principal | None = None
    limits: dict[tuple[str, str], datetime] = field(default_factory=dict, compare=False)

    @property
    def wait_until(self) -> datetime | None:
        """Until when the last of its limits asks to wait; None without a limit."""
        return max(self.limits.values(), default=None)

    @property
    def key(self) -> str:
        """`Product/MyCloudService`."""
        return f"{self.type}/{self.name}"

    @property
    def viewed(self) -> bool:
        """Whether staff who view the client area as a user see what this call returns."""
        actor = self.actor
        return actor is not None and actor.impersonated_by is not None and self.task_id is None

    @property
    def prefix(self) -> str:
        """What the module's table names begin with."""
        return table_prefix(self.type, self.name)


context: ContextVar[Context | None] = ContextVar("module_call", default=None)


def table_prefix(module_type: str, name: str) -> str:
    """`mod_product_mycloudservice_`."""
    return f"mod_{module_type}_{name}_".lower()


def current() -> Context | None:
    """Return the call that is running here, or None outside one."""
    return context.get()


@contextlib.contextmanager
def entered(call: Context) -> Iterator[None]:
    """Mark what runs inside as this call's."""
    token = context.set(call)
    try:
        yield
    finally:
        context.reset(token)
