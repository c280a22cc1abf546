"""The forecast: what renewals issue later, for one client and in sums."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.db import session, transaction
from puqpanel.models import Document, PaymentMethod
from puqpanel.operations.accounts.clients import find_client
from puqpanel.operations.automation import forecast, renewals
from puqpanel.operations.billing import companies
from puqpanel.operations.ordering import coupons, endings
from puqpanel.operations.ordering.coupons import CouponValues
from puqpanel.operations.system import settings
from tests.operations.billing.conftest import STAFF, client, company  # noqa: F401  # fixtures
from tests.operations.billing.test_issuing import problems
from tests.operations.billing.test_payment_reports import make_gateway
from tests.operations.ordering.dated import at, buy, change, eur, sold

START, LAST = date(2026, 1, 31), date(2027, 1, 30)


def expected(client: Any, until: date = LAST) -> list[forecast.ExpectedDocument]:  # noqa: F811
    return forecast.documents(find_client(client.uuid), until)


def shown(document: forecast.ExpectedDocument) -> tuple[Any, ...]:
    assert document.total is not None
    spans = [(bill.service.id, bill.upcoming.span.start) for bill in document.bills]
    return document.issued_on, document.due_on, document.total, sorted(spans)


def issued(after: int) -> list[tuple[Any, ...]]:
    session().rollback()
    session().expire_all()
    query = sa.select(Document).where(Document.id > after).order_by(Document.id)
    return [
        (
            row.issued_on,
            row.due_on,
            row.total,
            sorted({(line.service_id, line.period_start) for line in row.lines}),
        )
        for row in session().scalars(query)
    ]


@pytest.mark.parametrize("entry", ["net", "gross"])
def test_a_year_of_renewals_is_what_was_forecast(client, company, entry):  # noqa: F811
    companies.save_company(actor=STAFF, uuid=company.uuid, values={"entry": entry})
    values = CouponValues("THREE", percent=Decimal(20), cycles=3)
    coupons.save_coupon(actor=STAFF, uuid=None, values=values)
    with at(START.isoformat()):
        buy(client, sold("VPS", {"monthly": "10", "annually": "100"}), coupon="THREE")
        buy(client, sold("Mail", {"monthly": "3.33"}))
        buy(client, sold("Disk", {"quarterly": "7.77"}), "quarterly")
        buy(client, sold("Domain", {"annually": "12"}), "annually")
        buy(client, sold("Weekly", {"weekly": "1.01"}), "weekly")
    with at("2026-02-10"):
        service = buy(client, sold("Big", {"monthly": "30"})).items[0].service
        endings.request(actor=STAFF, service_uuid=service.uuid, at_once=False, reason="too big")
        found = expected(client)
        sums = forecast.expected(LAST)
        last = session().scalar(sa.select(sa.func.max(Document.id)))
    day = date(2026, 2, 10)
    while day <= LAST:
        with at(day.isoformat()):
            while renewals.run(actor=AUTOMATION).issued:
                pass
        day += timedelta(days=1)
    really = [row for row in issued(last) if row[1] <= LAST]
    assert sorted(map(shown, found)) == sorted(really)
    assert len(really) > 60
    by_month = Counter[date]()
    for document in found:
        by_month[document.due_on.replace(day=1)] += document.entered.minor
    assert {row.month: row.renewals.minor for row in sums if row.renewals} == dict(by_month)
    assert problems() == []


def test_a_scheduled_change_counts_from_its_day(client, company):  # noqa: F811
    with at("2026-01-31"):
        product = sold("VPS", {"monthly": "10"})
        small = sold("Small", {"monthly": "4"})
        service = buy(client, product).items[0].service.uuid
        change(service, small)
        found = expected(client, date(2026, 4, 30))
        sums = forecast.expected(date(2026, 4, 30))
    amounts = [(each.due_on, each.entered, each.bills[0].product.name) for each in found]
    assert amounts == [
        (date(2026, 2, 28), eur(400), "Small"),
        (date(2026, 3, 31), eur(400), "Small"),
        (date(2026, 4, 30), eur(400), "Small"),
    ]
    assert all(bill.changed for each in found for bill in each.bills)
    # nothing is issued before the change takes effect
    assert [each.issued_on for each in found[:2]] == [date(2026, 2, 28), date(2026, 3, 17)]
    assert [row.renewals.minor for row in sums] == [400, 400, 400]


def test_what_is_not_renewed_is_not_forecast(client, company):  # noqa: F811
    with at("2026-01-31"):
        buy(client, sold("VPS", {"monthly": "10"}))
        assert len(expected(client, date(2026, 3, 31))) == 2
        settings.save(actor=STAFF, values={"billing.renewals": False})
        assert expected(client) == []
        assert forecast.expected(LAST) == []
        settings.save(actor=STAFF, values={"billing.renewals": True})
    with at("2026-03-10"):
        assert expected(client) == []  # so late that staff decide


def test_sums_tell_what_is_paid_automatically(client, company):  # noqa: F811
    gateway = make_gateway()
    until = date(2026, 2, 28)
    with at("2026-01-31"):
        buy(client, sold("VPS", {"monthly": "10"}))
        (row,) = forecast.expected(until)
        assert (row.month, row.renewals, row.automatic) == (date(2026, 2, 1), eur(1000), eur(0))
        assert (row.company, row.unpaid) == (company.name, eur(0))
        method = PaymentMethod(
            gateway=gateway, client_id=client.id, outside_id="pm_1", automatic=True
        )
        with transaction() as current:
            current.add(method)
        (row,) = forecast.expected(until, company_uuid=company.uuid)
        assert (row.renewals, row.automatic) == (eur(1000), eur(1000))
        assert forecast.expected(until, company_uuid="other") == []


def test_unpaid_documents_are_due_in_their_month_or_overdue(client, company):  # noqa: F811
    with at("2026-01-31"):
        buy(client, sold("VPS", {"monthly": "10"}))
    with at("2026-02-20"):
        assert renewals.run(actor=AUTOMATION).issued == 1
        (february, march) = forecast.expected(date(2026, 3, 31))
        assert (february.renewals, february.unpaid) == (eur(0), eur(1230))
        assert (march.renewals, march.unpaid) == (eur(1000), eur(0))
    with at("2026-04-01"):
        (april,) = forecast.expected(date(2026, 4, 30))
        assert (april.month, april.unpaid) == (date(2026, 4, 1), eur(1230))


@pytest.mark.parametrize(
    ("today", "months", "last"),
    [
        ("2026-01-31", 1, "2026-02-27"),
        ("2026-01-01", 12, "2026-12-31"),
        ("2026-12-15", 12, "2027-12-14"),
        ("2027-12-31", 2, "2028-02-28"),
        ("2026-06-30", 99, "2028-06-29"),
        ("2026-06-30", 0, "2026-07-29"),
    ],
)
def test_the_last_day_of_a_number_of_months(today, months, last):
    found = forecast.last_day(months, date.fromisoformat(today))
    assert found == date.fromisoformat(last)
