"""Prices of products: save the matrix, derive prices from the base currency, and look them up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from puqpanel.domain.catalog import PERIODS, BillingMode
from puqpanel.domain.errors import InvalidInput
from puqpanel.domain.periods import Period
from puqpanel.domain.permissions import PRODUCTS_MANAGE
from puqpanel.domain.principals import Principal
from puqpanel.domain.texts import Text, _
from puqpanel.infra.db import find, session, transaction
from puqpanel.models import Currency, Price, Product
from puqpanel.operations.catalog import price_rows
from puqpanel.operations.catalog.price_rows import Cell
from puqpanel.operations.catalog.products import lock_product
from puqpanel.operations.system import audit, currencies


def period_order(period: Any) -> sa.Case[int]:
    """Return an SQL expression that orders prices by a column with their period, short ones first.

    Prices that are charged once come last.
    """
    order = [*(each for each in Period if each != Period.ONE_TIME), Period.ONE_TIME]
    return sa.case({each.value: number for number, each in enumerate(order)}, value=period)


def prices_of(product: Product) -> Sequence[Price]:
    """Return the prices that a product is sold at, by currency, short periods first."""
    query = sa.select(Price).where(Price.product_id == product.id, Price.live.is_(True))
    return session().scalars(query.order_by(Price.currency, period_order(Price.period))).all()


def sold_currencies() -> list[str]:
    """Return the enabled currencies in which something is sold; all of them if nothing is."""
    enabled = currencies.enabled_codes()
    query = (
        sa.select(Price.currency)
        .join(Product, Product.id == Price.product_id)
        .where(Price.live.is_(True), Product.active)
    )
    sold = set(session().scalars(query.distinct()))
    return [code for code in enabled if code in sold] or enabled


def first_price() -> sa.ScalarSelect[int]:
    """Return a subquery of `products`: the id of the price that lists show of a product.

    It is in the base currency if the product has one in it, and for the shortest period.
    """
    offered = aliased(Price)
    return (
        sa.select(offered.id)
        .join(Currency, Currency.code == offered.currency)
        .where(offered.product_id == Product.id, offered.live.is_(True))
        .order_by(Currency.is_base.is_(None), offered.currency, period_order(offered.period))
        .limit(1)
        .correlate(Product)
        .scalar_subquery()
    )


def earlier_prices(product: Product, limit: int = 100) -> Sequence[Price]:
    """Return the prices of a product that were replaced or withdrawn, the last ones first."""
    query = sa.select(Price).where(Price.product_id == product.id, Price.live.is_(None))
    return session().scalars(query.order_by(Price.retired_at.desc()).limit(limit)).all()


def periods_of(product: Product) -> tuple[Period, ...]:
    """Return the billing periods that a product may have prices for."""
    return PERIODS[BillingMode(product.billing_mode)]


def price_of(product: Product, currency: str, period: str) -> Price:
    """Return the price of a product for a currency and a billing period.

    Raises:
        InvalidInput: it is not sold in the currency, or for the period.
    """
    offered = [row for row in prices_of(product) if row.currency == currency]
    if not offered:
        text = _(
            "%(product)s has no price in %(currency)s.",
            product=product.name,
            currency=currency[:40],
        )
        raise InvalidInput({"currency": [text]}, text)
    for row in offered:
        if row.period == period:
            return row
    text = _(
        "%(product)s is not sold for this billing period. Choose another one.",
        product=product.name,
    )
    raise InvalidInput({"period": [text]}, text)


def find_price(product: Product, uuid: str) -> Price:
    """Return one of the prices at which a product is sold.

    Raises:
        NotFoundError: the product does not have it, or it was replaced since.
    """
    query = sa.select(Price).where(
        Price.uuid == uuid, Price.product_id == product.id, Price.live.is_(True)
    )
    return find(query, _("This price was changed in the meantime. Choose one of today's prices."))


@transaction()
def save_prices(*, actor: Principal, product_uuid: str, cells: Iterable[Cell]) -> int:
    """Save prices of a product; those derived from the base currency follow it.

    Services keep the price at which they were sold.

    Args:
        actor: who saves them.
        product_uuid: the product.
        cells: what was entered; prices that are not among them stay.

    Returns:
        How many prices changed.

    Raises:
        InvalidInput: a cell is invalid, by the names of `Cell.field`.
    """
    actor.require(PRODUCTS_MANAGE)
    product = lock_product(product_uuid)
    changes = price_rows.enter(product, cells, periods_of(product))
    _record(actor, product, changes, _("Prices of %(name)s changed.", name=product.name))
    return len(changes)


@transaction()
def derive_prices(*, actor: Principal, product_uuid: str, currency: str) -> int:
    """Compute the prices in a currency from those in the base currency, except its own prices.

    The rate and the rounding rule are those of the currency.

    Returns:
        How many prices changed.

    Raises:
        ConflictError: the currency is the base currency, or has no exchange rate.
        InvalidInput: the currency is not enabled.
    """
    actor.require(PRODUCTS_MANAGE)
    product = lock_product(product_uuid)
    changes = price_rows.derive(product, currency)
    summary = _(
        "%(currency)s prices of %(name)s derived.", currency=currency[:40], name=product.name
    )
    _record(actor, product, changes, summary)
    return len(changes)


@transaction()
def copy_down(*, actor: Principal, product_uuid: str, currency: str) -> int:
    """Fill the longer periods without a price, at the price per month of the next shorter one.

    Returns:
        How many prices were added.
    """
    actor.require(PRODUCTS_MANAGE)
    product = lock_product(product_uuid)
    changes = price_rows.copy_down(product, currency, periods_of(product))
    _record(actor, product, changes, _("Prices of %(name)s changed.", name=product.name))
    return len(changes)


def _record(actor: Principal, product: Product, changes: dict[str, Any], summary: Text) -> None:
    if changes:
        audit.record(
            actor=actor,
            action="product.priced",
            subject_type="product",
            subject_uuid=product.uuid,
            summary=summary,
            before={key: before for key, (before, _after) in changes.items()},
            after={key: after for key, (_before, after) in changes.items()},
        )
