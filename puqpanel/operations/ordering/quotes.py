"""Quotes: what products with options cost a client, from the one function that also charges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

from puqpanel.domain import pricing
from puqpanel.domain.catalog import BillingMode
from puqpanel.domain.charges import ChargeKind
from puqpanel.domain.errors import InvalidInput
from puqpanel.domain.money import Money
from puqpanel.domain.periods import Period
from puqpanel.domain.pricing import Item, Price, Quote, QuoteLine, quote
from puqpanel.domain.tax import PriceEntry
from puqpanel.domain.texts import Text, _
from puqpanel.models import Address, Client, Company, Coupon, Product
from puqpanel.operations.billing.ledger import today
from puqpanel.operations.billing.lines import Line
from puqpanel.operations.billing.tax_tables import TaxTable
from puqpanel.operations.catalog.configuration import Configuration, configure
from puqpanel.operations.ordering.coupons import refused


@dataclass(frozen=True, slots=True)
class OwnPrice:
    """A price that staff set instead of those of a product and its options.

    Args:
        recurring: of each billing period, as prices are entered.
        setup: charged once.
        reason: why, for the record.
    """

    recurring: Money
    setup: Money
    reason: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A product with the selected period and options.

    Args:
        product: the product.
        period: the billing period.
        options: what was chosen of its options, by the key of their group.
        name: of the service; the product's name unless given.
        data: the module's form; None if the module has none.
        own_price: set by staff; None for the prices of the catalog.
    """

    product: Product
    period: str
    options: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    data: Mapping[str, Any] | None = None
    own_price: OwnPrice | None = None


@dataclass(frozen=True, slots=True)
class Priced:
    """Choices with their prices.

    Args:
        quote: the sums.
        configurations: of each choice, in order.
        days: from which each is charged; empty for today.
        coupon: the discount that is taken off; None without one.
    """

    quote: Quote
    configurations: tuple[Configuration, ...]
    days: tuple[date, ...] = ()
    coupon: pricing.Coupon | None = None


def price_choices(
    company: Company,
    client: Client,
    choices: Sequence[Choice],
    coupon: Coupon | None = None,
    address: Address | None = None,
) -> Priced:
    """Return what choices cost a client today.

    Args:
        company: the seller.
        client: the buyer, or a client that stands for a visitor and is not saved.
        choices: at least one.
        coupon: a coupon that is valid for the client.
        address: another billing address than the client's own.

    Raises:
        InvalidInput: a product is not sold, has no price in the client's currency, an option is
            invalid, or the coupon reduces none of the prices.
        NoTaxRateError: tax must be charged, but there is no rate.
    """
    day = today(company)
    taxes = TaxTable(company, address or client, day)
    configurations: list[Configuration] = []
    items: list[Item] = []
    for at, choice in enumerate(choices):
        product = choice.product
        if not product.active:
            raise InvalidInput({"product": [_("%(name)s is no longer sold.", name=product.name)]})
        if at and choice is choices[at - 1]:  # several of the same
            chosen = configurations[-1]
        else:
            chosen = configure(
                product=product,
                currency=client.currency,
                period=choice.period,
                chosen=choice.options,
            )
            if choice.own_price is not None:
                chosen = _at_own_price(chosen, choice.own_price, client.currency)
        configurations.append(chosen)
        items.append(
            Item(
                key=str(at),
                product=product.uuid,
                parts=chosen.parts,
                group=taxes.group(product.tax_class),
                policy=product.anchor_policy,
                prepaid=product.billing_mode == BillingMode.PREPAID,
            )
        )
    entry = PriceEntry(company.entry)
    terms = [coupon.terms] if coupon else []
    priced = quote(items, day=day, currency=client.currency, entry=entry, coupons=terms)
    if coupon and not any(line.coupon for line in priced.lines):
        raise refused(_("This coupon is not valid for these products."))
    return Priced(priced, tuple(configurations), coupon=coupon.terms if coupon else None)


def _at_own_price(chosen: Configuration, own: OwnPrice, currency: str) -> Configuration:
    """Return a configuration that costs what staff set; its options cost nothing besides."""
    if own.recurring.currency != currency:
        text = _("The custom price is not in the client's currency. Enter it again.")
        raise InvalidInput({"own_price": [text]})
    base, *options = chosen.parts
    zero, period = Money.zero(currency), base.price.period
    free = (replace(part, price=Price(zero, zero, part.price.period)) for part in options)
    priced = replace(base, price=Price(own.setup, own.recurring, period))
    return Configuration((priced, *free), chosen.values)


def document_line(line: QuoteLine, *, service_id: int, tax_class: str, details: str) -> Line:
    """Return a line of a quote as a line of a document, in the language of the texts.

    Args:
        line: the line.
        service_id: the service that it pays for.
        tax_class: of its product.
        details: the name of the service.
    """
    description: Text | str = line.label
    if line.kind == ChargeKind.SETUP:
        description = _("Setup fee: %(name)s", name=line.label)
    elif line.coupon:
        description = _("Coupon %(code)s", code=line.coupon)
    return Line(
        description=str(description),
        unit_price=line.unit.major,
        quantity=Decimal(line.quantity),
        details=details if not line.part else "",
        tax_class=tax_class,
        amount=line.amount,
        service_id=service_id,
        kind=line.kind,
        period=line.span,
        explanation=explanation(line),
    )


def explanation(line: QuoteLine) -> dict[str, Any]:
    """Return why a line of a quote costs what it costs: the price row, its share, the coupon."""
    return {
        "price": line.source,
        "unit": str(line.unit),
        "share": str(line.share),
        "coupon": line.coupon,
    }


def plain_line(line: QuoteLine) -> dict[str, Any]:
    """Return a line of a quote as plain values, for the record of an order."""
    return {
        "item": line.item,
        "part": line.part,
        "label": line.label,
        "kind": line.kind.value,
        "quantity": line.quantity,
        "amount_minor": line.amount.minor,
        "net_minor": line.net.minor,
        "start": line.span.start.isoformat() if line.span else None,
        "end": line.span.end.isoformat() if line.span else None,
        **explanation(line),
    }


def sold_at(configuration: Configuration) -> tuple[int, Period]:
    """Return what a service costs each period with its options, and the period."""
    parts = configuration.parts
    minor = sum(part.price.recurring.minor * part.quantity for part in parts)
    return minor, parts[0].price.period
