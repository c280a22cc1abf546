"""What the shop shows: groups with their products, and a price of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from puqpanel.domain.catalog import BillingMode
from puqpanel.domain.money import Money
from puqpanel.domain.periods import Period
from puqpanel.domain.principals import Principal, PrincipalKind
from puqpanel.domain.tax import PriceEntry
from puqpanel.domain.texts import _
from puqpanel.infra.db import find, session
from puqpanel.infra.redact import storable
from puqpanel.models import Client, Price, Product, ProductGroup
from puqpanel.operations.billing.companies import NoCompanyError, company_for
from puqpanel.operations.catalog.groups import groups, hidden_groups
from puqpanel.operations.catalog.prices import period_order

VISITOR = Principal(PrincipalKind.USER, None, "visitor")
"""Somebody who is not signed in."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A product with the price that the shop shows of it.

    Args:
        product: the product.
        price: for its shortest period; zero for a free product.
        period: that period.
        setup: charged once.
    """

    product: Product
    price: Money
    period: Period
    setup: Money

    @property
    def sold_out(self) -> bool:
        """Whether none is left."""
        return self.product.stock is not None and self.product.stock <= 0


@dataclass(frozen=True, slots=True)
class Shelf:
    """A group with what is offered in it; None holds the products of no group."""

    group: ProductGroup | None
    offers: Sequence[Offer]


def shelves(currency: str) -> list[Shelf]:
    """Return the groups that are shown, with the products that have a price in a currency.

    Args:
        currency: ISO 4217 code.
    """
    found = offers(currency)
    hidden = set(session().scalars(hidden_groups()))
    shown = [listed.group for listed in groups() if listed.group.id not in hidden]
    places: list[ProductGroup | None] = [*shown, None]
    result = []
    for group in places:
        key = group.id if group else None
        inside = [offer for offer in found if offer.product.group_id == key]
        if inside:
            result.append(Shelf(group, inside))
    return result


def offers(currency: str) -> list[Offer]:
    """Return the products on sale that are not hidden, by position and name."""
    sold = (
        sa.select(Product)
        .where(Product.active, ~Product.hidden)
        .order_by(Product.position, Product.name, Product.id)
    )
    prices = (
        sa.select(Price)
        .where(Price.currency == currency, Price.live.is_(True))
        .order_by(period_order(Price.period))
    )
    first: dict[int, Price] = {}
    for row in session().scalars(prices):
        first.setdefault(row.product_id, row)
    found = []
    for product in session().scalars(sold):
        price = first.get(product.id)
        if product.billing_mode == BillingMode.FREE:
            zero = Money.zero(currency)
            found.append(Offer(product, zero, Period.ONE_TIME, zero))
        elif price is not None:
            found.append(Offer(product, price.recurring, Period(price.period), price.setup))
    return found


def sells() -> bool:
    """Return whether the shop offers anything, in any currency."""
    priced = sa.exists().where(Price.product_id == Product.id, Price.live.is_(True))
    offered = sa.or_(Product.billing_mode == BillingMode.FREE, priced)
    query = sa.select(Product.id).where(Product.active, ~Product.hidden, offered)
    return session().scalar(query.limit(1)) is not None


def find_offered(slug: str) -> Product:
    """Return a product that is on sale; a hidden one is found by its address.

    Raises:
        NotFoundError: there is none, or it is no longer sold.
    """
    query = sa.select(Product).where(Product.slug == storable(slug), Product.active)
    return find(query, _("This product is not available."))


def find_sold(uuid: str) -> Product:
    """Return a product that is on sale, by its UUID.

    Raises:
        NotFoundError: there is none, or it is no longer sold.
    """
    query = sa.select(Product).where(Product.uuid == uuid, Product.active)
    return find(query, _("This product is not available."))


def visitor(currency: str, country: str = "") -> Client:
    """Return a client that stands for a visitor; it is not saved.

    Args:
        currency: of the prices.
        country: where tax is charged; empty for the country of the seller.
    """
    return Client(
        name="",
        country=country,
        region="",
        currency=currency,
        buyer_kind="consumer",
        vat_status="none",
    )


def excludes_tax(client: Client) -> bool:
    """Return whether the prices that the shop shows a client are without tax."""
    try:
        return company_for(client).entry == PriceEntry.NET
    except NoCompanyError:
        return False
