"""Carts: what visitors and clients are about to order.

A cart is a row: a visitor's is found by the token in a cookie, a client's by the client. So it
holds more than a cookie can, and a client sees it on every device. A visitor who signs in brings
the cart along, see `claim`.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, InvalidInput, NotFoundError
from puqpanel.domain.texts import _
from puqpanel.infra.clock import now
from puqpanel.infra.db import retry_deadlocks, save, session, transaction, write
from puqpanel.infra.redact import storable
from puqpanel.models import Cart
from puqpanel.models.columns import new_uuid
from puqpanel.operations.accounts.sessions import hash_token

MAX_SERVICES = 50
"""How many services a cart, and so an order, can have."""
KEPT = timedelta(days=30)
"""How long a cart is kept after its last change."""
BATCH = 1000


@dataclass(frozen=True, slots=True)
class Shopper:
    """Whose cart it is.

    Args:
        client_id: the current client of a signed-in user; None for a visitor.
        token: of the visitor's cookie; empty without one.
    """

    client_id: int | None = None
    token: str = ""


@dataclass(frozen=True, slots=True)
class CartItem:
    """A product in a cart.

    Args:
        product: UUID of the product.
        period: the billing period.
        options: what was chosen, by the key of the option group, as it was submitted.
        quantity: how many services.
        name: of the service; empty for the product's name.
        data: the module's fields; None until they are filled in.
        key: identifies the item in the cart.
    """

    product: str
    period: str
    options: Mapping[str, str] = field(default_factory=dict)
    quantity: int = 1
    name: str = ""
    data: Mapping[str, Any] | None = None
    key: str = field(default_factory=lambda: secrets.token_hex(4))


def find_cart(shopper: Shopper) -> Cart | None:
    """Return the cart of a shopper; None if there is none, or it has expired."""
    where = _where(shopper)
    if where is None:
        return None
    return session().scalar(sa.select(Cart).where(where, Cart.expires_at > now()))


def size_of(shopper: Shopper) -> int:
    """Return how many services are in the cart of a shopper."""
    where = _where(shopper)
    if where is None:
        return 0
    query = sa.select(Cart.size).where(where, Cart.expires_at > now())
    return session().scalar(query) or 0


def items_of(cart: Cart | None) -> list[CartItem]:
    """Return what is in a cart, oldest first."""
    return [CartItem(**values) for values in cart.items] if cart else []


def item_in(shopper: Shopper, key: str) -> CartItem:
    """Return an item in the cart of a shopper.

    Raises:
        NotFoundError: the cart does not have it.
    """
    for item in items_of(find_cart(shopper)):
        if item.key == key:
            return item
    raise _gone()


@retry_deadlocks
@transaction()
def put(shopper: Shopper, item: CartItem, coupon: str = "") -> None:
    """Add an item, or replace the one with its key.

    The same product with the same choice is not listed twice: its quantity grows.

    Args:
        shopper: whose cart it is.
        item: the item.
        coupon: a code that replaces the one of the cart; empty to keep that.

    Raises:
        InvalidInput: the cart would have too many services.
    """
    with _changed(shopper, coupon or None) as items:
        for at, each in enumerate(items):
            if each.key == item.key:
                items[at] = replace(item, name=each.name, data=each.data)
                return
        for at, each in enumerate(items):
            if each.data is None and replace(each, key=item.key, quantity=item.quantity) == item:
                items[at] = replace(each, quantity=each.quantity + item.quantity)
                return
        items.append(item)


@retry_deadlocks
@transaction()
def set_coupon(shopper: Shopper, code: str) -> None:
    """Set the code of a coupon; empty removes it."""
    with _changed(shopper, code):
        pass


@retry_deadlocks
@transaction()
def set_address(shopper: Shopper, address_id: int | None) -> None:
    """Set the billing address of a client's cart; None for the client's own."""
    cart = _lock(shopper)
    if cart is not None:
        cart.address_id = address_id


@retry_deadlocks
@transaction()
def change(shopper: Shopper, key: str, **values: Any) -> None:
    """Change fields of an item: `quantity`, or `name` and `data`.

    Raises:
        InvalidInput: the cart would have too many services.
        NotFoundError: the item is not in the cart.
    """
    with _changed(shopper) as items:
        at = next((at for at, each in enumerate(items) if each.key == key), None)
        if at is None:
            raise _gone()
        items[at] = replace(items[at], **values)


@retry_deadlocks
@transaction()
def remove(shopper: Shopper, *keys: str) -> None:
    """Remove items; those that are gone already are ignored."""
    with _changed(shopper) as items:
        items[:] = [each for each in items if each.key not in keys]


@retry_deadlocks
@transaction()
def claim(*, client_id: int, token: str) -> None:
    """Give a visitor's cart to the client for which the visitor signed in.

    If the client has a cart already, the visitor's items are added to it.
    """
    where = _where(Shopper(token=token))
    if where is None:
        return
    query = sa.select(Cart).where(where, Cart.expires_at > now()).with_for_update()
    cart = session().scalar(query.execution_options(populate_existing=True))
    if cart is None:
        return
    own = _lock(Shopper(client_id))
    if own is not None and own.expires_at <= now():
        session().delete(own)
        session().flush()
        own = None
    if own is None:
        cart.visitor_hash, cart.client_id = None, client_id
        save(cart, _changed_meanwhile())
        return
    room = MAX_SERVICES - own.size
    brought = [each for each in items_of(cart) if each.quantity <= room][:room]
    while sum(each.quantity for each in brought) > room:
        brought.pop()
    _keep(own, [*items_of(own), *brought])
    own.coupon = cart.coupon or own.coupon
    session().delete(cart)


def take_ordered(cart: Cart) -> None:
    """Delete a cart that is being ordered; a part of an order's transaction.

    Args:
        cart: as it was read.

    Raises:
        ConflictError: it was changed since.
    """
    where = (Cart.uuid == cart.uuid, Cart.expires_at == cart.expires_at)
    if not write(sa.delete(Cart).where(*where)):
        raise _changed_meanwhile()


def prune() -> int:
    """Delete a batch of expired carts and return their number."""
    query = sa.select(Cart.id).where(Cart.expires_at <= now()).limit(BATCH)
    ids = session().scalars(query).all()
    return write(sa.delete(Cart).where(Cart.id.in_(ids), Cart.expires_at <= now())) if ids else 0


@contextmanager
def _changed(shopper: Shopper, coupon: str | None = None) -> Iterator[list[CartItem]]:
    """Lock a cart, created if needed, and yield its items to change.

    Args:
        shopper: whose cart it is.
        coupon: the code to set; None to keep it.
    """
    cart = _lock(shopper)
    if cart is not None and cart.expires_at <= now():
        session().delete(cart)
        session().flush()
        cart = None
    items = items_of(cart)
    yield items
    if cart is None and not items:
        return
    if cart is None:
        cart = Cart(
            uuid=new_uuid(),
            client_id=shopper.client_id,
            visitor_hash=None if shopper.client_id else _hash(shopper),
        )
    if coupon is not None:
        cart.coupon = coupon[:40]
    _keep(cart, items)


def _keep(cart: Cart, items: list[CartItem]) -> None:
    size = sum(each.quantity for each in items)
    if size > MAX_SERVICES:
        text = _("A cart can have at most %(limit)s services.", limit=MAX_SERVICES)
        raise InvalidInput({"quantity": [text]})
    cart.items = [asdict(each) for each in items]
    cart.size, cart.expires_at = size, now() + KEPT
    save(cart, _changed_meanwhile())


def _lock(shopper: Shopper) -> Cart | None:
    where = _where(shopper)
    if where is None:
        raise _gone()
    query = sa.select(Cart).where(where).with_for_update()
    return session().scalar(query.execution_options(populate_existing=True))


def _where(shopper: Shopper) -> sa.ColumnElement[bool] | None:
    if shopper.client_id is not None:
        return Cart.client_id == shopper.client_id
    return Cart.visitor_hash == _hash(shopper) if shopper.token else None


def _hash(shopper: Shopper) -> str:
    return hash_token(storable(shopper.token))


def _changed_meanwhile() -> ConflictError:
    return ConflictError(_("Your cart was changed in another window. Try again."))


def _gone() -> NotFoundError:
    return NotFoundError(_("This item is no longer in your cart."))
