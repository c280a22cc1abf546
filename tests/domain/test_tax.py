"""Tax of groups: net and gross prices, several taxes, and credit notes in parts."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from puqpanel.domain.money import Money
from puqpanel.domain.tax import (
    GroupTotal,
    PriceEntry,
    Tax,
    TaxCategory,
    TaxGroup,
    group_total,
    line_nets,
    part_with_tax,
    remaining_tax,
)

NET, GROSS = PriceEntry.NET, PriceEntry.GROSS


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


def group(*rates: str, compound: bool = False) -> TaxGroup:
    taxes = tuple(
        Tax(f"T{at}", Decimal(rate), compound and at > 0) for at, rate in enumerate(rates)
    )
    return TaxGroup(TaxCategory.STANDARD, taxes)


@pytest.mark.parametrize(
    ("taxes", "entered", "entry", "net", "tax"),
    [
        (group("20"), 999, NET, 999, [200]),
        (group("23"), 1000, GROSS, 813, [187]),
        (group("21"), 121, GROSS, 100, [21]),
        (group("5", "9.975"), 10000, NET, 10000, [500, 998]),
        (group("5", "7.5", compound=True), 10000, NET, 10000, [500, 788]),
        (group("5", "9.975"), 11498, GROSS, 10000, [500, 998]),
        (group("20"), -999, NET, -999, [-200]),
        (group("20"), -1000, GROSS, -833, [-167]),
        (TaxGroup(TaxCategory.REVERSE_CHARGE, reason="x"), 1000, GROSS, 1000, []),
        (group("0"), 1000, GROSS, 1000, [0]),
    ],
)
def test_a_group_has_one_tax_amount(taxes, entered, entry, net, tax):
    total = group_total(taxes, eur(entered), entry)
    assert (total.net.minor, [each.minor for each in total.taxes]) == (net, tax)


def test_tax_is_computed_on_the_group_and_not_on_each_line():
    # four lines of 0.99 at 20 %: 0.79 on the sum, 4 x 0.20 on the lines
    assert group_total(group("20"), eur(4 * 99), NET).tax == eur(79)


amounts = st.lists(st.integers(-(10**7), 10**7), min_size=1, max_size=20)
rates = st.decimals(0, 50, places=3).map(str)


@settings(deadline=None)  # the machine may be busy
@given(amounts, rates)
def test_line_nets_sum_to_the_net_amount_of_the_group(minors, rate):
    lines = [eur(minor) for minor in minors]
    taxed = group(rate)
    nets = line_nets(taxed, lines, GROSS)
    total = group_total(taxed, Money.total(lines, "EUR"), GROSS)
    assert Money.total(nets, "EUR") == total.net
    assert total.gross == Money.total(lines, "EUR")
    factor = 1 + sum(taxed.shares)
    assert all(
        abs(net.minor - line.minor / factor) <= 1 for net, line in zip(nets, lines, strict=True)
    )


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=12), rates, rates)
def test_credit_notes_in_any_pieces_sum_to_the_invoice(parts, first, second):
    taxed = group(first, second)
    whole = group_total(taxed, eur(sum(parts)), NET)
    credited = GroupTotal(taxed, eur(0), (eur(0), eur(0)))
    for part in parts:
        piece = remaining_tax(taxed, eur(part), credited, whole)
        taxes = tuple(a + b for a, b in zip(credited.taxes, piece.taxes, strict=True))
        assert all(tax.minor >= 0 for tax in piece.taxes)
        credited = GroupTotal(taxed, credited.net + piece.net, taxes)
    assert credited == whole


@settings(deadline=None)  # the machine may be busy
@given(
    st.integers(-50_000, 50_000).filter(bool),
    st.sampled_from((group("23"), group("5", "9.975"), group("5", "7.5", compound=True), group())),
    st.lists(st.tuples(st.booleans(), st.integers(0, 100)), max_size=8),
)
def test_parts_with_and_without_tax_sum_to_each_tax(net, taxed, parts):
    whole = group_total(taxed, eur(net), NET)
    credited = GroupTotal(taxed, eur(0), tuple(eur(0) for _ in whole.taxes))
    for with_tax, share in (*parts, (True, 100)):
        rest = (whole.gross - credited.gross) if with_tax else (whole.net - credited.net)
        part = eur(rest.minor * share // 100)
        if not part:
            continue
        piece = (
            part_with_tax(part, credited, whole)
            if with_tax
            else remaining_tax(taxed, part, credited, whole)
        )
        if with_tax:
            assert piece.gross == part
        sign = 1 if net > 0 else -1
        assert all(each.minor * sign >= 0 for each in (piece.net, *piece.taxes))
        taxes = tuple(a + b for a, b in zip(credited.taxes, piece.taxes, strict=True))
        credited = GroupTotal(taxed, credited.net + piece.net, taxes)
    assert credited == whole


def test_no_more_is_credited_than_was_invoiced():
    whole = group_total(group("20"), eur(100), NET)
    none = GroupTotal(whole.group, eur(0), (eur(0),))
    with pytest.raises(ValueError, match="than was invoiced"):
        remaining_tax(whole.group, eur(101), none, whole)


def test_a_group_that_is_not_taxed_has_no_taxes():
    with pytest.raises(ValueError, match="AE has no tax"):
        TaxGroup(TaxCategory.REVERSE_CHARGE, (Tax("VAT", Decimal(20)),))
    with pytest.raises(ValueError, match="at most 3"):
        group("1", "1", "1", "1")
