"""The shop: what is sold and what it costs. Anybody may look; users order for their client."""

from __future__ import annotations

from flask import Blueprint

from puqpanel.web.shop import cart, checkout, embed, products, shopper


def blueprint() -> Blueprint:
    """Return the blueprint of the shop; endpoints are named like `shop.products.index`."""
    area = Blueprint("shop", __name__, url_prefix="/shop")
    for part in (cart, checkout, embed, products):
        area.register_blueprint(part.bp)
    area.after_request(shopper.remember)
    area.context_processor(_context)
    return area


def _context() -> dict[str, object]:
    """Return what the layout of all pages of the shop uses."""
    return {
        "cart_size": shopper.cart_size,
        "change_url": cart.change_url,
        "currencies": shopper.currencies_offered,
        "currency": shopper.currency,
    }
