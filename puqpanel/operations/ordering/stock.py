"""Stock: counted in the transaction of what takes it, and given back if that does not happen."""

from __future__ import annotations

import sqlalchemy as sa

from puqpanel.domain.errors import InvalidInput
from puqpanel.domain.texts import _
from puqpanel.infra.db import write
from puqpanel.models import Product


def sold_out(product: Product) -> InvalidInput:
    """Return the error for a product of which none is left."""
    return InvalidInput({"product": [_("%(name)s is sold out.", name=product.name)]})


def take(product: Product) -> None:
    """Take one from stock, in one statement, so that the last one is sold once.

    Raises:
        InvalidInput: none is left.
    """
    if product.stock is None:
        return
    left = (Product.id == product.id, Product.stock > 0)
    if not write(sa.update(Product).where(*left).values(stock=Product.stock - 1)):
        raise sold_out(product)


def give_back(product_id: int) -> None:
    """Return one to stock, if the stock of the product is counted."""
    counted = (Product.id == product_id, Product.stock.is_not(None))
    write(sa.update(Product).where(*counted).values(stock=Product.stock + 1))
