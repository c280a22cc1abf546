"""Quotes: setup fees, options, prorated first periods, coupons and tax."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from puqpanel.domain.charges import ChargeKind, Coverage, unused
from puqpanel.domain.errors import UserError
from puqpanel.domain.money import CurrencyMismatchError, Money
from puqpanel.domain.periods import FixedDay, Period, Span
from puqpanel.domain.pricing import Coupon, Item, Part, Price, quote
from puqpanel.domain.tax import PriceEntry, Tax, TaxCategory, TaxGroup

NET, GROSS = PriceEntry.NET, PriceEntry.GROSS
VAT = TaxGroup(TaxCategory.STANDARD, (Tax("VAT", Decimal(20)),))
DAY = date(2026, 1, 31)


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


def part(recurring: int, setup: int = 0, key: str = "", quantity: int = 1, **more) -> Part:
    price = Price(eur(setup), eur(recurring), more.get("period", Period.MONTHLY), f"price-{key}")
    return Part(key, key or "VPS", price, quantity)


def item(*parts: Part, **more) -> Item:
    return Item(more.pop("key", "a"), more.pop("product", "vps"), parts, VAT, **more)


def price(*items: Item, entry: PriceEntry = NET, day: date = DAY, coupons=()):
    return quote(items, day=day, currency="EUR", entry=entry, coupons=coupons)


def test_a_quote_has_setup_fees_options_and_tax():
    result = price(item(part(1000, 500), part(200, key="ip", quantity=3), quantity=2))
    assert [(line.kind, line.part, line.quantity, line.amount.minor) for line in result.lines] == [
        (ChargeKind.SETUP, "", 2, 1000),
        (ChargeKind.RECURRING, "", 2, 2000),
        (ChargeKind.RECURRING, "ip", 6, 1200),
    ]
    assert (result.net, result.tax, result.total) == (eur(4200), eur(840), eur(5040))
    assert result.regular == ((Period.MONTHLY, eur(3840)),)
    assert result.lines[1].span == Span(DAY, date(2026, 2, 28))


def test_a_first_period_up_to_a_fixed_day_is_prorated():
    result = price(item(part(3100), policy=FixedDay(1)), day=date(2026, 1, 22))
    (line,) = result.lines
    assert line.kind == ChargeKind.PRORATION
    assert (line.share, line.amount) == (Fraction(10, 31), eur(1000))
    assert line.span == Span(date(2026, 1, 22), date(2026, 2, 1), -1)


def test_one_time_prices_are_charged_once_and_hourly_ones_afterwards():
    once = price(item(part(1000, 100, period=Period.ONE_TIME)))
    assert once.total == eur(1320)
    assert once.regular == ()
    assert price(item(part(10, period=Period.HOURLY))).total == eur(0)


def test_a_renewal_charges_its_days_without_setup():
    span = Span(date(2026, 2, 28), date(2026, 3, 31), 1)
    (line,) = price(item(part(1000, 500), span=span, cycle=1)).lines
    assert (line.kind, line.span, line.amount) == (ChargeKind.RECURRING, span, eur(1000))


def test_a_percentage_reduces_the_valid_products_for_the_first_periods():
    ten = Coupon("TEN", percent=Decimal(10), products=frozenset({"vps"}))
    result = price(item(part(999, 500)), item(part(1000), key="b", product="web"), coupons=[ten])
    (discount,) = [line for line in result.lines if line.coupon]
    assert (discount.item, discount.amount, discount.label) == ("a", eur(-100), "TEN")
    later = Span(date(2026, 2, 28), date(2026, 3, 31), 1)
    assert price(item(part(999), span=later, cycle=1), coupons=[ten]).net == eur(999)


def test_an_amount_is_never_more_than_the_price():
    off = Coupon("OFF", amount=eur(5000), setup=True)
    result = price(item(part(1000, 500)), coupons=[off])
    assert result.total == eur(0)
    assert [line.amount.minor for line in result.lines if line.coupon] == [-500, -1000]


def test_coupons_apply_one_after_another():
    half = Coupon("HALF", percent=Decimal(50))
    result = price(item(part(1000)), coupons=[half, Coupon("HALF2", percent=Decimal(50))])
    assert result.net == eur(250)


@pytest.mark.parametrize(
    ("cycles", "regular"), [(None, 600), (2, 600), (1, 1200)], ids=["all", "two", "first"]
)
def test_what_the_next_period_costs_counts_coupons_that_still_apply(cycles, regular):
    bought = item(part(1000, 500))
    half = Coupon("HALF", percent=Decimal(50), cycles=cycles, setup=True)
    assert price(bought, coupons=[half]).regular == ((Period.MONTHLY, eur(regular)),)
    amount = Coupon("FIVE", amount=eur(500), cycles=cycles)
    assert price(bought, coupons=[amount]).regular == ((Period.MONTHLY, eur(regular)),)


def test_an_amount_is_taken_off_each_item_as_in_the_first_period():
    yearly = item(part(3000, period=Period.ANNUALLY), key="b")
    off = Coupon("OFF", amount=eur(1000), cycles=None)
    result = price(item(part(1000)), yearly, coupons=[off])
    assert result.regular == ((Period.MONTHLY, eur(900)), (Period.ANNUALLY, eur(2700)))


@settings(deadline=None)  # the machine may be busy
@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**5)), min_size=1, max_size=20),
    st.integers(0, 100),
)
def test_lines_sum_to_the_totals_with_gross_prices(prices, percent):
    items = [item(part(each, setup), key=str(at)) for at, (each, setup) in enumerate(prices)]
    result = price(*items, entry=GROSS, coupons=[Coupon("C", percent=Decimal(percent))])
    assert Money.total((line.net for line in result.lines), "EUR") == result.net
    assert Money.total((line.amount for line in result.lines), "EUR") == result.total


@pytest.mark.parametrize("quantity", [0, -1, 1001])
def test_a_quantity_out_of_range_is_refused(quantity):
    with pytest.raises(UserError, match="from 1 to 1000"):
        price(item(part(1), quantity=quantity))


def test_prices_of_another_currency_are_refused():
    with pytest.raises(CurrencyMismatchError):
        quote([item(part(100))], day=DAY, currency="PLN", entry=NET)


def test_three_upgrades_in_a_period_are_settled_from_coverage():
    month = Span(date(2026, 6, 1), date(2026, 7, 1))
    charges = [Coverage(eur(3000), month)]
    for day, recurring in ((date(2026, 6, 11), 6000), (date(2026, 6, 16), 9000)):
        rest = Span(day, month.end)
        new = eur(recurring).scaled(Fraction(rest.days, month.days))
        charges.append(Coverage(new - unused(charges, day, "EUR"), rest))
    # 20 of 30 days of the difference of 30.00, then 15 of 30 days of the same
    assert [each.amount.minor for each in charges] == [3000, 2000, 1500]
    assert unused(charges, date(2026, 6, 21), "EUR") == eur(3000)


def test_what_is_charged_once_takes_nothing_of_a_later_discount():
    off = Coupon("OFF", amount=eur(1000), cycles=None)
    once = item(part(9000, period=Period.ONE_TIME), key="once")
    result = price(item(part(1000)), once, coupons=[off])
    assert result.net == eur(9000)
    assert result.later_discounts == {"a": eur(1000)}
    assert result.regular == ((Period.MONTHLY, eur(0)),)
