"""A handle on a service: what a module may read of it and the two things it may write."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.actors import SYSTEM, Actor
from puqpanel.domain.errors import NotFoundError
from puqpanel.domain.money import Money
from puqpanel.host import context
from puqpanel.host.contract.names import bind
from puqpanel.infra.db import release, session, transaction
from puqpanel.models.provisioning.services import Service as Row
from puqpanel.operations.provisioning import settlement
from puqpanel.tasks import fence


@dataclass(frozen=True)
class ServiceCurrency:
    """`client.currency.code`."""

    code: str


@dataclass(frozen=True)
class ServiceClient:
    """Who has the service."""

    uuid: str
    name: str
    email: str
    company: str
    country: str
    currency: ServiceCurrency


@dataclass(frozen=True)
class ServiceProduct:
    """What was sold. `module` is its module's key."""

    uuid: str
    name: str
    module: str


@bind
class Service:
    """One service, as it was when it was read; `refresh()` reads it again."""

    def __init__(self, row: Row) -> None:
        self._take(row)

    def _take(self, row: Row) -> None:
        # Plain values only: a row of the panel's must not outlive the call in a module's hands.
        self.uuid: str = row.uuid
        self.name: str = row.name
        self.status: str = str(row.status)
        self.provision_status: str = str(row.provision_status)
        self.price: Money = row.price
        self.period: str = str(row.period)
        product, client = row.product, row.client
        self.product = ServiceProduct(product.uuid, product.name, product.module)
        currency = ServiceCurrency(client.currency)
        self.client = ServiceClient(
            client.uuid, client.name, client.email, client.company, client.country, currency
        )

    @property
    def customer(self) -> ServiceClient:
        """The client, by the other name of the texts."""
        return self.client

    def __repr__(self) -> str:
        return f"Service({self.uuid}, {self.status}, {self.provision_status})"

    @classmethod
    def find(cls, uuid: str | None) -> "Service":
        """The service of that uuid. Raises NotFoundError."""
        row = session().scalar(
            sa.select(Row)
            .where(Row.uuid == str(uuid or ""))
            .execution_options(populate_existing=True)
        )
        if row is None:
            raise NotFoundError(f"There is no service {uuid}.")
        return cls(row)

    @classmethod
    def all(cls) -> "list[Service]":
        """All services; for many of them use `chunk`."""
        return ServiceQuery().get()

    @classmethod
    def with_(cls, *relations: Any) -> "ServiceQuery":
        """Services with what they refer to.

        Product and client always come along, so the names are only for the reader.
        """
        return ServiceQuery()

    @classmethod
    def chunk(cls, size: int, each: Callable[[list["Service"]], Any]) -> None:
        """Calls `each` with lists of at most `size` services until all were seen or it answers
        False.
        """
        ServiceQuery().chunk(size, each)

    def refresh(self) -> "Service":
        """Reads it again."""
        self.__dict__.update(vars(Service.find(self.uuid)))
        return self

    def set_provision_status(self, status: str) -> "Service":
        """Says what the provider has: pending, processing, completed, suspended, terminated, failed
        or not_found.

        Raises: ConflictError when that cannot follow what it is now (the same again may).
        """
        with transaction():
            fence.check()
            settlement.set_provision_status(
                service_uuid=self.uuid, status=str(status), actor=_actor()
            )
        return self.refresh()

    def set_provision_data(self, data: Mapping[str, Any]) -> "Service":
        """Keeps what a job found out, encrypted; it overlays the form's answers in
        `service_data` from then on.
        """
        with transaction():
            fence.check()
            settlement.set_provision_data(service_uuid=self.uuid, data=dict(data))
        return self


@bind
class ServiceQuery:
    """Many services, in the order in which they were made."""

    def get(self) -> list[Service]:
        """All of them."""
        return [service for part in self._parts(500) for service in part]

    def chunk(self, size: int, each: Callable[[list[Service]], Any]) -> None:
        """As `Service.chunk`."""
        for part in self._parts(max(1, int(size))):
            if each(part) is False:
                return

    def _parts(self, size: int) -> Iterator[list[Service]]:
        last = 0
        while True:
            rows = (
                session()
                .scalars(sa.select(Row).where(Row.id > last).order_by(Row.id).limit(size))
                .all()
            )
            if not rows:
                return
            last = rows[-1].id
            part = [Service(row) for row in rows]
            for row in rows:
                session().expunge(row)
            release()
            yield part


def _actor() -> Actor:
    call = context.current()
    return call.actor if call and call.actor else SYSTEM
