"""Which tax applies to a sale: the seller, the buyer and the rates decide.

The built-in rules are those of services supplied electronically, which hosting is: within the EU,
businesses with a confirmed VAT number account for the tax themselves (Directive 2006/112/EC,
Article 196), and consumers pay the rate of their country if the seller takes part in the One-Stop
Shop (Article 58), wherever the seller is (Articles 358a to 369k). A rule of the firm, by country,
region and kind of buyer, comes before them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from puqpanel.domain.errors import UserError
from puqpanel.domain.tax import MAX_TAXES, Tax, TaxCategory, TaxGroup
from puqpanel.domain.texts import Text, _

EU_COUNTRIES = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
EU = frozenset(EU_COUNTRIES.split())
STANDARD_CLASS = "standard"
"""The tax class of products that no reduced rate applies to."""
REDUCED_CLASS = "reduced"
_CLASS_LABELS = {STANDARD_CLASS: _("Standard rate"), REDUCED_CLASS: _("Reduced rate")}


def region_key(text: str) -> str:
    """Return a region as rates and rules compare it: in any case, with any white space."""
    return " ".join(text.split()).casefold()


def class_label(tax_class: str) -> Text | str:
    """Return the name of a tax class; those that staff added have no other name."""
    return _CLASS_LABELS.get(tax_class, tax_class)


class BuyerKind(StrEnum):
    """What a buyer is for tax."""

    CONSUMER = "consumer"
    BUSINESS = "business"
    EXEMPT = "exempt"


BUYER_LABELS = {
    BuyerKind.CONSUMER: _("Consumer"),
    BuyerKind.BUSINESS: _("Business"),
    BuyerKind.EXEMPT: _("Exempt from tax"),
}


class VatStatus(StrEnum):
    """What is known about a buyer's VAT number."""

    NONE = "none"
    PENDING = "pending"
    CONFIRMED = "confirmed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class TaxSeller:
    """What matters of a company for tax.

    Args:
        country: ISO 3166 alpha-2 code.
        region: state or province; empty where it does not matter.
        registered: whether it charges tax at all.
        one_stop_shop: whether it charges EU consumers the rate of their own country.
    """

    country: str
    region: str = ""
    registered: bool = True
    one_stop_shop: bool = False


@dataclass(frozen=True, slots=True)
class TaxBuyer:
    """What matters of a client for tax.

    Args:
        country: ISO 3166 alpha-2 code; empty if it is not known.
        region: state or province; empty where it does not matter.
        kind: what it is for tax.
        vat_status: what is known about its VAT number.
        has_number: whether documents show a VAT number or tax number of it.
    """

    country: str
    region: str = ""
    kind: BuyerKind = BuyerKind.CONSUMER
    vat_status: VatStatus = VatStatus.NONE
    has_number: bool = False


@dataclass(frozen=True, slots=True)
class TaxRate:
    """A tax of a country or region, from a day on.

    Args:
        country: ISO 3166 alpha-2 code.
        region: state or province; empty for the whole country.
        tax_class: of the products that it applies to.
        tax: name and rate.
        position: its place among up to three taxes; compound taxes build on those before.
        valid_from: the first day.
    """

    country: str
    region: str
    tax_class: str
    tax: Tax
    position: int
    valid_from: date


@dataclass(frozen=True, slots=True)
class TaxRule:
    """A rule of the firm that comes before the built-in ones.

    Args:
        country: of the buyer; empty for all.
        region: of the buyer; empty for all.
        kind: of the buyer; None for all.
        category: how the sale is taxed; STANDARD charges the rates of the buyer's country.
        reason: why no tax is charged, as documents state it.
    """

    country: str
    region: str
    kind: BuyerKind | None
    category: TaxCategory
    reason: str


class NoTaxRateError(UserError):
    """No tax rate is valid where and when tax must be charged.

    Args:
        text: the text for people.
        country: where tax must be charged.
    """

    error_code = "no_tax_rate"

    def __init__(self, text: Text, country: str) -> None:
        super().__init__(text)
        self.country = country


