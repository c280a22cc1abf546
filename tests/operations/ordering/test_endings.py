"""Services end once: at once or at the end of the charged period, and requests are taken back."""

from __future__ import annotations

import contextvars
import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, InvalidInput, PermissionDenied
from puqpanel.domain.money import Money
from puqpanel.domain.permissions import CLIENT_KEYS
from puqpanel.domain.principals import AUTOMATION, CurrentClient, Principal, PrincipalKind
from puqpanel.infra.db import session, transaction
from puqpanel.models import Audit, Charge, Document, Ending, Order, Service, Task
from puqpanel.operations.billing import companies, documents, ledger, payments
from puqpanel.operations.catalog import products
from puqpanel.operations.ordering import contracts, endings
from puqpanel.operations.ordering.quotes import Choice
from puqpanel.operations.provisioning import requests
from puqpanel.operations.provisioning.services import find_service
from tests.operations.billing.conftest import STAFF, client, company, credit_of  # noqa: F401  # fixtures
from tests.operations.billing.test_issuing import problems
from tests.operations.ordering.test_orders import change, place, product  # noqa: F401  # fixture
from tests.operations.provisioning.provider_file import work


def user_of(client: Any, permissions: frozenset[str] = CLIENT_KEYS) -> Principal:  # noqa: F811
    own = CurrentClient(client.id, client.uuid, client.name)
    return Principal(PrincipalKind.USER, 1, "Anna", permissions=permissions, client=own)


@pytest.fixture
def service(client: Any, product: Any) -> Service:  # noqa: F811
    """A paid, active service without a module, charged for a month from today."""
    order = place(client, Choice(change(product, provisioning="by_hand"), "monthly"))
    payments.mark_paid(actor=STAFF, document_uuid=order.document.uuid, reason="cash")
    requests.request(actor=STAFF, service_uuid=order.items[0].service.uuid, verb="create")
    return fresh(order.items[0].service.uuid)


def fresh(uuid: str) -> Service:
    session().rollback()
    session().expire_all()
    return find_service(uuid)


def put(uuid: str, **values: Any) -> None:
    with transaction():
        session().execute(sa.update(Service).where(Service.uuid == uuid).values(values))


def statuses() -> list[str]:
    return list(session().scalars(sa.select(Ending.status).order_by(Ending.id)))


def test_at_once_terminates_once(client, service):  # noqa: F811
    endings.request(
        actor=user_of(client), service_uuid=service.uuid, at_once=True, reason="Too slow"
    )
    assert fresh(service.uuid).status == "active"  # until the module was asked
    work()
    assert fresh(service.uuid).status == "terminated"
    assert endings.carry_out_due() == 1
    assert statuses() == ["ended"]
    assert endings.carry_out_due() == 0
    jobs = session().scalars(sa.select(Task.job)).all()
    assert jobs.count("EndJob") == 1
    assert contracts.ending_of(fresh(service.uuid)) is None
    with pytest.raises(ConflictError, match="has ended"):
        endings.request(actor=STAFF, service_uuid=service.uuid, at_once=True, reason="again")


def test_the_end_of_the_period_waits_for_its_day(client, service):  # noqa: F811
    ending = endings.request(
        actor=user_of(client), service_uuid=service.uuid, at_once=False, reason=""
    )
    assert ending.ends_on == service.paid_until
    assert endings.days_of([service]) == {service.id: service.paid_until}
    assert endings.carry_out_due() == 0
    with pytest.raises(ConflictError, match="already set to end"):
        endings.request(actor=STAFF, service_uuid=service.uuid, at_once=True, reason="x")
    with transaction():
        session().execute(sa.update(Ending).values(ends_on=ledger.today(companies.companies()[0])))
    assert endings.carry_out_due() == 1
    work()
    assert fresh(service.uuid).status == "terminated"


def test_a_request_is_taken_back_until_its_day(client, service):  # noqa: F811
    user = user_of(client)
    endings.request(actor=user, service_uuid=service.uuid, at_once=False, reason="")
    endings.withdraw(actor=user, service_uuid=service.uuid)
    with pytest.raises(ConflictError, match="no cancellation to withdraw"):
        endings.withdraw(actor=user, service_uuid=service.uuid)
    with transaction():
        session().execute(sa.update(Ending).values(ends_on=service.paid_until - timedelta(99)))
    assert endings.carry_out_due() == 0
    endings.request(actor=user, service_uuid=service.uuid, at_once=True, reason="")
    with pytest.raises(ConflictError, match="too late"):
        endings.withdraw(actor=user, service_uuid=service.uuid)
    assert statuses() == ["withdrawn", "started"]


