"""What happens to charged periods when services end, change, or are marked as fraud."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, InvalidInput
from puqpanel.domain.money import Money
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.db import session, transaction
from puqpanel.models import Document, Order
from puqpanel.operations.automation import due_services, renewals
from puqpanel.operations.billing import credit_notes, payments
from puqpanel.operations.catalog import products
from puqpanel.operations.ordering import acceptance, changes, coupons, endings, terms
from puqpanel.operations.ordering.coupons import CouponValues
from puqpanel.operations.ordering.plans import Target
from puqpanel.operations.provisioning import requests
from puqpanel.operations.system import settings as stored
from tests.operations.automation.test_renewals import issued, put, run, service  # noqa: F401  # fixture
from tests.operations.billing.conftest import STAFF, client, company, credit_of  # noqa: F401  # fixtures
from tests.operations.billing.test_issuing import problems
from tests.operations.ordering.dated import at, buy, eur, fresh, settlement, sold
from tests.operations.provisioning.provider_file import work


def pay(document: Any, minor: int = 0) -> None:
    amount = eur(minor) if minor else None
    payments.mark_paid(actor=STAFF, document_uuid=document.uuid, reason="cash", amount=amount)


def end(uuid: str, *, at_once: bool = False) -> date:
    return endings.request(actor=STAFF, service_uuid=uuid, at_once=at_once, reason="x").ends_on


@pytest.mark.parametrize("part", [0, 100])
def test_days_that_were_paid_after_the_cancellation_become_credit(service, client, part):  # noqa: F811
    with at("2026-02-14"):
        assert run() == 1
        assert end(service) == date(2026, 2, 28)
    with at("2026-02-20"):
        pay(issued()[0], part)
    with at("2026-02-28"):
        endings.carry_out_due()
    assert issued()[0].open == eur(0)
    assert credit_of(client) == eur(part or 1230)
    assert problems() == []


def test_the_period_ends_after_the_days_that_are_paid(service):  # noqa: F811
    bigger = sold("Bigger", {"monthly": "20"})
    with at("2026-02-14"):
        assert run() == 1
        pay(issued()[0])
        request = changes.Request(service, Target(products.find_product(bigger), "monthly"), "t")
        changes.request(actor=STAFF, change=request)
        assert endings.period_end(fresh(service)) == date(2026, 3, 31)


def test_small_credit_does_not_delay_the_end(service):  # noqa: F811
    first = session().scalars(sa.select(Document)).one()
    with at("2026-02-01"):
        credit_notes.credit(actor=STAFF, uuid=first.uuid, reason="x", amount=eur(1))
    with at("2026-02-14"):
        assert run() == 1
        assert issued()[-1].status == "partly_paid"
        assert endings.period_end(fresh(service)) == date(2026, 2, 28)


def test_services_of_orders_marked_as_fraud_are_not_renewed(service):  # noqa: F811
    order = session().scalars(sa.select(Order)).one().uuid
    with at("2026-02-13"):
        acceptance.mark_fraud(actor=STAFF, uuid=order, reason="stolen card")
        put(service, status="suspended")
    with at("2026-02-20"):
        assert run() == 0
        assert session().scalars(due_services.overdue()).all() == []


def test_a_change_that_waits_for_payment_delays_no_period_that_has_begun(client, company):  # noqa: F811
    with at("2026-01-31"):
        uuid = buy(client, sold("VPS", {"daily": "1"}), "daily").items[0].service.uuid
    bigger = sold("Bigger", {"daily": "2"})
    with at("2026-02-01"):
        request = changes.Request(uuid, Target(products.find_product(bigger), "daily"), "t")
        assert changes.request(actor=STAFF, change=request).expires_on == date(2026, 2, 3)
        assert run() == 1
    assert fresh(uuid).paid_until == date(2026, 2, 2)


def test_free_periods_are_not_charged_afterwards(service):  # noqa: F811
    with at("2026-02-01"):
        price = {"service_uuid": service, "reason": "sponsor"}
        terms.override_price(actor=STAFF, price=Money.zero("EUR"), **price)
    with at("2026-07-01"):
        assert (run(), session().scalars(due_services.overdue()).all()) == (0, [])
        terms.override_price(actor=STAFF, price=eur(1000), **price)
        assert run() == 1
    (line,) = issued()[-1].lines
    assert (line.period_start, line.period_end) == (date(2026, 7, 1), date(2026, 7, 31))
    assert line.kind == "proration"


def test_a_terminated_service_asks_for_no_days_after_its_end(service):  # noqa: F811
    with at("2026-02-14"):
        assert run() == 1
        requests.request(actor=STAFF, service_uuid=service, verb="terminate", reason="abuse")
        work()
    assert fresh(service).status == "terminated"
    assert issued()[0].open == eur(0)
    assert problems() == []


def test_an_edited_coupon_changes_nothing_that_was_charged(client, company):  # noqa: F811
    values = CouponValues("ONCE", percent=Decimal(20))
    coupon = coupons.save_coupon(actor=STAFF, uuid=None, values=values)
    with at("2026-01-31"):
        order = buy(client, sold("VPS", {"monthly": "28"}), coupon="ONCE")
    edited = CouponValues("ONCE", percent=Decimal(90))
    coupons.save_coupon(actor=STAFF, uuid=coupon.uuid, values=edited)
    bigger = sold("Bigger", {"monthly": "56"})
    with at("2026-02-14"):
        found = settlement(order.items[0].service.uuid, bigger)
    assert found.quote.net == eur(1120)  # half of 56.00 - 28.00, less 20 %


def test_an_amount_off_is_taken_by_the_share_of_the_period(client, company):  # noqa: F811
    values = CouponValues("FIVE", amount=Decimal(5), currency="EUR", cycles=None)
    coupons.save_coupon(actor=STAFF, uuid=None, values=values)
    with at("2026-01-01"):
        order = buy(client, sold("VPS", {"monthly": "31"}), coupon="FIVE")
    put(order.items[0].service.uuid, paid_until=date(2026, 1, 22))
    with at("2026-01-22"):
        assert run() == 1
    assert issued()[-1].net == eur(1000 - round(500 * 10 / 31))


def test_staff_set_until_when_a_service_is_charged(service, client):  # noqa: F811
    arguments = {"actor": STAFF, "service_uuid": service, "reason": "Paid elsewhere"}
    with at("2026-02-14"):
        for day, text in (
            (date(2026, 2, 20), "Credit it first"),
            (date(2062, 2, 20), "five years"),
        ):
            with pytest.raises(InvalidInput) as raised:
                terms.set_charged_until(day=day, **arguments)
            assert text in str(raised.value.errors["day"])
        terms.set_charged_until(day=date(2026, 3, 31), **arguments)
        assert run() == 0
        assert end(service) == date(2026, 3, 31)
        with pytest.raises(ConflictError):
            terms.set_charged_until(day=date(2026, 3, 31), **arguments)


def test_a_credited_renewal_is_charged_again_once_staff_say_so(service):  # noqa: F811
    with at("2026-02-14"):
        assert run() == 1
        credit_notes.credit(actor=STAFF, uuid=issued()[0].uuid, reason="Wrong address")
        assert run() == 0
        terms.set_charged_until(
            actor=STAFF, service_uuid=service, day=date(2026, 2, 28), reason="again"
        )
        assert run() == 1
    assert problems() == []


def test_it_can_be_switched_off(service):  # noqa: F811
    with at("2026-02-17"):
        with transaction():
            stored.save(actor=AUTOMATION, values={"billing.renewals": False})
        assert due_services.invoice_day(fresh(service)) is None
        assert renewals.run_automatically() == 0
        assert session().scalars(due_services.overdue()).all() == ["VPS"]
        assert run() == 1