def tax_group(
    seller: TaxSeller,
    buyer: TaxBuyer,
    rates: Sequence[TaxRate],
    rules: Sequence[TaxRule],
    *,
    day: date,
    tax_class: str = STANDARD_CLASS,
) -> TaxGroup:
    """Return how a sale is taxed.

    Args:
        seller: the company.
        buyer: the client; one without a country is taxed as a domestic one.
        rates: all rates.
        rules: the company's own rules; the most specific one that fits applies.
        day: the day of supply.
        tax_class: of the product.

    Raises:
        NoTaxRateError: tax must be charged, but no rate is valid on that day.
    """
    if not buyer.country:
        buyer = replace(buyer, country=seller.country)
    if not seller.registered:
        return TaxGroup(TaxCategory.EXEMPT, reason=NOT_REGISTERED)
    if rule := _rule(buyer, rules):
        if rule.category == TaxCategory.STANDARD:
            return _charged(rates, buyer.country, buyer.region, tax_class, day)
        return TaxGroup(rule.category, reason=rule.reason)
    if buyer.kind == BuyerKind.EXEMPT:
        return TaxGroup(TaxCategory.EXEMPT, reason=EXEMPT_BUYER)
    if buyer.country == seller.country:
        return _charged(rates, seller.country, buyer.region, tax_class, day)
    is_confirmed = buyer.kind == BuyerKind.BUSINESS and buyer.vat_status == VatStatus.CONFIRMED
    if buyer.country in EU and not is_confirmed and seller.one_stop_shop:
        return _charged(rates, buyer.country, buyer.region, tax_class, day)
    if seller.country in EU and buyer.country in EU:
        if is_confirmed:
            return TaxGroup(TaxCategory.REVERSE_CHARGE, reason=REVERSE_CHARGE)
        return _charged(rates, seller.country, seller.region, tax_class, day)
    return TaxGroup(TaxCategory.OUTSIDE_SCOPE, reason=OUTSIDE_SCOPE)


NOT_REGISTERED = _("The seller is not registered for VAT.").source
EXEMPT_BUYER = _("The buyer is exempt from tax.").source
REVERSE_CHARGE = _(
    "Reverse charge: VAT to be accounted for by the recipient (Article 196, Directive 2006/112/EC)."
).source
OUTSIDE_SCOPE = _(
    "Outside the scope of VAT: the place of supply is outside the seller's country."
).source
"""Legal texts of the built-in rules in English; documents show them in the client's language."""


def _rule(buyer: TaxBuyer, rules: Sequence[TaxRule]) -> TaxRule | None:
    """Return the rule that fits a buyer most closely; None if none fits.

    Reverse charge fits only buyers with a number, which its documents must state (BR-AE-02).
    """
    region = region_key(buyer.region)
    fitting = [
        rule
        for rule in rules
        if rule.country in ("", buyer.country)
        and region_key(rule.region) in ("", region)
        and rule.kind in (None, buyer.kind)
        and (buyer.has_number or rule.category != TaxCategory.REVERSE_CHARGE)
    ]
    return max(
        fitting,
        key=lambda rule: (bool(rule.country), bool(rule.region), rule.kind is not None),
        default=None,
    )


def _charged(
    rates: Sequence[TaxRate], country: str, region: str, tax_class: str, day: date
) -> TaxGroup:
    """Return a group with the taxes that are valid on a day.

    A rate of the region takes the place of the country's at the same position; where there is none
    for the tax class, that of the standard class applies.
    """
    region = region_key(region)
    for name in dict.fromkeys((tax_class, STANDARD_CLASS)):
        taxes: dict[int, TaxRate] = {}
        for rate in sorted(rates, key=lambda rate: (bool(rate.region), rate.valid_from)):
            fits = rate.country == country and region_key(rate.region) in ("", region)
            if fits and rate.tax_class == name and rate.valid_from <= day:
                taxes[rate.position] = rate
        if taxes:
            found = tuple(taxes[position].tax for position in sorted(taxes)[:MAX_TAXES])
            if any(tax.rate for tax in found):
                return TaxGroup(TaxCategory.STANDARD, found, country=country)
            return TaxGroup(TaxCategory.ZERO, country=country)
    raise NoTaxRateError(
        _(
            "No tax rate for %(country)s on %(day)s. Add one under Tax rates.",
            country=country,
            day=day,
        ),
        country,
    )
