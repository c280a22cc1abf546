"""What a form or link of the shop chooses: `product`, `period`, `quantity` and `option.<key>`."""

from __future__ import annotations

from dataclasses import replace

from flask import request
from werkzeug.datastructures import MultiDict

from puqpanel.domain.errors import InvalidInput
from puqpanel.domain.texts import _
from puqpanel.models import Product
from puqpanel.operations.ordering import order_forms
from puqpanel.operations.ordering.carts import MAX_SERVICES, CartItem

OPTION = "option."
"""Prefix of the fields of options, followed by the key of their group."""
MAX_OPTIONS, MAX_LENGTH = 100, 200


def submitted() -> MultiDict[str, str]:
    """Return the fields of a form, or the parameters of a link."""
    return request.form if request.method == "POST" else request.args


def item_of(product: Product, period: str) -> CartItem:
    """Return what was chosen of a product.

    Args:
        product: the product.
        period: used unless another one was chosen.

    Raises:
        InvalidInput: the quantity is no whole number within its limits.
    """
    values = submitted()
    options = {
        name.removeprefix(OPTION): value[:MAX_LENGTH]
        for name, value in list(values.items())[:MAX_OPTIONS]
        if name.startswith(OPTION)
    }
    key = values.get("item", "")
    item = CartItem(
        product=product.uuid,
        period=values.get("period", "")[:40] or period,
        options=options,
        quantity=quantity_of(values.get("quantity", "1")),
    )
    return replace(item, key=key) if len(key) == 8 and key.isalnum() else item


def quantity_of(text: str) -> int:
    """Return a quantity.

    Raises:
        InvalidInput: it is no whole number within its limits.
    """
    digits = text.strip()
    if digits.isascii() and digits.isdecimal() and len(digits) < 4:
        number = int(digits)
        if 1 <= number <= MAX_SERVICES:
            return number
    message = _("Enter a whole number from %(low)s to %(high)s.", low=1, high=MAX_SERVICES)
    raise InvalidInput({"quantity": [message]})


def check_quantity(product: Product, quantity: int) -> None:
    """Check how many of a product are ordered as one item.

    Raises:
        InvalidInput: each of them needs details of its own.
    """
    if quantity > 1 and order_forms.has_form(product):
        text = _(
            "%(name)s needs details of its own, so add it once for each service.", name=product.name
        )
        raise InvalidInput({"quantity": [text]})
