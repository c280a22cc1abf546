"""Check out: a client's cart becomes an order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, NotFoundError
from puqpanel.domain.money import Money
from puqpanel.domain.permissions import CLIENT_ORDERS_MANAGE, CLIENT_ORDERS_VIEW
from puqpanel.domain.principals import Principal
from puqpanel.domain.texts import _
from puqpanel.infra.db import find, session
from puqpanel.models import Client, Order, Product
from puqpanel.operations.accounts import addresses, own_details
from puqpanel.operations.accounts.clients import find_client
from puqpanel.operations.ordering import carts, order_forms, orders, shop
from puqpanel.operations.ordering.cart_prices import CartLine, price_cart
from puqpanel.operations.ordering.carts import CartItem, Shopper


def needs_details(line: CartLine, actor: Principal) -> bool:
    """Return whether the module's fields of an item must still be filled in."""
    return line.item.data is None and bool(order_forms.field_names(line.product, actor))


def find_item(actor: Principal, key: str) -> tuple[CartItem, Product]:
    """Return an item in the cart of a user's current client, with its product.

    Raises:
        NotFoundError: the cart does not have it, or the product is no longer sold.
    """
    item = carts.item_in(_shopper(actor), key)
    return item, shop.find_sold(item.product)


def save_item_details(*, actor: Principal, key: str, name: str, data: Mapping[str, Any]) -> None:
    """Save the name of a service in the cart and the fields of its module.

    Args:
        actor: a user of the client.
        key: of the item.
        name: of the service; empty for the product's name.
        data: the module's fields.

    Raises:
        InvalidInput: the module rejected a field.
    """
    actor.require_own(CLIENT_ORDERS_MANAGE)
    item, product = find_item(actor, key)
    has_form = order_forms.has_form(product)
    checked = order_forms.check(product, actor, data, item.data) if has_form else None
    carts.change(_shopper(actor), key, name=" ".join(name.split())[:200], data=checked)


def check_out(
    *,
    actor: Principal,
    cart_uuid: str,
    expected: Money | None,
    expected_month: Money | None = None,
    address_uuid: str | None = None,
) -> Order:
    """Order the cart of a user's current client; a form that is sent twice orders once.

    Args:
        actor: a user of the client.
        cart_uuid: the cart that was shown.
        expected: the total that was shown.
        expected_month: what a month of the prepaid services was shown to cost, if there are any.
        address_uuid: the billing address that was shown; empty for the client's own, None for that
            of the cart.

    Raises:
        ConflictError: the cart is another one now, or cannot be ordered as it is.
        InvalidInput: an item is invalid or sold out, or the address was deleted.
        PriceChangedError: the total is not the one that was shown.
    """
    actor.require_own(CLIENT_ORDERS_MANAGE)
    client = find_client(actor.client.uuid if actor.client else "")
    placed = sa.select(Order).where(Order.token == cart_uuid, Order.client_id == client.id)
    earlier = session().scalar(placed)
    if earlier is not None:
        return earlier
    cart = carts.find_cart(Shopper(client.id))
    if cart is None or cart.uuid != cart_uuid:
        raise ConflictError(_("Your cart was changed in another window. Check it and try again."))
    if own_details.missing(client):
        raise ConflictError(_("Enter your billing details first."))
    address_id = cart.address_id
    if address_uuid is not None:
        address_id = _address_id(client, address_uuid)
    if address_id != cart.address_id:
        carts.set_address(_shopper(actor), address_id)
        raise ConflictError(_("The billing address was changed. Check it and order again."))
    priced = price_cart(cart, client)
    if not priced.ready or priced.gone:
        raise ConflictError(_("Not everything in your cart can be ordered. Check the cart."))
    if expected is None or (priced.quote and priced.quote.usage and expected_month is None):
        raise ConflictError(_("The total is missing. Check the cart and order again."))
    return orders.place(
        actor=actor,
        request=orders.Request(
            client_uuid=client.uuid,
            choices=priced.choices,
            token=cart.uuid,
            expected=expected,
            expected_month=expected_month,
            coupon=priced.valid_coupon,
            cart=cart,
            address_id=address_id,
        ),
    )


def _address_id(client: Client, uuid: str) -> int | None:
    """Return the id of an address of a client; None for the client's own.

    Raises:
        InvalidInput: the client has no such address.
    """
    try:
        return addresses.find_address(client, uuid).id if uuid else None
    except NotFoundError:
        raise addresses.gone() from None


def choose_address(*, actor: Principal, address_uuid: str) -> None:
    """Choose the billing address of the order that a user's current client is about to place.

    Args:
        actor: a user of the client.
        address_uuid: an address of the client; empty for the client's own.

    Raises:
        NotFoundError: the client has no such address.
    """
    actor.require_own(CLIENT_ORDERS_MANAGE)
    client = find_client(actor.client.uuid if actor.client else "")
    found = addresses.find_address(client, address_uuid) if address_uuid else None
    carts.set_address(_shopper(actor), found.id if found else None)


def find_own_order(actor: Principal, uuid: str) -> Order:
    """Return an order of a user's current client.

    Raises:
        NotFoundError: it does not exist, or belongs to another client.
    """
    client_id = actor.client.id if actor.client and actor.may(CLIENT_ORDERS_VIEW) else None
    query = sa.select(Order).where(Order.uuid == uuid, Order.client_id == client_id)
    return find(query, _("Order not found."))


def _shopper(actor: Principal) -> Shopper:
    return Shopper(actor.client.id if actor.client else None)
