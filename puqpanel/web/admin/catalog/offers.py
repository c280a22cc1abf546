"""The options of a select with products and their prices."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from wtforms import SelectChoice  # type: ignore[attr-defined]  # the stubs are older

from puqpanel.domain.catalog import BillingMode
from puqpanel.domain.money import Money
from puqpanel.domain.texts import Text, _
from puqpanel.infra.db import session
from puqpanel.models import Client, Price, Product
from puqpanel.operations.catalog.prices import period_order
from puqpanel.web.forms import choices
from puqpanel.web.prices import price

LIMIT = 1000


def currency_of(client_uuid: str) -> str:
    """Return the currency of a client; empty if there is no such client."""
    query = sa.select(Client.currency).where(Client.uuid == client_uuid)
    return (client_uuid and session().scalar(query)) or ""


def options(currency: str = "", *where: Any, keep: bool = False) -> list[SelectChoice]:
    """Return products with each of their prices; the value is `product/price`.

    Args:
        currency: of the prices; empty for all.
        where: which products; those on sale by default.
        keep: whether each product is offered at the current price of a service too; the value is
            then the product's UUID alone.
    """
    offered = sa.and_(Price.product_id == Product.id, Price.live.is_(True))
    if currency:
        offered = sa.and_(offered, Price.currency == currency)
    query = (
        sa.select(
            *(Product.uuid, Product.name, Product.billing_mode, Price.uuid.label("price")),
            *(Price.recurring_minor, Price.setup_minor, Price.currency, Price.period),
        )
        .outerjoin(Price, offered)
        .where(*(where or (Product.active,)))
        .order_by(Product.name, Product.id, Price.currency, period_order(Price.period))
        .limit(LIMIT)
    )
    pairs: list[tuple[str, Text | str]] = [("", _("Choose a product…"))]
    before = ""
    for row in session().execute(query):
        if keep and row.uuid != before:
            pairs.append((row.uuid, _("%(product)s, current price", product=row.name)))
        before = row.uuid
        if row.price is not None:
            pairs.append((f"{row.uuid}/{row.price}", f"{row.name}, {_shown(row)}"))
        elif row.billing_mode == BillingMode.FREE and not keep:
            pairs.append((row.uuid, _("%(product)s, free", product=row.name)))
    return choices(pairs)


def _shown(row: Any) -> str:
    recurring = price(Money(row.recurring_minor, row.currency), row.period)
    if not row.setup_minor:
        return recurring
    setup = Money(row.setup_minor, row.currency)
    return str(_("%(price)s, plus %(setup)s setup", price=recurring, setup=setup))