def test_two_runs_at_once_start_a_request_once(panel, client, service):  # noqa: F811
    endings.request(actor=STAFF, service_uuid=service.uuid, at_once=False, reason="x")
    with transaction():
        session().execute(sa.update(Ending).values(ends_on=service.paid_until - timedelta(99)))
    barrier, started = threading.Barrier(4), []

    def run() -> None:
        with panel.app_context():
            barrier.wait()
            started.append(endings.carry_out_due())

    threads = [threading.Thread(target=contextvars.Context().run, args=(run,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(started) == [0, 0, 0, 1]
    session().rollback()
    assert session().scalar(sa.select(sa.func.count(Task.id)).where(Task.job == "EndJob")) == 1


@pytest.mark.parametrize("first", ["invoice", "proforma"])
def test_a_service_that_was_not_provisioned_ends_with_its_document(
    client,  # noqa: F811
    product,  # noqa: F811
    company,  # noqa: F811
    first,
):
    companies.save_company(
        actor=STAFF, uuid=company.uuid, values={"proforma_first": first == "proforma"}
    )
    change(product, stock=1)
    order = place(client, Choice(products.find_product(product.uuid), "monthly"))
    uuid = order.items[0].service.uuid
    with pytest.raises(ConflictError, match="No paid period"):
        endings.request(actor=user_of(client), service_uuid=uuid, at_once=False, reason="")
    endings.request(actor=user_of(client), service_uuid=uuid, at_once=True, reason="")
    assert fresh(uuid).status == "cancelled"
    document = documents.find_document(order.document.uuid)
    assert document.status == {"invoice": "credited", "proforma": "cancelled"}[first]
    assert (credit_of(client), products.find_product(product.uuid).stock) == (
        Money.zero("EUR"),
        1,
    )
    assert statuses() == ["ended"]
    assert problems() == []


def test_what_was_paid_for_a_service_that_was_never_provisioned_becomes_credit(
    client,  # noqa: F811
    product,  # noqa: F811
):
    change(product, provisioning="by_hand")
    sold = products.find_product(product.uuid)
    order = place(client, Choice(sold, "monthly"), Choice(sold, "monthly"))
    payments.mark_paid(actor=STAFF, document_uuid=order.document.uuid, reason="Statement 1")
    one, other = (item.service.uuid for item in order.items)
    half = order.total_minor // 2
    for uuid, credit in ((one, half), (other, 2 * half)):
        endings.request(actor=user_of(client), service_uuid=uuid, at_once=True, reason="")
        assert credit_of(client) == Money(credit, "EUR")
        session().expire_all()
        status = session().scalars(sa.select(Order.status)).one()
        assert status == ("placed" if uuid == one else "cancelled")
    assert session().scalar(sa.select(sa.func.count(Charge.id)).where(Charge.live)) == 0
    assert problems() == []


@pytest.mark.parametrize("first", ["invoice", "proforma"])
def test_a_document_for_used_days_stays_and_one_for_later_days_is_taken_back(
    client,  # noqa: F811
    company,  # noqa: F811
    product,  # noqa: F811
    first,
):
    values = {"proforma_first": first == "proforma"}
    companies.save_company(actor=STAFF, uuid=company.uuid, values=values)
    change(product, provisioning="by_hand")
    order = place(client, Choice(products.find_product(product.uuid), "monthly"))
    uuid = order.items[0].service.uuid
    requests.request(actor=STAFF, service_uuid=uuid, verb="create")
    service = fresh(uuid)
    assert endings.released_documents(service, ledger.today(order.document.company)) == [
        order.document
    ]
    tomorrow = ledger.today(order.document.company) + timedelta(days=1)
    assert endings.released_documents(service, tomorrow) == []
    endings.request(actor=STAFF, service_uuid=uuid, at_once=False, reason="x")
    with transaction():
        session().execute(sa.update(Ending).values(ends_on=tomorrow - timedelta(days=1)))
    # as if the service had begun yesterday
    put(uuid, paid_until=tomorrow)
    assert endings.carry_out_due() == 1
    session().expire_all()
    taken_back = {"invoice": "credited", "proforma": "cancelled"}[first]
    assert documents.find_document(order.document.uuid).status == taken_back


def test_a_service_that_ends_otherwise_ends_its_request(service):
    endings.request(actor=STAFF, service_uuid=service.uuid, at_once=False, reason="x")
    requests.request(actor=STAFF, service_uuid=service.uuid, verb="terminate")
    assert contracts.ending_of(fresh(service.uuid)) is None
    assert endings.carry_out_due() == 1
    assert statuses() == ["ended"]
    assert "EndJob" not in session().scalars(sa.select(Task.job)).all()


def test_who_may_end_a_service(client, service):  # noqa: F811
    own = user_of(client)
    other = Principal(
        PrincipalKind.USER,
        2,
        "Tom",
        permissions=CLIENT_KEYS,
        client=CurrentClient(client.id + 1, "other", "Other"),
    )
    weak = user_of(client, frozenset({"services.manage", "orders.view"}))
    clerk = Principal(PrincipalKind.STAFF, 1, "C", permissions=frozenset({"services.manage"}))
    for actor in (other, weak, clerk):
        with pytest.raises(PermissionDenied):
            endings.request(actor=actor, service_uuid=service.uuid, at_once=True, reason="x")
    endings.request(actor=own, service_uuid=service.uuid, at_once=False, reason="")
    for actor in (other, weak, clerk):
        with pytest.raises(PermissionDenied):
            endings.withdraw(actor=actor, service_uuid=service.uuid)
    endings.withdraw(actor=own, service_uuid=service.uuid)
    with pytest.raises(InvalidInput):
        endings.request(actor=STAFF, service_uuid=service.uuid, at_once=True, reason=" ")
    put(service.uuid, status="fraud")
    with pytest.raises(ConflictError, match="Contact support"):
        endings.request(actor=own, service_uuid=service.uuid, at_once=True, reason="")
    actions = session().scalars(sa.select(Audit.action).where(Audit.action.like("%ending%")))
    assert sorted(actions) == ["service.ending_requested", "service.ending_withdrawn"]
    assert AUTOMATION.name not in session().scalars(sa.select(Ending.requested_by)).all()
    assert session().scalar(sa.select(sa.func.count(Document.id))) == 1


def test_staff_who_view_as_a_user_need_their_own_permission(service, client):  # noqa: F811
    staff = Principal(PrincipalKind.STAFF, 1, "Sam", permissions=frozenset({"clients.impersonate"}))
    viewing = replace(user_of(client), impersonated_by=staff)
    with pytest.raises(PermissionDenied, match="required permission"):
        endings.request(actor=viewing, service_uuid=service.uuid, at_once=True, reason="x")
    assert fresh(service.uuid).status == "active"
    able = replace(viewing, impersonated_by=STAFF)
    endings.request(actor=able, service_uuid=service.uuid, at_once=True, reason="x")
