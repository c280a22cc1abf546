"""Who is in the shop: the currency, the country and the cart of a visitor or a client."""

from __future__ import annotations

import secrets

from flask import Response, g, request

from puqpanel.domain.countries import country_codes
from puqpanel.domain.permissions import CLIENT_ORDERS_MANAGE
from puqpanel.models import Client
from puqpanel.operations.accounts.clients import find_client
from puqpanel.operations.catalog.prices import sold_currencies
from puqpanel.operations.ordering import carts, shop
from puqpanel.operations.ordering.carts import KEPT, Shopper
from puqpanel.operations.system import currencies
from puqpanel.web.guard import actor, can, current_client
from puqpanel.web.sessions import cookie_name, cookie_options

CART, CURRENCY, COUNTRY = "panel_cart", "shop_currency", "shop_country"
"""Cookies: the token of a visitor's cart, and what a visitor chose."""
YEAR_SECONDS = 365 * 24 * 3600


def buyer() -> Client:
    """Return the current client of a signed-in user, or one that stands for a visitor."""
    if "buyer" not in g:
        current = current_client()
        g.buyer = find_client(current.uuid) if current else shop.visitor(currency(), country())
    found: Client = g.buyer
    return found


def currency() -> str:
    """Return the currency of the client, or the one that a visitor chose."""
    if current_client() is not None:
        return buyer().currency
    for chosen in (request.args.get(CURRENCY[5:], ""), _cookie(CURRENCY)):
        if chosen.upper() in currencies.enabled_codes():
            return chosen.upper()
    return currencies.base_currency()


def currencies_offered() -> list[str]:
    """Return the currencies in which something is sold, and the one that is shown."""
    offered = {*sold_currencies(), currency()}
    return [code for code in currencies.enabled_codes() if code in offered]


def country() -> str:
    """Return the country that a visitor chose for tax; empty for that of the seller."""
    for chosen in (request.args.get(COUNTRY[5:], ""), _cookie(COUNTRY)):
        if chosen in country_codes():
            return chosen
    return ""


def shopper() -> Shopper:
    """Return whose cart this request shows, after a visitor's cart was given to the client.

    Users who may not order have a cart of their own. Staff who view as a user keep theirs.
    """
    current = current_client()
    token = _cookie(CART)
    if current is None or not can(CLIENT_ORDERS_MANAGE):
        return Shopper(token=token)
    if token and not g.get("cart_claimed") and not actor().impersonated_by:
        g.cart_claimed = True
        carts.claim(client_id=current.id, token=token)
    return Shopper(current.id)


def new_shopper() -> Shopper:
    """Return whose cart is changed; a visitor without a cart gets a token."""
    found = shopper()
    if found.client_id is None and not found.token:
        g.cart_token = secrets.token_urlsafe(24)
        return Shopper(token=g.cart_token)
    return found


def cart_size() -> int:
    """Return how many services are in the cart."""
    return carts.size_of(shopper())


def remember(response: Response) -> Response:
    """Set the cookies of what a visitor chose and of a new cart; delete that of a claimed cart."""
    if request.blueprint == "shop.embed":
        return response
    options = cookie_options("/client")
    if token := g.get("cart_token"):
        age = int(KEPT.total_seconds())
        response.set_cookie(cookie_name(CART), token, max_age=age, **options)
    elif g.get("cart_claimed"):
        response.delete_cookie(cookie_name(CART), **options)
    for name, value in ((CURRENCY, currency), (COUNTRY, country)):
        chosen = request.args.get(name[5:], "")
        if chosen and current_client() is None and value() != _cookie(name):
            response.set_cookie(cookie_name(name), value(), max_age=YEAR_SECONDS, **options)
    return response


def _cookie(name: str) -> str:
    return request.cookies.get(cookie_name(name), "")[:100]
