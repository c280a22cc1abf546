"""The prices that an offer keeps: stored as plain values, and quoted again when it is accepted.

The prices are those of the offer, the taxes those of the day. If the total is another one then, for
example because the client's VAT number was confirmed meanwhile, the offer cannot be accepted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from puqpanel.domain.catalog import BillingMode
from puqpanel.domain.errors import ConflictError
from puqpanel.domain.money import Money
from puqpanel.domain.periods import Period
from puqpanel.domain.pricing import Coupon, Item, Part, Price, Quote, quote
from puqpanel.domain.tax import PriceEntry
from puqpanel.domain.texts import _
from puqpanel.models import Client, Company, Offer
from puqpanel.operations.accounts import addresses
from puqpanel.operations.billing.ledger import today
from puqpanel.operations.billing.tax_tables import TaxTable
from puqpanel.operations.catalog.configuration import Configuration
from puqpanel.operations.ordering.quotes import Choice, Priced, plain_line

CHANGED = _("The seller or the tax has changed since this offer. Ask for a new one.")


def plain_prices(priced: Priced) -> list[dict[str, Any]]:
    """Return the prices of each product as plain values."""
    return [
        {
            "values": dict(configuration.values),
            "parts": [
                {
                    "key": part.key,
                    "label": part.label,
                    "quantity": part.quantity,
                    "setup": part.price.setup.minor,
                    "recurring": part.price.recurring.minor,
                    "period": part.price.period.value,
                    "source": part.price.source,
                }
                for part in configuration.parts
            ],
        }
        for configuration in priced.configurations
    ]


def plain_coupon(coupon: Coupon | None) -> dict[str, Any] | None:
    """Return the discount of a coupon as plain values."""
    if coupon is None:
        return None
    return {
        "code": coupon.code,
        "percent": None if coupon.percent is None else format(coupon.percent, "f"),
        "amount_minor": None if coupon.amount is None else coupon.amount.minor,
        "products": sorted(coupon.products),
        "cycles": coupon.cycles,
        "setup": coupon.setup,
    }


def plain_quote(priced: Quote) -> dict[str, Any]:
    """Return a quote as plain values, for the page of an offer."""
    return {
        "entry": priced.entry.value,
        "lines": [plain_line(line) for line in priced.lines],
        "net_minor": priced.net.minor,
        "taxes": [
            {"name": tax.name, "rate": str(tax.rate), "minor": amount.minor}
            for total in priced.totals
            for tax, amount in zip(total.group.taxes, total.taxes, strict=True)
        ],
        "reasons": [total.group.reason for total in priced.totals if total.group.reason],
        "regular": [[period.value, amount.minor] for period, amount in priced.regular],
        "usage": [[each.period.value, each.amount.minor] for each in priced.usage],
    }


def keeps_day(choice: Choice) -> bool:
    """Return whether an offer charges a product from its own day on.

    That is if periods begin on a fixed day of the month: the share of the first period, and so the
    price, depends on the day. Other periods begin when the offer is accepted.
    """
    if choice.product.billing_mode == BillingMode.PREPAID:
        return False
    return choice.product.anchor_policy is not None and bool(Period(choice.period).months)


def first_end(priced: Quote, choices: Sequence[Choice]) -> date | None:
    """Return the end of the first days that are charged from the day of an offer; None if none."""
    kept = {str(at) for at, choice in enumerate(choices) if keeps_day(choice)}
    ends = (line.span.end for line in priced.lines if line.span and line.item in kept)
    return min(ends, default=None)


def offered_prices(
    offer: Offer, company: Company, client: Client, choices: Sequence[Choice]
) -> Priced:
    """Return the prices of an offer with the taxes of today.

    Raises:
        ConflictError: the total is not the one that was offered.
    """
    accepted = today(company)
    days = tuple(offer.day if keeps_day(choice) else accepted for choice in choices)
    address = addresses.chosen(client, offer.order.address_id)
    taxes = TaxTable(company, address or client, accepted)
    configurations = tuple(_configuration(stored, offer.currency) for stored in offer.prices)
    items = [
        Item(
            key=str(at),
            product=choice.product.uuid,
            parts=configuration.parts,
            group=taxes.group(choice.product.tax_class),
            policy=choice.product.anchor_policy,
            day=days[at],
            prepaid=choice.product.billing_mode == BillingMode.PREPAID,
        )
        for at, (choice, configuration) in enumerate(zip(choices, configurations, strict=True))
    ]
    entry = PriceEntry(company.entry)
    coupon = _coupon(offer.coupon, offer.currency)
    coupons = [coupon] if coupon else []
    priced = quote(items, day=accepted, currency=offer.currency, entry=entry, coupons=coupons)
    same_seller = company.id == offer.company_id and client.currency == offer.currency
    if not same_seller or priced.total != offer.total:
        raise ConflictError(CHANGED)
    return Priced(priced, configurations, days, coupon)


def _coupon(stored: Mapping[str, Any] | None, currency: str) -> Coupon | None:
    if stored is None:
        return None
    percent, minor = stored["percent"], stored["amount_minor"]
    return Coupon(
        code=stored["code"],
        percent=None if percent is None else Decimal(percent),
        amount=None if minor is None else Money(minor, currency),
        products=frozenset(stored["products"]),
        cycles=stored["cycles"],
        setup=stored["setup"],
    )


def _configuration(stored: Mapping[str, Any], currency: str) -> Configuration:
    parts = tuple(
        Part(
            each["key"],
            each["label"],
            Price(
                Money(each["setup"], currency),
                Money(each["recurring"], currency),
                Period(each["period"]),
                each["source"],
            ),
            each["quantity"],
        )
        for each in stored["parts"]
    )
    return Configuration(parts, stored["values"])
