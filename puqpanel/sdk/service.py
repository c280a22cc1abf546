"""A handle on a service: its data, its provision status and its provision data."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.errors import NotFoundError
from puqpanel.domain.money import Money
from puqpanel.domain.principals import AUTOMATION, Principal
from puqpanel.host import context
from puqpanel.host.contract.names import bind
from puqpanel.infra.db import release, session, transaction
from puqpanel.infra.known_secrets import MASK
from puqpanel.models.provisioning.services import Service as Row
from puqpanel.operations.provisioning import settlement
from puqpanel.sdk.web import refuse_impersonation
from puqpanel.tasks import fence


@dataclass(frozen=True)
class ServiceCurrency:
    """The client's currency; `code` is its ISO 4217 code."""

    code: str


@dataclass(frozen=True)
class ServiceClient:
    """The client that owns the service.

    Attributes:
        uuid: the client's uuid.
        name: the contact's name.
        email: the contact's e-mail address.
        company: the company's name, or empty.
        country: the ISO 3166 alpha-2 code, or empty.
        currency: the currency in which the client is billed.
    """

    uuid: str
    name: str
    email: str
    company: str
    country: str
    currency: ServiceCurrency


@dataclass(frozen=True)
class ServiceProduct:
    """The product that was ordered.

    Attributes:
        uuid: the product's uuid.
        name: the product's name.
        module: the key of its module, `Product/MyCloud`.
    """

    uuid: str
    name: str
    module: str


@bind
class Service:
    """One service at the time it was read; call `refresh()` to read it again.

    Attributes:
        uuid: the service's uuid.
        name: the service's name.
        status: what the customer bought: pending, active, suspended, terminated, cancelled or
            fraud.
        provision_status: what exists at the provider; see `set_provision_status`.
        price: the recurring price; `price.major` is a Decimal, `price.currency` the code.
        period: the billing period.
        product: the product, with `uuid`, `name` and `module`.
        client: the client, with `uuid`, `name`, `email`, `company`, `country` and `currency.code`.
    """

    def __init__(self, row: Row) -> None:
        self._take(row)

    def _take(self, row: Row) -> None:
        # plain values: rows of the panel must not reach a module
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
        """The same as `client`."""
        return self.client

    def __repr__(self) -> str:
        return f"Service({self.uuid}, {self.status}, {self.provision_status})"

    @classmethod
    def find(cls, uuid: str | None) -> "Service":
        """Return the service with this uuid.

        Raises:
            NotFoundError: there is no such service.
        """
        row = session().scalar(
            sa.select(Row)
            .where(Row.uuid == str(uuid or ""))
            .execution_options(populate_existing=True)
        )
        if row is None:
            raise NotFoundError(f"Service {uuid} not found.")
        return cls(row)

    @classmethod
    def all(cls) -> "list[Service]":
        """Return all services; use `chunk` if there may be many."""
        return ServiceQuery().get()

    @classmethod
    def with_(cls, *relations: Any) -> "ServiceQuery":
        """Return a query over all services.

        Args:
            relations: accepted for ported code; product and client are always loaded.
        """
        return ServiceQuery()

    @classmethod
    def chunk(cls, size: int, each: Callable[[list["Service"]], Any]) -> None:
        """Call a function with successive lists of services.

        Args:
            size: the largest number of services in a list.
            each: the function; returning False stops the iteration.
        """
        ServiceQuery().chunk(size, each)

    def refresh(self) -> "Service":
        """Read the service again and return it."""
        self.__dict__.update(vars(Service.find(self.uuid)))
        return self

    def set_provision_status(self, status: str) -> "Service":
        """Record what exists at the provider.

        Args:
            status: pending, processing, completed, suspended, terminated, failed or not_found.
                Setting the current status again is allowed.

        Raises:
            ConflictError: the current status cannot change to this one.
        """
        with transaction():
            fence.check()
            settlement.set_provision_status(
                service_uuid=self.uuid, status=str(status), actor=_actor()
            )
        return self.refresh()

    def set_provision_data(self, data: Mapping[str, Any]) -> "Service":
        """Save provision data, encrypted; it overlays the form's values in `service_data`.

        Args:
            data: the values to store, as JSON can hold them. If they have masked secrets, because
                staff view the client area as the user, the request is refused with 403.
        """
        call = context.current()
        if call is not None and call.viewed and MASK in str(data):
            refuse_impersonation()
        with transaction():
            fence.check()
            settlement.set_provision_data(service_uuid=self.uuid, data=dict(data))
        return self


@bind
class ServiceQuery:
    """A query over all services, in the order of their creation."""

    def get(self) -> list[Service]:
        """Return all services."""
        return [service for part in self._parts(500) for service in part]

    def chunk(self, size: int, each: Callable[[list[Service]], Any]) -> None:
        """Call a function with successive lists of services; see `Service.chunk`."""
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


def _actor() -> Principal:
    call = context.current()
    return call.actor if call and call.actor else AUTOMATION
