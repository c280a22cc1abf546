"""A price table for other sites: as a page for a frame, and as JSON.

These pages set no cookie, and are the only ones that other sites may frame.
"""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, Response, jsonify, render_template, request, url_for
from flask.typing import ResponseReturnValue

from puqpanel.operations.ordering import shop
from puqpanel.operations.ordering.shop import Shelf
from puqpanel.operations.system import currencies
from puqpanel.web import security
from puqpanel.web.guard import public

bp = Blueprint("embed", __name__, url_prefix="/embed")
MAX_AGE_SECONDS = 60


@bp.get("/prices")
@public
def prices() -> ResponseReturnValue:
    """Show the price table for a frame."""
    security.allow_framing()
    currency, shelves = _shelves()
    page = render_template(
        "shop/embed.html",
        shelves=shelves,
        currency=currency,
        theme="dark" if request.args.get("theme") == "dark" else "light",
        excludes_tax=shop.excludes_tax(shop.visitor(currency)),
    )
    return _cached(Response(page, mimetype="text/html"))


@bp.get("/prices.json")
@public
def prices_json() -> ResponseReturnValue:
    """Return the price table; amounts are decimal numbers as text."""
    currency, shelves = _shelves()
    answer: Response = jsonify(
        {
            "currency": currency,
            "excludes_tax": shop.excludes_tax(shop.visitor(currency)),
            "products": [
                {
                    "product": offer.product.slug,
                    "name": offer.product.name,
                    "description": offer.product.description,
                    "group": shelf.group.slug if shelf.group else None,
                    "price": f"{offer.price.major:f}",
                    "setup": f"{offer.setup.major:f}",
                    "period": offer.period,
                    "recommended": offer.product.highlighted,
                    "sold_out": offer.sold_out,
                    "url": url_for(
                        "shop.products.show",
                        slug=offer.product.slug,
                        currency=currency,
                        _external=True,
                    ),
                }
                for shelf in shelves
                for offer in shelf.offers
            ],
        }
    )
    answer.headers["Access-Control-Allow-Origin"] = "*"
    return _cached(answer)


def _shelves() -> tuple[str, Sequence[Shelf]]:
    """Return the currency and the groups that the parameters `currency` and `group` choose."""
    chosen = request.args.get("currency", "").upper()
    currency = chosen if chosen in currencies.enabled_codes() else currencies.base_currency()
    group = request.args.get("group", "")
    found = shop.shelves(currency)
    return currency, [
        shelf for shelf in found if not group or (shelf.group and shelf.group.slug == group)
    ]


def _cached(answer: Response) -> Response:
    answer.headers["Cache-Control"] = f"public, max-age={MAX_AGE_SECONDS}"
    answer.vary.update(("Accept-Language", "Cookie"))  # both choose the language
    return answer
