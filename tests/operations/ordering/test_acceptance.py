"""Orders that wait for acceptance, fraud, and what staff see of the risk of an order."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from puqpanel.domain import order_risks
from puqpanel.domain.errors import ConflictError, InvalidInput, UserError
from puqpanel.domain.money import Money
from puqpanel.domain.permissions import CLIENT_KEYS
from puqpanel.domain.principals import CurrentClient, Principal, PrincipalKind
from puqpanel.infra.clock import now
from puqpanel.infra.db import session, transaction
from puqpanel.jobs.orders import FraudJob
from puqpanel.models import Order, Task
from puqpanel.operations.accounts.clients import find_client
from puqpanel.operations.billing import documents, payments
from puqpanel.operations.catalog import products
from puqpanel.operations.ordering import acceptance, cancellation, orders
from puqpanel.operations.ordering.quotes import Choice
from puqpanel.operations.provisioning import fraud, requests
from puqpanel.operations.system import audit, settings
from tests.operations.billing.conftest import STAFF, client, company, credit_of  # noqa: F401  # fixtures
from tests.operations.billing.test_issuing import problems
from tests.operations.ordering.test_orders import (  # noqa: F401  # fixtures
    change,
    place,
    product,
    tasks,
)
from tests.sample import make_client


@pytest.fixture
def user(client: Any) -> Principal:  # noqa: F811
    """A user of the client."""
    own = CurrentClient(client.id, client.uuid, client.name)
    return Principal(
        PrincipalKind.USER, 1, "Anna", ip="192.0.2.1", permissions=CLIENT_KEYS, client=own
    )


@pytest.fixture
def waiting(client: Any, product: Any, user: Principal) -> Order:  # noqa: F811
    """An order that waits for acceptance, of a product with three in stock."""
    settings.save(actor=STAFF, values={"shop.acceptance": "all"})
    change(product, stock=3)
    return place(client, Choice(products.find_product(product.uuid), "monthly"), actor=user)


def found(order: Order) -> Order:
    session().rollback()
    session().expire_all()
    return orders.find_order(order.uuid)


def pay(order: Order) -> None:
    payments.mark_paid(actor=STAFF, document_uuid=order.document.uuid, reason="cash")


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("never", ["placed", "placed"]),
        ("first", ["waiting", "waiting"]),
        ("all", ["waiting", "waiting"]),
    ],
)
def test_the_setting_decides_which_orders_wait(client, product, user, policy, expected):  # noqa: F811
    settings.save(actor=STAFF, values={"shop.acceptance": policy})
    choice = Choice(product, "monthly")
    placed = [place(client, choice, actor=user, token=token) for token in "ab"]
    assert [order.status for order in placed] == expected
    if policy != "never":
        acceptance.accept(actor=STAFF, uuid=placed[0].uuid)
        third = place(client, choice, actor=user, token="c")
        assert third.status == {"first": "placed", "all": "waiting"}[policy]
    assert place(client, choice, token="d").status == "placed"


@pytest.mark.parametrize("paid_first", [True, False])
def test_acceptance_and_payment_together_provision_once(waiting, paid_first):
    steps: list[Callable[[], None]] = [
        lambda: pay(waiting),
        lambda: acceptance.accept(actor=STAFF, uuid=waiting.uuid),
    ]
    first, second = steps if paid_first else reversed(steps)
    first()
    assert tasks() == []
    second()
    assert tasks() == [waiting.items[0].service.uuid]
    with pytest.raises(ConflictError, match="does not wait"):
        acceptance.accept(actor=STAFF, uuid=waiting.uuid)
    assert problems() == []


def test_a_waiting_order_at_order_is_provisioned_when_accepted(client, product, user):  # noqa: F811
    settings.save(actor=STAFF, values={"shop.acceptance": "all"})
    order = place(client, Choice(change(product, provisioning="at_order"), "monthly"), actor=user)
    assert tasks() == []
    acceptance.accept(actor=STAFF, uuid=order.uuid)
    assert len(tasks()) == 1


def together(panel: Any, *actions: Callable[[], object]) -> list[str]:
    """Run actions at once, and return their outcomes in order."""
    outcomes = [""] * len(actions)
    barrier = threading.Barrier(len(actions))

    def run(at: int) -> None:
        with panel.app_context():
            barrier.wait()
            try:
                actions[at]()
                outcomes[at] = "done"
            except UserError as error:
                outcomes[at] = str(error)

    threads = [
        threading.Thread(target=contextvars.Context().run, args=(run, at))
        for at in range(len(actions))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def test_staff_cannot_provision_before_the_order_is_accepted(waiting):
    uuid = waiting.items[0].service.uuid
    with pytest.raises(ConflictError, match="waiting for acceptance"):
        requests.request(actor=STAFF, service_uuid=uuid, verb="create")
    assert found(waiting).items[0].service.provision_status == "pending"
    acceptance.accept(actor=STAFF, uuid=waiting.uuid)
    requests.request(actor=STAFF, service_uuid=uuid, verb="create")
    assert found(waiting).items[0].service.status == "active"


@pytest.mark.mariadb
def test_accepted_twice_while_it_is_paid_it_is_provisioned_once(panel, waiting):
    uuid = waiting.uuid
    outcomes = together(
        panel,
        lambda: acceptance.accept(actor=STAFF, uuid=uuid),
        lambda: acceptance.accept(actor=STAFF, uuid=uuid),
        lambda: pay(orders.find_order(uuid)),
        lambda: acceptance.accept(actor=STAFF, uuid=uuid),
    )
    assert outcomes[2] == "done"
    assert outcomes.count("done") == 2
    order = found(waiting)
    assert order.status == "placed"
    assert tasks() == [order.items[0].service.uuid]
    assert problems() == []


@pytest.mark.mariadb
@pytest.mark.parametrize("end", ["cancelled", "fraud"])
def test_accepting_while_it_is_taken_back_does_one_of_both(panel, waiting, product, end):  # noqa: F811
    uuid, kill = waiting.uuid, {"cancelled": cancellation.cancel, "fraud": acceptance.mark_fraud}
    outcomes = together(
        panel,
        lambda: acceptance.accept(actor=STAFF, uuid=uuid),
        lambda: kill[end](actor=STAFF, uuid=uuid, reason="x"),
        lambda: pay(orders.find_order(uuid)),
    )
    order = found(waiting)
    # the order accepted first is taken back afterwards, because nothing was provisioned yet
    assert outcomes[1] == "done"
    assert (order.status, order.items[0].service.status) == (end, end)
    assert products.find_product(product.uuid).stock == 3
    assert problems() == []


@pytest.mark.parametrize("paid", [True, False])
def test_a_fraudulent_order_takes_everything_back(waiting, product, client, paid):  # noqa: F811
    if paid:
        pay(waiting)
    with pytest.raises(InvalidInput):
        acceptance.mark_fraud(actor=STAFF, uuid=waiting.uuid, reason=" ")
    acceptance.mark_fraud(actor=STAFF, uuid=waiting.uuid, reason="Stolen card")
    order = found(waiting)
    assert (order.status, order.items[0].service.status) == ("fraud", "fraud")
    assert products.find_product(product.uuid).stock == 3
    assert documents.find_document(order.document.uuid).open == Money(0, "EUR")
    assert credit_of(client) == Money(1230 if paid else 0, "EUR")
    assert tasks() == []
    assert "Stolen card" in str(audit.timeline(STAFF, "client", client.uuid, 9)[0].summary)
    for verb in (acceptance.mark_fraud, cancellation.cancel):
        with pytest.raises(ConflictError):
            verb(actor=STAFF, uuid=order.uuid, reason="again")
    acceptance.clear_fraud(actor=STAFF, uuid=order.uuid, reason="The bank was wrong")
    order = found(waiting)
    assert (order.status, order.items[0].service.status) == ("cancelled", "cancelled")
    assert problems() == []


@pytest.mark.parametrize(
    ("status", "provision", "outcome", "after"),
    [
        ("active", "completed", "completed", "suspended"),
        ("active", "processing", "retry", "active"),
        ("pending", "processing", "retry", "pending"),
        ("pending", "failed", "", "fraud"),
        ("terminated", "terminated", "", "terminated"),
    ],
)
def test_services_of_a_fraudulent_order_are_suspended(
    client,  # noqa: F811
    product,  # noqa: F811
    status,
    provision,
    outcome,
    after,
):
    order = place(client, Choice(product, "monthly"))
    with transaction():
        service = orders.find_order(order.uuid).items[0].service
        service.status, service.provision_status = status, provision
    acceptance.mark_fraud(actor=STAFF, uuid=order.uuid, reason="Stolen card")
    added = session().query(Task).filter_by(job="FraudJob").all()
    assert [FraudJob().run(task).kind for task in added] == ([outcome] if outcome else [])
    assert found(order).items[0].service.status == after
    if outcome == "retry":
        acceptance.clear_fraud(actor=STAFF, uuid=order.uuid, reason="Wrong order")
        assert FraudJob().run(added[0]).kind == "completed"
        assert found(order).items[0].service.status == status


def test_a_service_that_failed_after_the_fraud_returns_to_stock(client, product):  # noqa: F811
    with transaction():
        products.find_product(product.uuid).stock = 1
    order = place(client, Choice(product, "monthly"))
    with transaction():
        service = orders.find_order(order.uuid).items[0].service
        service.provision_status = "processing"
    acceptance.mark_fraud(actor=STAFF, uuid=order.uuid, reason="Stolen card")
    with transaction():
        orders.find_order(order.uuid).items[0].service.provision_status = "failed"
    task = session().query(Task).filter_by(job="FraudJob").one()
    assert FraudJob().run(task).kind == "completed"
    assert found(order).items[0].service.status == "fraud"
    assert products.find_product(product.uuid).stock == 1
    # so that whoever keeps pages by the newest entries sees that it is for sale again
    (entry,) = audit.timeline(STAFF, "service", service.uuid, 1)
    assert entry.action == "service.fraud_marked"


def risks(order: Order) -> set[str]:
    return {note["risk"] for note in order.risks or ()}


def test_the_risk_notes_are_what_the_panel_knows(client, product, user):  # noqa: F811
    choice = Choice(product, "monthly")
    first = place(client, choice, actor=user, token="a")
    assert risks(first) == {"first_order", "new_client"}
    assert (first.ip, place(client, choice, token="staff").ip) == ("192.0.2.1", "")
    with transaction():
        row = find_client(client.uuid)
        row.created_at = now() - timedelta(days=2)
        row.country, row.vat_number, row.vat_status = "US", "DE136695976", "refused"
        documents.find_document(first.document.uuid).due_on = now().date() - timedelta(days=1)
    acceptance.mark_fraud(
        actor=STAFF, uuid=place(client, choice, actor=user, token="b").uuid, reason="x"
    )
    last = place(client, choice, actor=user, token="c")
    assert risks(last) == {
        "vat_country",
        "vat_refused",
        "overdue",
        "client_fraud",
        "ip_orders",
    }
    sentences = " ".join(str(order_risks.text(note)) for note in last.risks or ())
    assert "The VAT number is of DE, the address is in US." in sentences
    assert "3 orders of 1 clients came from 192.0.2.1 within an hour." in sentences


def test_an_address_of_another_client_that_was_fraud_is_noted(client, product, user):  # noqa: F811
    order = place(client, Choice(product, "monthly"), actor=user)
    acceptance.mark_fraud(actor=STAFF, uuid=order.uuid, reason="x")

    other, _ = make_client(STAFF)
    own = CurrentClient(other.id, other.uuid, other.name)
    second = place(
        other, Choice(product, "monthly"), actor=replace(user, client=own), token="other"
    )
    assert "ip_fraud" in risks(second)


def test_a_fraudulent_order_is_not_provisioned_by_lifting_the_mark(waiting):
    service_uuid = waiting.items[0].service.uuid
    acceptance.mark_fraud(actor=STAFF, uuid=waiting.uuid, reason="Stolen card")
    with pytest.raises(ConflictError, match="order"):
        fraud.lift(actor=STAFF, service_uuid=service_uuid)
    assert found(waiting).items[0].service.status == "fraud"


@pytest.mark.parametrize(("status", "text"), [("fraud", "marked as fraud"), ("cancelled", "was")])
def test_nothing_of_an_order_that_was_taken_back_is_created(client, product, status, text):  # noqa: F811
    order = place(client, Choice(change(product, provisioning="by_hand"), "monthly"))
    with transaction():
        orders.find_order(order.uuid).status = status
    with pytest.raises(ConflictError, match=text):
        requests.request(actor=STAFF, service_uuid=order.items[0].service.uuid, verb="create")
    assert found(order).items[0].service.status == "pending"
