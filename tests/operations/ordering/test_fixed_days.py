"""Products with a fixed day keep it, in the order, in changes and in offers."""

from __future__ import annotations

from datetime import date

import pytest

from puqpanel.domain.periods import Period, period_containing
from puqpanel.operations.catalog import products
from puqpanel.operations.ordering import draft_items, drafts, offer_answers, offers
from puqpanel.operations.ordering.quotes import Choice
from tests.operations.billing.conftest import STAFF, client, company  # noqa: F401  # fixtures
from tests.operations.billing.test_issuing import problems
from tests.operations.ordering.dated import at, buy, change, eur, fresh, settlement, sold


@pytest.mark.parametrize("day", [29, 30, 31])
def test_periods_begin_on_the_day_after_a_short_month(client, company, day):  # noqa: F811
    """Charged from 10 February to the day in March; 21 days before it, the price doubles."""
    cheap, dear = (
        sold(name, {"monthly": price}, anchor_day=day, next_after=5)
        for name, price in (("A", "31"), ("B", "62"))
    )
    with at("2026-02-10"):
        service = buy(client, cheap).items[0].service
    assert (service.anchored_on, service.paid_until) == (date(2026, 2, 28), date(2026, 3, day))
    following = period_containing(fresh(service.uuid).anchor, Period.MONTHLY, date(2026, 4, 10))
    assert (following.start, following.end) == (date(2026, 3, day), date(2026, 4, min(day, 30)))
    with at(f"2026-03-{day - 21:02}"):
        due = settlement(service.uuid, dear).quote.net
    assert due == eur(round(3100 * 21 / day))  # from 28 February there are as many days


def test_a_change_keeps_the_day_too(client, company):  # noqa: F811
    monthly = sold("A", {"monthly": "31", "annually": "372"})
    yearly = sold("B", {"annually": "3650"}, anchor_day=31, next_after=5)
    with at("2026-02-15"):
        uuid = buy(client, monthly).items[0].service.uuid
    with at("2026-02-20"):
        change(uuid, yearly, "annually")
    anchor = fresh(uuid).anchor
    assert anchor is not None
    assert (anchor.start, anchor.day) == (date(2026, 2, 28), 31)
    assert problems() == []


def test_only_products_with_a_fixed_day_begin_on_the_day_of_an_offer(client, company):  # noqa: F811
    fixed = sold("Fixed", {"monthly": "31"}, anchor_day=1)
    free = sold("Free", {"monthly": "31"})
    with at("2026-03-02"):
        order = drafts.create(actor=STAFF, client_uuid=client.uuid)
        for each in (fixed, free):
            choice = Choice(products.find_product(each), "monthly")
            draft_items.save_item(actor=STAFF, uuid=order.uuid, choice=choice)
        sent = offers.send(actor=STAFF, uuid=order.uuid, expires_on=date(2026, 3, 25))
    with at("2026-03-20"):
        placed = offer_answers.accept_link(token=sent.token, name="Anna", ip="192.0.2.7")
    days = {item.service.name: item.service.paid_until for item in placed.items}
    assert days == {"Fixed": date(2026, 4, 1), "Free": date(2026, 4, 20)}
    assert placed.document.total == sent.offer.total
