"""Prepaid products are ordered without a payment, and start when the credit suffices."""

from __future__ import annotations

import contextvars
import threading
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.errors import ConflictError, InvalidInput
from puqpanel.domain.money import Money
from puqpanel.domain.principals import AUTOMATION, Principal, PrincipalKind
from puqpanel.infra.db import session, transaction
from puqpanel.models import CountryTax, Debit, Document, Order, PrepaidAccount, Service, Task
from puqpanel.operations.accounts.clients import find_client
from puqpanel.operations.automation import dunning, unpaid_orders
from puqpanel.operations.billing import payments
from puqpanel.operations.catalog import products
from puqpanel.operations.ordering import (
    cancellation,
    changes,
    coupons,
    limits,
    orders,
    plans,
    prepaid_orders,
)
from puqpanel.operations.ordering.coupons import CouponValues
from puqpanel.operations.ordering.orders import PriceChangedError, Request
from puqpanel.operations.ordering.plans import Target
from puqpanel.operations.ordering.quotes import Choice
from puqpanel.operations.system import settings as panel_settings
from tests.operations.automation.unpaid import work
from tests.operations.billing.conftest import STAFF, client, company, invoice  # noqa: F401
from tests.operations.billing.prepaid import (
    credit,
    prepaid_product,
    problems,
    rows,
    status,
    top_up,
    when,
)
from tests.operations.ordering.dated import fresh

START = "2026-03-10T10:00"


def order(client: Any, *choices: Choice, **more: Any) -> Order:  # noqa: F811
    token = more.pop("token", "t")
    return orders.place(actor=STAFF, request=Request(client.uuid, choices, token, **more))


def cloud(**columns: Any) -> Choice:
    """A product of 0.10 an hour: 2.95 a day with 23 % tax, 8.86 for three days."""
    return Choice(products.find_product(prepaid_product(**columns)), "hourly")


def requested() -> list[str]:
    """Return the services whose provisioning was requested."""
    session().rollback()
    jobs = sa.select(Task.subject_uuid).where(Task.job == "ProvisionJob").order_by(Task.id)
    return list(session().scalars(jobs))


def start_of(placed: Order) -> prepaid_orders.Start:
    (found,) = prepaid_orders.starts(placed.client, [placed.items[0].service.uuid])
    return found


def test_with_credit_it_starts_at_once_and_is_charged_by_the_hour(company, client) -> None:  # noqa: F811
    with when(START):
        top_up(client, "100")
        placed = order(client, cloud())
        assert (placed.document, placed.total) == (None, Money(0, "EUR"))
        service = placed.items[0].service.uuid
        work()
        assert status(service) == "active"
        fresh = session().scalars(sa.select(Service)).one()
        assert (fresh.paid_until, fresh.prepaid, fresh.price_minor) == (None, True, 10)
    with when(START, hours=3, minutes=5):
        dunning.run(actor=AUTOMATION)
        assert session().scalar(sa.select(sa.func.count(Debit.id))) == 3
        assert credit(client) == str(Decimal("100.00") - Decimal("0.37"))
    with when("2026-04-01T03:00"):
        dunning.run(actor=AUTOMATION)
        statement = session().scalars(sa.select(Document).order_by(Document.id.desc())).first()
        assert statement is not None and statement.status == "paid"
    assert problems() == []


def test_without_credit_it_waits_and_a_top_up_starts_it_once(company, client) -> None:  # noqa: F811
    with when(START):
        placed = order(client, cloud())
        assert requested() == []
        found = start_of(placed)
        assert (found.missing.minor, found.ready) == (886, False)
        assert "Waits for credit: 8.86" in str(found.reason)
        top_up(client, "8")
        assert requested() == []
        assert start_of(placed).missing.minor == 86
        top_up(client, "0.86")
        assert len(requested()) == 1
        dunning.run(actor=AUTOMATION)
        assert len(requested()) == 1
        work()
        assert status(placed.items[0].service.uuid) == "active"
        dunning.run(actor=AUTOMATION)
        assert len(requested()) == 1


def test_credit_for_one_of_two_starts_the_first(company, client) -> None:  # noqa: F811
    with when(START):
        choice = cloud()
        placed = order(client, choice, choice)
        top_up(client, "10")
        first, second = (item.service.uuid for item in placed.items)
        assert requested() == [first]
        work()
        assert [status(first), status(second)] == ["active", "pending"]
        # what runs counts too: three days of both
        (found,) = prepaid_orders.starts(client, [second])
        assert found.needed.minor in (1771, 1772)
        top_up(client, "8")
        assert requested() == [first, second]


