"""Services change once, for what was shown, when it is paid, and what was charged is settled."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine

from puqpanel.domain.errors import ConflictError, InvalidInput, PermissionDenied
from puqpanel.domain.money import Money
from puqpanel.domain.principals import CurrentClient, Principal, PrincipalKind
from puqpanel.infra.db import session, transaction
from puqpanel.models import Audit, Change, Charge, Document, Order, Service, Task
from puqpanel.operations.accounts import addresses
from puqpanel.operations.accounts.clients import find_client
from puqpanel.operations.billing import companies, credit_notes, documents, ledger, payments
from puqpanel.operations.billing.payments import Received
from puqpanel.operations.catalog import options, prices, products
from puqpanel.operations.catalog.price_rows import Cell
from puqpanel.operations.ordering import acceptance, changes, contracts, endings, limits, plans
from puqpanel.operations.ordering.orders import PriceChangedError
from puqpanel.operations.ordering.plans import Target
from puqpanel.operations.ordering.quotes import Choice
from puqpanel.operations.provisioning import requests
from puqpanel.operations.provisioning.services import find_service
from tests.operations.billing.conftest import STAFF, client, company, credit_of  # noqa: F401  # fixtures
from tests.operations.billing.test_issuing import problems
from tests.operations.ordering.test_endings import fresh, put, user_of
from tests.operations.ordering.test_orders import place
from tests.operations.provisioning.provider_file import work


def sold(name: str, weekly: str, yearly: str = "300") -> str:
    """A product for a price a week, without tax."""
    made = products.save_product(actor=STAFF, uuid=None, name=name, price=None, currency="EUR")
    cells = [Cell("weekly", "EUR", "5", weekly), Cell("annually", "EUR", "5", yearly)]
    prices.save_prices(actor=STAFF, product_uuid=made.uuid, cells=cells)
    return str(made.uuid)


@dataclass
class Shop:
    """Products for 7, 14, 21 and 28 euros a week, and a service of the first."""

    uuid: str
    products: dict[str, str] = field(default_factory=dict)
    clock: Any = None

    def request(self, name: str, *, actor: Principal = STAFF, token: str = "", **more: Any) -> Any:
        period = more.pop("period", "weekly")
        target = Target(products.find_product(self.products[name]), period, more.pop("options", {}))
        change = changes.Request(self.uuid, target, token or name, **more)
        return changes.request(actor=actor, change=change)

    def total(self, name: str, period: str = "weekly") -> Money:
        """What the preview shows."""
        service = fresh(self.uuid)
        target = Target(products.find_product(self.products[name]), period)
        return plans.plan(STAFF, service, target).settlement.quote.total

    def days_pass(self, days: int) -> None:
        """Let some days of what was charged pass."""
        self.clock.shift(timedelta(days=days))

    @property
    def service(self) -> Service:
        return fresh(self.uuid)


@pytest.fixture
def shop(client: Any, company: Any) -> Iterator[Shop]:  # noqa: F811
    found = {str(price): sold(f"VPS {price}", str(price)) for price in (7, 14, 21, 28)}
    first = products.find_product(found["7"])
    with time_machine.travel(datetime.now(UTC)) as clock:
        order = place(client, Choice(first, "weekly"))
        pay(order.document.uuid)
        requests.request(actor=STAFF, service_uuid=order.items[0].service.uuid, verb="create")
        yield Shop(order.items[0].service.uuid, found, clock)


def pay(uuid: str) -> None:
    payments.mark_paid(actor=STAFF, document_uuid=uuid, reason="cash")


def jobs(name: str = "ChangeJob") -> int:
    session().rollback()
    return session().scalar(sa.select(sa.func.count(Task.id)).where(Task.job == name)) or 0


@pytest.mark.parametrize("first", ["invoice", "proforma"])
def test_an_upgrade_takes_effect_when_it_is_paid(shop, company, client, first):  # noqa: F811
    companies.save_company(
        actor=STAFF, uuid=company.uuid, values={"proforma_first": first == "proforma"}
    )
    shop.days_pass(3)  # 4 of 7 days are left
    shown = shop.total("14")
    assert shown == Money(492, "EUR")  # 4 × (2 − 1), with 23 % tax
    change = shop.request("14", actor=user_of(client), expected=shown)
    assert (change.status, change.document.kind, change.document.total) == ("waiting", first, shown)
    assert str(shop.service.price) == "7.00 EUR"
    until = shop.service.paid_until
    pay(change.document.uuid)
    service = shop.service
    assert (str(service.price), service.product.name) == ("14.00 EUR", "VPS 14")
    assert (service.paid_until, contracts.change_of(service)) == (until, None)
    assert jobs() == 1
    work()
    assert fresh(shop.uuid).provision_status == "completed"
    actions = session().scalars(sa.select(Audit.action).where(Audit.action.like("%change%")))
    assert {"service.change_requested", "service.changed"} <= set(actions)
    assert problems() == []


def test_unused_days_are_credited_as_they_were_taxed(client, company):  # noqa: F811
    values = {"label": "Zürich", "street": "Gasse 1", "postcode": "8001", "city": "Zürich"}
    zurich = addresses.save_address(
        actor=STAFF, client_uuid=client.uuid, uuid=None, values={**values, "country": "CH"}
    )
    found = {str(price): sold(f"VPS {price}", str(price)) for price in (7, 14)}
    first = products.find_product(found["7"])
    with time_machine.travel(datetime.now(UTC)) as clock:
        order = place(client, Choice(first, "weekly"), address_id=zurich.id)
        assert order.document.tax.minor == 0
        pay(order.document.uuid)
        requests.request(actor=STAFF, service_uuid=order.items[0].service.uuid, verb="create")
        clock.shift(timedelta(days=3))
        shop = Shop(order.items[0].service.uuid, found)
        change = shop.request("14", expected=Money(400, "EUR"))  # 4 × (2 − 1), outside of the EU
    assert (change.document.buyer["city"], change.document.tax.minor) == ("Zürich", 0)
    assert problems() == []


@pytest.mark.parametrize("first", ["invoice", "proforma"])
def test_money_for_a_dropped_change_becomes_credit(shop, company, client, first):  # noqa: F811
    companies.save_company(
        actor=STAFF, uuid=company.uuid, values={"proforma_first": first == "proforma"}
    )
    change = shop.request("14")
    uuid, total = change.document.uuid, change.document.total
    with transaction():
        find_service(shop.uuid).status = "terminated"
    pay(uuid)
    assert changes.carry_out_due() == 1
    session().expire_all()
    assert session().get(Change, change.id).status == "withdrawn"
    assert credit_of(find_client(client.uuid)) == total
    assert problems() == []


def test_an_order_that_is_fraud_ends_the_change_of_its_service(shop):
    change = shop.request("14")
    order = session().scalars(sa.select(Order)).one()
    acceptance.mark_fraud(actor=STAFF, uuid=order.uuid, reason="Stolen card")
    session().expire_all()
    assert session().get(Change, change.id).status == "withdrawn"
    assert change.document.open.minor == 0
    assert problems() == []


def test_three_upgrades_in_a_period_even_on_one_day(shop):
    """7 days at 1; then 6 at 2, 4 at 3 and 4 at 4 instead, the last two on one day."""
    due = []
    for days, name in ((1, "14"), (2, "21"), (0, "28")):
        if days:
            shop.days_pass(days)
        change = shop.request(name)
        due.append(change.document.net.minor)
        pay(change.document.uuid)
    assert due == [600, 400, 400]
    charged = session().scalar(
        sa.select(sa.func.sum(Charge.amount_minor)).where(Charge.kind != "setup")
    )
    assert charged == 100 * 1 + 200 * 2 + 400 * 4
    assert problems() == []


def test_a_payment_that_arrives_twice_applies_a_change_once(shop, client, company):  # noqa: F811
    change = shop.request("14")
    for _again in range(2):
        payments.receive(
            actor=STAFF,
            client_uuid=client.uuid,
            company=company,
            received=Received(change.document.total, gateway="g", outside_id="t1"),
            documents=[change.document.uuid],
        )
    payload = {"invoice_uuid": change.document.uuid}
    with transaction():
        changes.apply_paid("invoice.paid", payload)
    assert jobs() == 1
    done = session().scalars(sa.select(Audit.action).where(Audit.action == "service.changed"))
    assert len(done.all()) == 1


def test_another_total_than_was_shown_changes_nothing(shop):
    with pytest.raises(PriceChangedError, match="total has changed"):
        shop.request("14", expected=Money(1, "EUR"))
    assert session().scalars(sa.select(Change)).all() == []
    assert len(session().scalars(sa.select(Document)).all()) == 1


def test_two_changes_at_once(panel, shop):
    barrier, results = threading.Barrier(4), []
    session().rollback()

    def run(name: str) -> None:
        with panel.app_context():
            barrier.wait()
            try:
                shop.request(name, token=f"{name}-{threading.get_ident()}")
                results.append("requested")
            except ConflictError as error:
                results.append(str(error))

    threads = [
        threading.Thread(target=contextvars.Context().run, args=(run, name))
        for name in ("14", "21", "28", "14")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    refused = "This service already has a pending change. Cancel that one first."
    assert sorted(results) == [refused] * 3 + ["requested"]


def stock(shop: Shop, name: str) -> int | None:
    session().rollback()
    session().expire_all()
    return products.find_product(shop.products[name]).stock


def set_stock(shop: Shop, **stocks: int) -> None:
    with transaction():
        for name, number in stocks.items():
            products.find_product(shop.products[name.removeprefix("vps")]).stock = number


def test_a_change_of_product_moves_stock(shop):
    set_stock(shop, vps7=3, vps14=1)
    change = shop.request("14")
    assert (stock(shop, "7"), stock(shop, "14")) == (3, 0)
    changes.withdraw(actor=STAFF, service_uuid=shop.uuid)
    assert (stock(shop, "7"), stock(shop, "14")) == (3, 1)
    change = shop.request("14", token="again")
    with transaction():
        session().execute(sa.update(Change).values(expires_on=date(2020, 1, 1)))
    assert (changes.carry_out_due(), stock(shop, "14")) == (1, 1)
    change = shop.request("14", token="paid")
    pay(change.document.uuid)
    assert (stock(shop, "7"), stock(shop, "14")) == (4, 0)
    shop.request("14", period="annually", token="year")  # the same product
    assert (stock(shop, "7"), stock(shop, "14")) == (4, 0)


def test_a_change_without_charge_takes_stock_too(shop):
    set_stock(shop, vps7=0, vps28=1)
    shop.request("28", free_reason="Apology")
    assert (stock(shop, "7"), stock(shop, "28")) == (1, 0)


def test_sold_out_products_are_not_offered(shop):
    set_stock(shop, vps7=0, vps14=0, vps21=1)
    found = [product.name for product in plans.products_for(STAFF, shop.service)]
    assert found == ["VPS 7", "VPS 21", "VPS 28"]
    with pytest.raises(InvalidInput) as refused:
        shop.request("14")
    assert refused.value.errors == {"product": ["VPS 14 is sold out."]}


def test_the_last_in_stock_is_taken_by_one_change(panel, shop, client):  # noqa: F811
    first, shops = products.find_product(shop.products["7"]), [shop]
    for number in range(7):
        order = place(client, Choice(first, "weekly"), token=str(number))
        pay(order.document.uuid)
        requests.request(actor=STAFF, service_uuid=order.items[0].service.uuid, verb="create")
        shops.append(Shop(order.items[0].service.uuid, shop.products))
    set_stock(shop, vps14=1)
    barrier, results = threading.Barrier(8), []

    def run(at: int) -> None:
        with panel.app_context():
            barrier.wait()
            try:
                shops[at].request("14", token=f"change {at}")
                results.append("requested")
            except InvalidInput as error:
                results.append(str(*error.errors["product"]))

    threads = [
        threading.Thread(target=contextvars.Context().run, args=(run, at)) for at in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["VPS 14 is sold out."] * 7 + ["requested"]
    assert stock(shop, "14") == 0
    assert len(session().scalars(sa.select(Change)).all()) == 1
    assert problems() == []


def test_a_form_that_is_sent_twice_requests_one_change(shop):
    assert shop.request("14").id == shop.request("14").id


def test_a_downgrade_waits_and_can_be_taken_back(shop, client):  # noqa: F811
    pay(shop.request("28").document.uuid)
    change = shop.request("7", token="down", actor=user_of(client))
    assert (change.status, change.document) == ("scheduled", None)
    assert change.effective_on == shop.service.paid_until
    assert changes.carry_out_due() == 0
    changes.withdraw(actor=user_of(client), service_uuid=shop.uuid)
    with pytest.raises(ConflictError, match="no pending change"):
        changes.withdraw(actor=STAFF, service_uuid=shop.uuid)
    shop.request("7", token="down again")
    with transaction():
        session().execute(sa.update(Change).values(effective_on=date(2020, 1, 1)))
    assert (changes.carry_out_due(), changes.carry_out_due()) == (1, 0)
    assert (str(shop.service.price), jobs()) == ("7.00 EUR", 2)


@pytest.mark.parametrize("first", ["invoice", "proforma"])
def test_an_unpaid_change_is_taken_back_with_its_document(shop, company, client, first):  # noqa: F811
    companies.save_company(
        actor=STAFF, uuid=company.uuid, values={"proforma_first": first == "proforma"}
    )
    change = shop.request("14")
    changes.withdraw(actor=STAFF, service_uuid=shop.uuid)
    session().expire_all()
    document = documents.find_document(change.document.uuid)
    assert document.status == {"invoice": "credited", "proforma": "cancelled"}[first]
    live = session().scalars(sa.select(Charge.amount_minor).where(Charge.live)).all()
    assert sorted(live) == [500, 700]  # the setup fee and the week of the order
    assert credit_of(client) == Money(0, "EUR")
    shop.request("14", token="again")
    assert problems() == []


def test_what_nobody_pays_in_time_is_dropped(shop):
    change = shop.request("14")
    assert change.expires_on == shop.service.paid_until - timedelta(days=1)
    assert changes.carry_out_due() == 0
    with transaction():
        session().execute(sa.update(Change).values(expires_on=date(2020, 1, 1)))
    assert (changes.carry_out_due(), changes.carry_out_due()) == (1, 0)
    session().expire_all()
    assert documents.find_document(change.document.uuid).status == "credited"
    assert str(shop.service.price) == "7.00 EUR"


def test_a_change_whose_invoice_staff_credit_is_dropped(shop):
    change = shop.request("14")
    credit_notes.credit(actor=STAFF, uuid=change.document.uuid, reason="x")
    assert changes.carry_out_due() == 1
    assert contracts.change_of(shop.service) is None


def test_another_period_begins_at_once(shop):
    shop.days_pass(3)
    change = shop.request("7", period="annually", token="year")
    assert change.document.net == Money(30000 - 400, "EUR")
    pay(change.document.uuid)
    service, today = shop.service, ledger.today(change.document.company)
    assert (service.period, service.anchored_on) == ("annually", today)
    assert service.paid_until == date(today.year + 1, today.month, today.day)
    assert jobs() == 0  # nothing changes at the provider


def test_a_new_period_for_exactly_the_unused_days_has_charges(shop):
    shop.products["same"] = sold("VPS same", "7", yearly="7")
    change = shop.request("same", period="annually")
    service = shop.service
    assert (change.status, service.period, str(service.price)) == ("done", "annually", "7.00 EUR")
    assert (change.document.status, str(change.document.total)) == ("paid", "0.00 EUR")
    charges = session().scalars(sa.select(Charge).where(Charge.live)).all()
    assert service.paid_until in {charge.period_end for charge in charges}
    assert problems() == []


def test_the_name_of_the_product_follows_but_not_one_that_was_chosen(shop):
    assert shop.service.name == "VPS 7"
    shop.request("14", free_reason="x")
    assert shop.service.name == "VPS 14"
    put(shop.uuid, name="www.example")
    shop.request("21", free_reason="x")
    assert shop.service.name == "www.example"


def test_a_scheduled_change_of_a_fraudulent_service_is_dropped(shop):
    pay(shop.request("28").document.uuid)
    change = shop.request("7", token="down")
    assert change.status == "scheduled"
    put(shop.uuid, status="fraud")
    assert (changes.carry_out_due(), changes.carry_out_due()) == (1, 0)
    session().expire_all()
    assert session().get(Change, change.id).status == "withdrawn"


def test_changes_that_are_not_due_yet_do_not_keep_others_waiting(shop, client, monkeypatch):  # noqa: F811
    monkeypatch.setattr(changes, "CHUNK", 1)
    pay(shop.request("28").document.uuid)
    order = place(client, Choice(products.find_product(shop.products["28"]), "weekly"), token="o")
    pay(order.document.uuid)
    second = Shop(order.items[0].service.uuid, shop.products)
    requests.request(actor=STAFF, service_uuid=second.uuid, verb="create")
    first, due = shop.request("7", token="1"), second.request("7", token="2")
    with transaction():
        tomorrow = ledger.today(companies.companies()[0]) + timedelta(days=1)
        session().get(Change, first.id).effective_on = tomorrow
        session().get(Change, due.id).effective_on = date(2020, 1, 1)
    assert changes.carry_out_due() == 1
    assert str(second.service.price) == "7.00 EUR"


def test_staff_change_without_a_charge(shop, client):  # noqa: F811
    change = shop.request("28", free_reason="Apology for the outage")
    assert (change.document, str(shop.service.price)) == (None, "28.00 EUR")
    entry = session().scalar(sa.select(Audit).where(Audit.action == "service.changed"))
    assert entry.after["reason"] == "Apology for the outage"
    with pytest.raises(PermissionDenied):
        shop.request("7", actor=user_of(client), free_reason="Please", token="b")


def test_options_change_what_the_module_receives(shop):
    group = options.save_option_group(
        actor=STAFF, uuid=None, key="disk", label="Disk", kind="quantity", maximum=100
    )
    (option,) = options.find_option_group(group.uuid).options
    cells = [Cell("weekly", "EUR", "0", "0.70")]
    options.save_option_prices(actor=STAFF, option_uuid=option.uuid, cells=cells)
    options.assign_option_groups(
        actor=STAFF, product_uuid=shop.products["7"], group_uuids=[group.uuid]
    )
    with pytest.raises(InvalidInput, match="invalid"):
        shop.request("7", options={"disk": "0"})  # as it is
    change = shop.request("7", options={"disk": "10"})
    assert change.document.net == Money(700, "EUR")
    pay(change.document.uuid)
    service = shop.service
    assert (service.service_data["disk"], str(service.price), jobs()) == (10, "14.00 EUR", 1)


def test_what_cannot_be_changed(shop, client):  # noqa: F811
    user = user_of(client)
    with transaction():
        products.find_product(shop.products["28"]).hidden = True
        products.find_product(shop.products["21"]).active = False
        products.find_product(shop.products["14"]).stock = 0
    for name, actor in (("28", user), ("21", STAFF), ("14", STAFF), ("7", STAFF)):
        with pytest.raises(InvalidInput):
            shop.request(name, actor=actor)
    with pytest.raises(InvalidInput):
        shop.request("28", period="monthly")
    other = Principal(
        PrincipalKind.USER,
        2,
        "Tom",
        permissions=user.permissions,
        client=CurrentClient(client.id + 1, "other", "Other"),
    )
    for actor in (other, user_of(client, frozenset({"services.manage"}))):
        with pytest.raises(PermissionDenied):
            shop.request("28", actor=actor)
    put(shop.uuid, status="suspended")
    with pytest.raises(ConflictError, match="Only active"):
        shop.request("7", actor=user, period="annually")
    put(shop.uuid, status="active")
    endings.request(actor=STAFF, service_uuid=shop.uuid, at_once=False, reason="x")
    with pytest.raises(ConflictError, match="ends on"):
        shop.request("28")


def test_open_documents_are_paid_first(shop, client):  # noqa: F811
    order = place(client, Choice(products.find_product(shop.products["7"]), "weekly"), token="o")
    uuid = order.items[0].service.uuid
    put(uuid, status="active", provision_status="completed")
    other = Shop(uuid, shop.products)
    with pytest.raises(ConflictError, match="has to be paid first"):
        other.request("14", token="other")


def test_a_cancellation_drops_the_open_change(shop):
    change = shop.request("14")
    endings.request(actor=STAFF, service_uuid=shop.uuid, at_once=False, reason="x")
    session().expire_all()
    assert documents.find_document(change.document.uuid).status == "credited"
    assert contracts.change_of(shop.service) is None


def test_a_customer_does_not_change_and_withdraw_on_and_on(shop, client, monkeypatch):  # noqa: F811
    monkeypatch.setattr(limits, "MAX_CHANGES", 2)
    user = user_of(client)
    for token in "ab":
        shop.request("14", actor=user, token=token)
        changes.withdraw(actor=user, service_uuid=shop.uuid)
    with pytest.raises(ConflictError, match="2 times a day"):
        shop.request("14", actor=user, token="c")
    shop.request("14", token="staff")
    changes.withdraw(actor=user, service_uuid=shop.uuid)
    shop.days_pass(2)
    shop.request("14", actor=user, token="later")
