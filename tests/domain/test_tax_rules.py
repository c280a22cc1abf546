"""Which tax applies to a sale."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from puqpanel.domain.tax import Tax, TaxCategory
from puqpanel.domain.tax_rules import (
    BuyerKind,
    NoTaxRateError,
    TaxBuyer,
    TaxRate,
    TaxRule,
    TaxSeller,
    VatStatus,
    tax_group,
)

DAY = date(2026, 6, 1)


def rate(country, percent, since=2020, *, region="", tax_class="standard", position=1, **more):
    tax = Tax(more.get("name", "VAT"), Decimal(percent), more.get("compound", False))
    return TaxRate(country, region, tax_class, tax, position, date(since, 1, 1))


RATES = [
    rate("PL", 23),
    rate("PL", 8, tax_class="reduced"),
    rate("DE", 19),
    rate("DE", 20, 2027),
    rate("CA", 5, name="GST"),
    rate("CA", "9.975", region="QC", position=2, name="QST"),
    rate("CA", 13, region="ON", name="HST"),
    rate("CA", 15, region="New  Brunswick", name="HST"),
    rate("AE", 0),
]
PL = TaxSeller("PL")
BUSINESS, CONFIRMED = BuyerKind.BUSINESS, VatStatus.CONFIRMED


@pytest.mark.parametrize(
    ("seller", "buyer", "category", "rates"),
    [
        (PL, TaxBuyer("PL"), "S", [23]),
        (PL, TaxBuyer(""), "S", [23]),
        (PL, TaxBuyer("PL", kind=BUSINESS, vat_status=CONFIRMED), "S", [23]),
        (PL, TaxBuyer("DE"), "S", [23]),
        (TaxSeller("PL", one_stop_shop=True), TaxBuyer("DE"), "S", [19]),
        (TaxSeller("GB", one_stop_shop=True), TaxBuyer("DE"), "S", [19]),
        (TaxSeller("GB", one_stop_shop=True), TaxBuyer("DE", kind=BUSINESS), "S", [19]),
        (
            TaxSeller("GB", one_stop_shop=True),
            TaxBuyer("DE", kind=BUSINESS, vat_status=CONFIRMED),
            "O",
            [],
        ),
        (TaxSeller("GB", one_stop_shop=True), TaxBuyer("US"), "O", []),
        (TaxSeller("GB"), TaxBuyer("DE"), "O", []),
        (PL, TaxBuyer("DE", kind=BUSINESS, vat_status=CONFIRMED), "AE", []),
        (PL, TaxBuyer("DE", kind=BUSINESS, vat_status=VatStatus.PENDING), "S", [23]),
        (PL, TaxBuyer("DE", kind=BUSINESS, vat_status=VatStatus.REFUSED), "S", [23]),
        (PL, TaxBuyer("US", kind=BUSINESS), "O", []),
        (PL, TaxBuyer("PL", kind=BuyerKind.EXEMPT), "E", []),
        (TaxSeller("PL", registered=False), TaxBuyer("PL"), "E", []),
        (TaxSeller("CA"), TaxBuyer("CA", "QC"), "S", [5, Decimal("9.975")]),
        (TaxSeller("CA"), TaxBuyer("CA", "ON"), "S", [13]),
        (TaxSeller("CA"), TaxBuyer("CA", " on "), "S", [13]),
        (TaxSeller("CA"), TaxBuyer("CA", "new brunswick"), "S", [15]),
        (TaxSeller("CA"), TaxBuyer("CA", "AB"), "S", [5]),
        (TaxSeller("AE"), TaxBuyer("AE"), "Z", []),
    ],
)
def test_seller_and_buyer_decide(seller, buyer, category, rates):
    group = tax_group(seller, buyer, RATES, [], day=DAY)
    assert (group.category, [tax.rate for tax in group.taxes]) == (category, rates)
    assert bool(group.reason) == (category in {"AE", "O", "E"})
    assert bool(group.country) == (category in {"S", "Z"})


@pytest.mark.parametrize(
    ("seller", "one_stop_shop", "country"),
    [("PL", False, "PL"), ("PL", True, "DE"), ("GB", True, "DE")],
)
def test_a_group_says_whose_tax_is_charged(seller, one_stop_shop, country):
    seller = TaxSeller(seller, one_stop_shop=one_stop_shop)
    assert tax_group(seller, TaxBuyer("DE"), RATES, [], day=DAY).country == country


def test_a_rate_holds_from_its_day_on():
    german = TaxSeller("DE"), TaxBuyer("DE")
    assert tax_group(*german, RATES, [], day=date(2026, 12, 31)).rate == 19
    assert tax_group(*german, RATES, [], day=date(2027, 1, 1)).rate == 20


def test_a_tax_class_without_a_rate_has_the_standard_one():
    assert tax_group(PL, TaxBuyer("PL"), RATES, [], day=DAY, tax_class="reduced").rate == 8
    german = TaxSeller("DE"), TaxBuyer("DE")
    assert tax_group(*german, RATES, [], day=DAY, tax_class="reduced").rate == 19


def test_the_most_specific_rule_of_the_firm_comes_first():
    rules = [
        TaxRule("", "", None, TaxCategory.OUTSIDE_SCOPE, "all"),
        TaxRule("US", "", None, TaxCategory.EXPORT, "us"),
        TaxRule("US", "NY", BuyerKind.CONSUMER, TaxCategory.EXEMPT, "ny"),
        TaxRule("DE", "", None, TaxCategory.STANDARD, ""),
    ]

    def reason(buyer: TaxBuyer) -> str:
        return tax_group(PL, buyer, RATES, rules, day=DAY).reason

    assert reason(TaxBuyer("FR")) == "all"
    assert reason(TaxBuyer("US", "CA")) == "us"
    assert reason(TaxBuyer("US", "NY")) == "ny"
    assert reason(TaxBuyer("US", "ny ")) == "ny"
    assert reason(TaxBuyer("US", "NY", BUSINESS)) == "us"
    assert tax_group(PL, TaxBuyer("DE"), RATES, rules, day=DAY).rate == 19


def test_a_rule_of_reverse_charge_fits_buyers_with_a_number():
    rules = [TaxRule("", "", None, TaxCategory.REVERSE_CHARGE, "rule")]
    numbered = TaxBuyer("DE", has_number=True)
    assert tax_group(PL, numbered, RATES, rules, day=DAY).reason == "rule"
    assert tax_group(PL, TaxBuyer("DE"), RATES, rules, day=DAY).rate == 23


def test_tax_without_a_rate_is_refused():
    with pytest.raises(NoTaxRateError, match="No tax rate for FR on 1 Jun 2026"):
        tax_group(TaxSeller("FR"), TaxBuyer("FR"), RATES, [], day=DAY)
    with pytest.raises(NoTaxRateError):
        tax_group(PL, TaxBuyer("PL"), RATES, [], day=date(2019, 12, 31))
