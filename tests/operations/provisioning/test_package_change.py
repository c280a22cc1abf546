"""Package changes: product and price follow the provider."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.errors import ConflictError, InvalidInput, NotFoundError
from puqpanel.infra.db import session, transaction
from puqpanel.jobs.entry import HANDLERS
from puqpanel.models import Audit, Service, Task
from puqpanel.operations.catalog import prices, products
from puqpanel.operations.oversight import tasks as task_operations
from puqpanel.operations.provisioning import requests
from puqpanel.operations.system import currencies
from puqpanel.tasks import claim, sweep
from tests.operations.provisioning.test_requests import (
    STAFF,
    ask,
    echo,  # noqa: F401 - a fixture
    look,
    settings,  # noqa: F401 - a fixture
)
from tests.sample import make_service


@pytest.fixture
def service(echo: Panel, drain: Callable[..., None]) -> Service:  # noqa: F811
    """Create an active service that costs 9.90."""
    return ask(STAFF, make_service(STAFF), "create", drain)


def other(
    price: str = "89.00", module: str = "Product/Echo", currency: str = "", **config: Any
) -> str:
    product = products.save_product(
        actor=STAFF, uuid=None, name="Cloud 500", module=module, price=price, currency=currency
    )
    with transaction():
        products.find_product(product.uuid).config = config
    return product.uuid


def terms_and_status(uuid: str) -> tuple[str, str, str]:
    row = look(uuid)
    return row.product.name, str(row.price), row.provision_status


def price_in(product_uuid: str, currency: str = "EUR") -> str:
    return prices.price_of(products.find_product(product_uuid), currency, "monthly").uuid


@pytest.mark.parametrize(("take", "price"), [(True, "89.00 EUR"), (False, "9.90 EUR")])
def test_package_change_takes_or_keeps_the_price(
    service: Service, drain: Callable[..., None], take: bool, price: str
) -> None:
    wanted = other()
    requests.request(
        actor=STAFF,
        service_uuid=service.uuid,
        verb="change_package",
        product_uuid=wanted,
        price_uuid=price_in(wanted) if take else "",
    )
    drain()
    assert (
        terms_and_status(service.uuid) == ("Cloud 500", price, "completed")
        and look(service.uuid).fallback is None
        and (look(service.uuid).price_id is None) is not take
    )


def test_failed_package_change_is_reverted_and_reapplied_on_retry(
    service: Service, drain: Callable[..., None]
) -> None:
    wanted, sold_at = other(change_package="error"), look(service.uuid).price_id
    assert sold_at is not None
    requests.request(
        actor=STAFF,
        service_uuid=service.uuid,
        verb="change_package",
        product_uuid=wanted,
        price_uuid=price_in(wanted),
    )
    drain()
    assert terms_and_status(service.uuid) == ("Cloud 10", "9.90 EUR", "failed")
    assert look(service.uuid).price_id == sold_at
    with transaction():
        products.find_product(wanted).config = {}
    task = session().scalars(sa.select(Task).order_by(Task.id.desc()).limit(1)).one()
    task_operations.retry_task(actor=STAFF, uuid=task.uuid)
    drain()
    assert terms_and_status(service.uuid) == ("Cloud 500", "89.00 EUR", "completed")


def test_the_history_does_not_claim_what_a_lost_package_change_left(
    service: Service, drain: Callable[..., None]
) -> None:
    requests.request(
        actor=STAFF, service_uuid=service.uuid, verb="change_package", product_uuid=other()
    )
    task = session().scalars(sa.select(Task).order_by(Task.id.desc()).limit(1)).one()
    assert claim.claim(task.id, "a worker") is not None
    with transaction() as current:  # its worker has died too often
        current.execute(
            sa.update(Task).where(Task.id == task.id).values(rescues=99, on_loss="lose")
        )
    session().expire_all()
    assert sweep.rescue(HANDLERS, task.id, "a worker") == 1
    assert terms_and_status(service.uuid) == ("Cloud 10", "9.90 EUR", "failed")
    entry = session().scalars(sa.select(Audit).where(Audit.action == "service.product_kept")).one()
    assert "it is not known whether the provider changed" in str(entry.summary)


def test_a_price_in_another_currency_or_of_another_product_is_rejected(service: Service) -> None:
    currencies.add_currency(actor=STAFF, code="PLN")
    wanted = other(currency="PLN")

    def change(price_uuid: str) -> None:
        requests.request(
            actor=STAFF,
            service_uuid=service.uuid,
            verb="change_package",
            product_uuid=wanted,
            price_uuid=price_uuid,
        )

    with pytest.raises(InvalidInput) as refused:
        change(price_in(wanted, "PLN"))
    assert "This price is in PLN, but" in refused.value.errors["product"][0]
    with pytest.raises(NotFoundError, match="today's prices"):
        change(price_in(service.product.uuid))
    assert terms_and_status(service.uuid) == ("Cloud 10", "9.90 EUR", "completed")


def test_product_of_another_module_is_rejected(service: Service) -> None:
    with pytest.raises(ConflictError, match="another module"):
        requests.request(
            actor=STAFF,
            service_uuid=service.uuid,
            verb="change_package",
            product_uuid=other(module=""),
        )
    assert terms_and_status(service.uuid) == ("Cloud 10", "9.90 EUR", "completed")
