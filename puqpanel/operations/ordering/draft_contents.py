"""What a draft orders: its products as they are stored, and as choices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from puqpanel.domain.errors import NotFoundError
from puqpanel.domain.money import Money
from puqpanel.domain.texts import _
from puqpanel.models import Order
from puqpanel.operations.catalog.products import find_product
from puqpanel.operations.ordering.quotes import Choice, OwnPrice

Item = dict[str, Any]
"""A product of a draft: id, product, period, options, name, data and own price."""
GONE = _("This product is no longer part of the order.")


def items(order: Order) -> list[tuple[str, Choice]]:
    """Return the products of a draft with their ids."""
    return [(item["id"], choice_of(item)) for item in order.contents or ()]


def find_item(order: Order, item_id: str) -> Choice:
    """Return one product of a draft.

    Raises:
        NotFoundError: it was removed.
    """
    for key, choice in items(order):
        if key == item_id:
            return choice
    raise NotFoundError(GONE)


def choice_of(item: Mapping[str, Any]) -> Choice:
    """Return a stored product as a choice."""
    return Choice(
        product=find_product(item["product"]),
        period=item["period"],
        options=item["options"],
        name=item["name"],
        data=item["data"],
        own_price=_own_price(item.get("own_price")),
    )


def stored(item_id: str, choice: Choice) -> Item:
    """Return a choice as it is stored."""
    return {
        "id": item_id,
        "product": choice.product.uuid,
        "period": choice.period,
        "options": dict(choice.options),
        "name": choice.name,
        "data": None if choice.data is None else dict(choice.data),
        "own_price": _plain_price(choice.own_price),
    }


def _plain_price(own: OwnPrice | None) -> dict[str, Any] | None:
    if own is None:
        return None
    return {
        "recurring": own.recurring.minor,
        "setup": own.setup.minor,
        "currency": own.recurring.currency,
        "reason": own.reason,
    }


def _own_price(stored: Mapping[str, Any] | None) -> OwnPrice | None:
    if stored is None:
        return None
    currency = stored["currency"]
    recurring, setup = Money(stored["recurring"], currency), Money(stored["setup"], currency)
    return OwnPrice(recurring, setup, stored["reason"])
