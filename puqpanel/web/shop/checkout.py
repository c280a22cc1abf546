"""Check out: details of the client and of each service, agreement of the total, and the order."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from puqpanel.domain.document_states import OPEN
from puqpanel.domain.errors import InvalidInput, UserError
from puqpanel.domain.money import Money
from puqpanel.domain.permissions import (
    CLIENT_ORDERS_MANAGE,
    CLIENT_ORDERS_VIEW,
    CLIENT_PROFILE_MANAGE,
)
from puqpanel.domain.service_states import ServiceStatus
from puqpanel.domain.tax_rules import BUYER_LABELS
from puqpanel.infra.redact import storable
from puqpanel.operations.accounts import addresses, own_details
from puqpanel.operations.billing import funds, gateways
from puqpanel.operations.ordering import carts, checkout, order_forms, prepaid_orders
from puqpanel.operations.ordering.cart_prices import PricedCart, price_cart, unpriced
from puqpanel.web.documents import shown_day
from puqpanel.web.forms import _, answers
from puqpanel.web.guard import actor, can, customer
from puqpanel.web.own_details import details_page
from puqpanel.web.prices import EVERY
from puqpanel.web.shop import products, shopper

bp = Blueprint("checkout", __name__)
NAME = "shop.name"
"""The field with the name of a service; the prefix keeps it apart from a module's fields."""


@bp.route("/checkout", methods=["GET", "POST"])
@customer(CLIENT_ORDERS_MANAGE)
def review() -> ResponseReturnValue:
    """Show what is ordered and what it costs; the button orders it."""
    errors: dict[str, list[str]] = {}
    if request.method == "POST":
        try:
            order = checkout.check_out(
                actor=actor(),
                cart_uuid=storable(request.form.get("cart", ""))[:36],
                expected=_shown_amount("total"),
                expected_month=_shown_amount("month"),
                address_uuid=_shown_address(),
            )
        except UserError as error:
            errors = products.reasons(error)
        else:
            return redirect(url_for("shop.checkout.placed", uuid=order.uuid))
    cart = carts.find_cart(shopper.shopper())
    try:
        priced = price_cart(cart, shopper.buyer())
    except UserError as error:
        priced = unpriced(cart)
        errors = errors or products.reasons(error)
    if not errors and (cart is None or not priced.ready or priced.gone):
        return redirect(url_for("shop.cart.index"))
    errors = errors and (_unfilled_fields(priced) or errors)
    address = addresses.chosen(shopper.buyer(), cart.address_id if cart else None)
    missing = own_details.missing(shopper.buyer())
    if missing and not errors and can(CLIENT_PROFILE_MANAGE):
        return redirect(url_for("shop.checkout.details"))
    usage = priced.quote.usage if priced.quote else ()
    unfilled = [line.item.key for line in priced.lines if checkout.needs_details(line, actor())]
    page = render_template(
        "shop/checkout.html",
        cart=priced,
        cart_uuid=cart.uuid if cart else "",
        client=shopper.buyer(),
        address=address,
        addresses=addresses.addresses_of(shopper.buyer()),
        errors=errors,
        missing=missing,
        unfilled=unfilled,
        needed=prepaid_orders.needed_for(shopper.buyer(), usage) if usage else None,
        kinds=BUYER_LABELS,
        every=EVERY,
    )
    return page, 422 if errors else 200


def _unfilled_fields(cart: PricedCart) -> dict[str, list[str]]:
    """Return what the modules of a cart's services refuse, with the service and the field."""
    found = []
    for line in cart.lines:
        if not order_forms.has_form(line.product):
            continue
        try:
            order_forms.check(line.product, actor(), line.item.data or {})
        except InvalidInput as error:
            labels = order_forms.labels(line.product, actor())
            name = line.item.name or line.product.name
            found += [
                f"{name}, {labels.get(field, field)}: {text}"
                for field, texts in error.errors.items()
                for text in texts
            ]
    return {"": found} if found else {}


def _shown_amount(field: str) -> Money | None:
    """Return an amount that the form showed; None if it is not in the form."""
    shown = request.form.get(field, "")
    valid = shown.isascii() and shown.isdecimal() and len(shown) < 16
    return Money(int(shown), shopper.buyer().currency) if valid else None


def _shown_address() -> str | None:
    """Return the address that the form showed; None if it is not in the form."""
    shown = request.form.get("address")
    return None if shown is None else storable(shown)[:36]


@bp.post("/checkout/address")
@customer(CLIENT_ORDERS_MANAGE)
def address() -> ResponseReturnValue:
    """Choose the billing address; the page shows the total with its taxes."""
    shopper.shopper()
    chosen = storable(request.form.get("address", ""))[:36]
    checkout.choose_address(actor=actor(), address_uuid=chosen)
    return redirect(url_for("shop.checkout.review"))


@bp.route("/checkout/details", methods=["GET", "POST"])
@customer(CLIENT_PROFILE_MANAGE)
def details() -> ResponseReturnValue:
    """Enter the address and the VAT number of the client."""
    return details_page(
        shopper.buyer(),
        url_for("shop.checkout.review"),
        "shop/details.html",
        label=_("Save and continue"),
        back=url_for("shop.cart.index"),
    )


@bp.route("/checkout/items/<key>", methods=["GET", "POST"])
@customer(CLIENT_ORDERS_MANAGE)
def item(key: str) -> ResponseReturnValue:
    """Enter the name of a service in the cart, and what its module asks for."""
    shopper.shopper()
    found, product = checkout.find_item(actor(), key)
    data, name, errors = dict(found.data or {}), found.name, {}
    if request.method == "POST":
        data = {field: value for field, value in answers().items() if field != NAME}
        name = request.form.get(NAME, "")[:200]
        try:
            checkout.save_item_details(actor=actor(), key=key, name=name, data=data)
        except UserError as error:
            errors = products.reasons(error)
        else:
            return redirect(url_for("shop.checkout.review"))
    page = render_template(
        "shop/item.html",
        product=product,
        name=name,
        field_name=NAME,
        labels=order_forms.labels(product, actor()) if errors else {},
        fields=order_forms.page(product, actor(), data, errors),
        errors=errors,
    )
    return page, 422 if errors else 200


@bp.get("/orders/<uuid>")
@customer(CLIENT_ORDERS_VIEW)
def placed(uuid: str) -> ResponseReturnValue:
    """Show what happens next after an order."""
    order = checkout.find_own_order(actor(), uuid)
    statuses = {each.service.status for each in order.items}
    starts = [prepaid_orders.waiting_start(each.service) for each in order.items]
    waits = [each for each in starts if each is not None]
    wait = max(waits, key=lambda each: each.missing, default=None)
    return render_template(
        "shop/placed.html",
        order=order,
        policies={
            each.provisioning
            for each in order.items
            if each.service.status == ServiceStatus.PENDING and not each.service.prepaid
        },
        has_prepaid=any(each.service.prepaid for each in order.items),
        waits=wait,
        top_up=funds.top_up(wait.missing) if wait and wait.missing else None,
        starts=any(
            each.service.prepaid and each.service.status == ServiceStatus.PENDING
            for each in order.items
        ),
        is_set_up=ServiceStatus.ACTIVE in statuses and ServiceStatus.PENDING not in statuses,
        to_pay=order.document is not None and order.document.status in OPEN,
        pays_online=order.document is not None
        and bool(gateways.offered(order.document.company, order.document.currency)),
        day=shown_day,
    )
