"""The cart: add, change and remove products, and see what they cost."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from puqpanel.domain.errors import InvalidInput, UserError
from puqpanel.domain.permissions import CLIENT_ORDERS_MANAGE
from puqpanel.domain.texts import _
from puqpanel.models import Product
from puqpanel.operations.billing.companies import company_for
from puqpanel.operations.ordering import carts, shop
from puqpanel.operations.ordering.cart_prices import CartLine, choices_of, price_cart, unpriced
from puqpanel.operations.ordering.carts import MAX_SERVICES
from puqpanel.operations.ordering.coupons import clean_code
from puqpanel.operations.ordering.quotes import price_choices
from puqpanel.operations.system import settings
from puqpanel.web import limits
from puqpanel.web.answers import flash
from puqpanel.web.fields import countries
from puqpanel.web.guard import can, current_client, public
from puqpanel.web.limits import limiter
from puqpanel.web.prices import EVERY
from puqpanel.web.shop import choices, products, shopper

bp = Blueprint("cart", __name__, url_prefix="/cart")
PER_NETWORK = "300 per hour"
"""How many items one network can add."""
LINKED = ("period", "quantity", "coupon", "currency", "country")
"""What a link can choose, besides options."""


@bp.get("/")
@public
def index() -> ResponseReturnValue:
    """Show what is in the cart."""
    return cart_page({})


@bp.get("/add")
@public
def offer() -> ResponseReturnValue:
    """Lead from a link to a product with its options chosen; a button there adds it.

    A link itself adds nothing: browsers, mail programs and crawlers open links on their own.
    """
    slug = request.args.get("product", "")
    chosen: dict[str, Any] = {
        name: value
        for name, value in request.args.items()
        if name in LINKED or name.startswith(choices.OPTION)
    }
    product = shop.find_offered(slug)
    return redirect(url_for("shop.products.show", slug=product.slug, **chosen))


@bp.post("/add")
@public
@limiter.limit(PER_NETWORK)
def add() -> ResponseReturnValue:
    """Add a product as it was chosen, or replace the item that was changed."""
    product = shop.find_offered(request.form.get("product", ""))
    try:
        item = choices.item_of(product, products.first_period(product))
        _check(product, item.quantity)
        client = shopper.buyer()
        price_choices(company_for(client), client, choices_of(item, product)[:1])
        carts.put(shopper.new_shopper(), item, _code(request.form.get("coupon", "")))
    except UserError as error:
        return products.page(product, products.reasons(error))
    flash(_("%(name)s is in your cart.", name=product.name), "good")
    return redirect(url_for("shop.cart.index"))


@bp.post("/change")
@public
def change() -> ResponseReturnValue:
    """Change the quantity of an item, or remove it."""
    who, key = shopper.shopper(), request.form.get("item", "")[:40]
    try:
        if "remove" in request.form:
            carts.remove(who, key)
        else:
            product = shop.find_sold(carts.item_in(who, key).product)
            quantity = choices.quantity_of(request.form.get("quantity", ""))
            _check(product, quantity)
            carts.change(who, key, quantity=quantity)
    except UserError as error:
        return cart_page({key: products.reasons(error)})
    return redirect(url_for("shop.cart.index"))


@bp.post("/coupon")
@public
def coupon() -> ResponseReturnValue:
    """Enter the code of a coupon, or remove it; the page says if it is not valid."""
    code = "" if "remove" in request.form else request.form.get("code", "")
    try:
        carts.set_coupon(shopper.shopper(), _code(code))
    except UserError as error:
        return cart_page({"": products.reasons(error)})
    return redirect(url_for("shop.cart.index"))


def _code(entered: str) -> str:
    """Return the code of a coupon that was entered, and count it.

    Raises:
        InvalidInput: too many were tried from the network.
    """
    code = clean_code(entered)
    if code and not limits.may_try_code():
        raise InvalidInput({"coupon": [products.TOO_MANY_CODES]})
    if code:
        limits.count_code()
    return code


def cart_page(errors: dict[str, dict[str, list[str]]]) -> ResponseReturnValue:
    """Return the page of the cart.

    Args:
        errors: why a change was refused, by field, of an item.
    """
    who = shopper.shopper()
    problem, cart = "", carts.find_cart(who)
    try:
        priced = price_cart(cart, shopper.buyer())
    except UserError as error:
        priced = unpriced(cart)
        problem = next(iter(products.reasons(error).values()))[0]
    if priced.gone:
        carts.remove(who, *priced.gone)
    page = render_template(
        "shop/cart.html",
        cart=priced,
        problem=problem,
        errors=errors,
        every=EVERY,
        max_quantity=MAX_SERVICES,
        signed_in=current_client() is not None,
        may_order=can(CLIENT_ORDERS_MANAGE),
        registration=bool(settings.get("shop.registration")),
        countries=countries(),
        country=shopper.country(),
    )
    return page, 422 if errors else 200


def change_url(line: CartLine) -> str:
    """Return the address of a product's page with what was chosen, to change an item."""
    item = line.item
    chosen: dict[str, Any] = {
        f"{choices.OPTION}{key}": value for key, value in item.options.items()
    }
    return url_for(
        "shop.products.show",
        slug=line.product.slug,
        item=item.key,
        period=item.period,
        quantity=item.quantity,
        **chosen,
    )


def _check(product: Product, quantity: int) -> None:
    choices.check_quantity(product, quantity)
    if product.stock is not None and product.stock < quantity:
        text = (
            _("Only %(number)s left in stock.", number=product.stock)
            if product.stock > 0
            else _("%(name)s is sold out.", name=product.name)
        )
        raise InvalidInput({"quantity": [text]})
