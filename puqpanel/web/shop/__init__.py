"""The shop: what is sold and what it costs. Anybody may look; users order for their client."""

from __future__ import annotations

from flask import Blueprint

from puqpanel.web.shop import products


def blueprint() -> Blueprint:
    """Return the blueprint of the shop; endpoints are named like `shop.products.index`."""
    area = Blueprint("shop", __name__, url_prefix="/shop")
    area.register_blueprint(products.bp)
    return area