def test_two_top_ups_at_once_start_it_once(panel: Panel, company, client) -> None:  # noqa: F811
    with when(START):
        order(client, cloud())
        barrier, uuid = threading.Barrier(2), client.uuid
        session().rollback()

        def one() -> None:
            with panel.app_context():
                barrier.wait()
                top_up(find_client(uuid), "10")

        threads = [
            threading.Thread(target=contextvars.copy_context().run, args=(one,)) for _ in "ab"
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(requested()) == 1
    assert problems() == []


def test_the_setup_fee_is_invoiced_and_has_to_be_paid_first(company, client) -> None:  # noqa: F811
    with when(START):
        top_up(client, "5")
        placed = order(client, cloud(setup="10"))
        assert placed.document is not None and placed.total.minor == 1230
        top_up(client, "50")
        assert requested() == []
        payments.mark_paid(actor=STAFF, document_uuid=placed.document.uuid, reason="cash")
        assert len(requested()) == 1
    assert problems() == []


def test_a_cap_that_is_reached_keeps_it_from_starting(company, client) -> None:  # noqa: F811
    with when(START):
        with transaction() as current:
            current.add(
                PrepaidAccount(client_id=client.id, currency="EUR", low_credit=False, cap_minor=5)
            )
        top_up(client, "50")
        placed = order(client, cloud())
        assert "spending cap" in str(start_of(placed).reason)
        with transaction() as current:
            current.execute(sa.update(PrepaidAccount).values(cap_minor=None))
        dunning.run(actor=AUTOMATION)
        assert len(requested()) == 1


def test_what_never_gets_credit_is_cancelled(company, client) -> None:  # noqa: F811
    with when(START):
        placed = order(client, cloud(stock=3))
        assert unpaid_orders.due() == []
    with when(START, days=30):
        (found,) = unpaid_orders.due()
        assert (found.uuid, found.document_id) == (placed.uuid, None)
        dunning.run(actor=AUTOMATION)
        dunning.run(actor=AUTOMATION)
        session().expire_all()
        assert session().scalars(sa.select(Order.status)).one() == "cancelled"
        assert session().scalars(sa.select(Service.status)).one() == "cancelled"
        top_up(client, "50")
        assert requested() == []


def test_what_has_credit_is_not_cancelled_while_it_waits_for_its_task(company, client) -> None:  # noqa: F811
    with when(START):
        order(client, cloud())
        top_up(client, "100")
        assert len(requested()) == 1
    with when(START, days=30):
        assert unpaid_orders.due() == []


def test_a_missing_tax_rate_of_one_client_stops_no_other(company, client, invoice) -> None:  # noqa: F811
    with when(START):
        top_up(client, "20")
        order(client, cloud())
        work()
        issued = invoice("100")
        with transaction() as current:
            current.execute(sa.delete(CountryTax))
    with when(START, days=40):
        done = dunning.run(actor=AUTOMATION)
        assert done.steps.get("overdue") == 1 and issued.number


def test_one_that_waits_for_a_free_order_is_not_cancelled(company, client) -> None:  # noqa: F811
    """An order of a free product has no document either, and waits for nothing."""
    with when(START):
        made = products.save_product(
            actor=STAFF, uuid=None, name="Free", price=None, currency="EUR"
        )
        with transaction():
            product = products.find_product(made.uuid)
            product.billing_mode, product.provisioning = "free", "by_hand"
        order(client, Choice(products.find_product(made.uuid), "one_time"))
    with when(START, days=60):
        assert unpaid_orders.due() == []


def test_a_coupon_reduces_no_usage(company, client) -> None:  # noqa: F811
    with when(START):
        for code, setup in (("TEN", False), ("FEE", True)):
            values = CouponValues(code, percent=Decimal(50), cycles=None, setup=setup)
            coupons.save_coupon(actor=STAFF, uuid=None, values=values)
        choice = cloud(setup="10")
        with pytest.raises(InvalidInput, match="not valid for these products"):
            order(client, choice, coupon="TEN")
        placed = order(client, choice, coupon="FEE")
        assert placed.total.minor == 615
        assert placed.items[0].discount is None


def test_staff_cancel_and_acceptance(company, client) -> None:  # noqa: F811
    with when(START):
        top_up(client, "50")
        choice = cloud(provisioning="by_hand")
        placed = order(client, choice)
        dunning.run(actor=AUTOMATION)
        assert requested() == []
        cancellation.cancel(actor=STAFF, uuid=placed.uuid, reason="x")
        assert status(placed.items[0].service.uuid) == "cancelled"


def test_a_setting_of_zero_needs_the_first_hour_only(company, client) -> None:  # noqa: F811
    panel_settings.save(actor=STAFF, values={"billing.prepaid_start_days": "0"})
    with when(START):
        placed = order(client, cloud())
        assert start_of(placed).missing.minor == 12
        top_up(client, "0.12")
        assert len(requested()) == 1


def test_a_payment_that_pays_an_invoice_starts_nothing(company, client, invoice) -> None:  # noqa: F811
    """Its amount is credit for a moment only, until it has paid the invoice."""
    with when(START):
        order(client, cloud())
        issued = invoice("100")
        payments.mark_paid(actor=STAFF, document_uuid=issued.uuid, reason="cash")
        assert requested() == []
    assert problems() == []


def test_a_payment_is_booked_although_a_tax_rate_is_missing(company, client) -> None:  # noqa: F811
    with when(START):
        placed = order(client, cloud())
        with transaction() as current:
            current.execute(sa.delete(CountryTax))
        top_up(client, "50")
        assert (credit(client), requested()) == ("50.00", [])
        assert prepaid_orders.waiting_start(placed.items[0].service) is None


def test_a_price_that_was_not_shown_orders_nothing(company, client) -> None:  # noqa: F811
    with when(START):
        choice = cloud()
        with pytest.raises(PriceChangedError):
            order(client, choice, expected_month=Money(1, "EUR"))
        assert session().scalar(sa.select(sa.func.count(Order.id))) == 0
        assert order(client, choice, expected_month=Money(8979, "EUR")).id


def test_customers_do_not_collect_orders_that_wait_for_credit(company, client, monkeypatch) -> None:  # noqa: F811
    monkeypatch.setattr(limits, "MAX_UNPAID", 1)
    user = Principal(PrincipalKind.USER, None, "Anna")
    with when(START):
        limits.check_order(user, client)
        order(client, cloud())
        with pytest.raises(ConflictError, match="unpaid orders"):
            limits.check_order(user, client)


def test_a_change_of_plan_is_charged_from_the_next_hour(company, client) -> None:  # noqa: F811
    large = products.find_product(prepaid_product("0.40"))
    with when(START):
        top_up(client, "50")
        uuid = order(client, cloud()).items[0].service.uuid
        work()
    with when(START, minutes=90):
        target = Target(large, "hourly")
        found = plans.plan(STAFF, fresh(uuid), target).settlement
        assert (found.quote.total, found.effect) == (Money(0, "EUR"), "at_once")
        wanted = changes.Request(uuid, target, "t", expected_month=Money(1, "EUR"))
        with pytest.raises(PriceChangedError):
            changes.request(actor=STAFF, change=wanted)
        changes.request(actor=STAFF, change=replace(wanted, expected_month=Money(35916, "EUR")))
        assert (fresh(uuid).product_id, fresh(uuid).price.minor) == (large.id, 40)
    with when(START, hours=3):
        dunning.run(actor=AUTOMATION)
        assert [each.unit_minor for each in rows()] == [10, 10, 40]
    assert problems() == []


def test_a_plan_is_not_changed_between_prepaid_and_invoiced(company, client) -> None:  # noqa: F811
    web = products.save_product(actor=STAFF, uuid=None, name="Web", price="10", currency="EUR")
    with when(START):
        top_up(client, "50")
        both = (cloud(), Choice(products.find_product(web.uuid), "monthly"))
        placed = order(client, *both)
        payments.mark_paid(actor=STAFF, document_uuid=placed.document.uuid, reason="cash")
        work()
        uuids = [each.service.uuid for each in placed.items]
        for uuid, other in zip(uuids, reversed(both), strict=True):
            plans.check_changeable(STAFF, fresh(uuid))
            with pytest.raises(InvalidInput) as refused:
                plans.plan(STAFF, fresh(uuid), Target(other.product, other.period))
            assert "is billed in another way" in str(refused.value.messages["product"][0])
            shown = plans.products_for(STAFF, fresh(uuid))
            assert other.product.id not in {each.id for each in shown}


def test_customers_change_plans_of_days_once_a_day(company, client) -> None:  # noqa: F811
    """A day that has begun is charged at the price that it began with."""
    user = Principal(PrincipalKind.USER, None, "Anna")
    large = products.find_product(prepaid_product("9", period="daily"))
    small = products.find_product(prepaid_product("1", period="daily"))
    with when(START):
        top_up(client, "500")
        uuid = order(client, Choice(large, "daily")).items[0].service.uuid
        work()
        plans.check_changeable(user, fresh(uuid))
        target = Target(small, "daily")
        changes.request(actor=STAFF, change=changes.Request(uuid, target, "a"))
    with when(START, hours=1):
        with pytest.raises(ConflictError, match="once a day"):
            plans.check_changeable(user, fresh(uuid))
        plans.check_changeable(STAFF, fresh(uuid))
    with when(START, hours=25):
        plans.check_changeable(user, fresh(uuid))
