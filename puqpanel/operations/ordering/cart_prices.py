"""What a cart costs, and what keeps it from being ordered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa

from puqpanel.domain.catalog import BillingMode
from puqpanel.domain.errors import InvalidInput
from puqpanel.domain.money import Money
from puqpanel.domain.pricing import Part, Quote
from puqpanel.domain.texts import Text, _
from puqpanel.infra.db import session
from puqpanel.models import Address, Cart, Client, Company, Coupon, Product
from puqpanel.operations.accounts import addresses
from puqpanel.operations.billing.companies import company_for
from puqpanel.operations.billing.ledger import today
from puqpanel.operations.catalog.options import groups_of
from puqpanel.operations.ordering import carts, order_forms, selections
from puqpanel.operations.ordering.carts import CartItem
from puqpanel.operations.ordering.coupons import valid_coupon
from puqpanel.operations.ordering.quotes import Choice, Priced, price_choices
from puqpanel.operations.ordering.selections import Selection


@dataclass(frozen=True, slots=True)
class CartLine:
    """An item of a cart with its price.

    Args:
        item: the item.
        product: its product.
        parts: the product and its options; empty if there is a problem.
        amount: what is charged for it at once, net or gross as prices are entered, before
            discounts; None if there is a problem.
        problem: why it cannot be ordered as it is; empty if it can.
    """

    item: CartItem
    product: Product
    parts: tuple[Part, ...] = ()
    amount: Money | None = None
    problem: Text | str = ""

    @property
    def usage(self) -> Money | None:
        """What a period costs that is charged from credit, as prices are entered; else None."""
        if not self.parts or self.product.billing_mode != BillingMode.PREPAID:
            return None
        amounts = (part.price.recurring * part.quantity for part in self.parts)
        return Money.total(amounts, self.parts[0].price.recurring.currency) * self.item.quantity

    @property
    def countable(self) -> bool:
        """Whether more than one can be ordered with the same details."""
        return not order_forms.has_form(self.product)

    @property
    def chosen(self) -> Selection:
        """What was chosen of its options, also if they can't be ordered."""
        entered = {key: value for key, value in self.item.options.items() if value != ""}
        return selections.named(entered)


@dataclass(frozen=True, slots=True)
class PricedCart:
    """A cart with its prices.

    Args:
        lines: its items.
        choices: what is ordered: one for each service of the lines without a problem.
        quote: what they cost together; None if there are none.
        removed: names of products that are no longer sold, whose items are to be removed.
        gone: the keys of these items.
        coupon: the code that was entered; empty for none.
        coupon_problem: why it is not valid; empty if it is.
    """

    lines: tuple[CartLine, ...]
    choices: tuple[Choice, ...] = ()
    quote: Quote | None = None
    removed: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    coupon: str = ""
    coupon_problem: Text | str = ""

    @property
    def ready(self) -> bool:
        """Whether the cart can be ordered."""
        return self.quote is not None and not any(line.problem for line in self.lines)

    @property
    def valid_coupon(self) -> str:
        """The code that the order uses: none if it is not valid, as the total was shown without."""
        return "" if self.coupon_problem else self.coupon


def price_cart(cart: Cart | None, client: Client) -> PricedCart:
    """Return what a cart costs a client today, from the function that also charges.

    Args:
        cart: the cart; None for an empty one.
        client: the buyer, or a client that stands for a visitor and is not saved.

    Raises:
        NoCompanyError: there is no company that sells.
        NoTaxRateError: tax must be charged, but there is no rate.
    """
    found = unpriced(cart)
    if not found.lines:
        return found
    company = company_for(client)
    address = addresses.chosen(client, cart.address_id) if cart else None
    lines = found.lines
    try:
        priced = _priced(company, client, lines, address=address)
    except InvalidInput:
        lines = tuple(_checked(company, client, line, address) for line in lines)
        priced = _priced(company, client, lines, address=address)
    code = found.coupon
    problem: Text | str = ""
    if code and priced:
        try:
            coupon = valid_coupon(code, client, today(company))
            priced = _priced(company, client, lines, coupon, address)
        except InvalidInput as error:
            problem = error.text
    return replace(
        found,
        lines=_with_amounts(lines, priced) if priced else lines,
        choices=tuple(_choices(lines)),
        quote=priced.quote if priced else None,
        coupon_problem=problem,
    )


def unpriced(cart: Cart | None) -> PricedCart:
    """Return what is in a cart, without prices; it is shown so while none can be computed."""
    items = carts.items_of(cart)
    query = sa.select(Product).where(Product.uuid.in_({item.product for item in items}))
    products = {row.uuid: row for row in session().scalars(query)} if items else {}
    kept, removed, gone = [], [], []
    for item in items:
        product = products.get(item.product)
        if product and product.active:
            kept.append((item, product))
        else:
            removed.append(product.name if product else str(_("A product")))
            gone.append(item.key)
    return PricedCart(
        _lines(kept),
        removed=tuple(removed),
        gone=tuple(gone),
        coupon=cart.coupon if cart else "",
    )


def choices_of(item: CartItem, product: Product) -> list[Choice]:
    """Return what an item orders: one choice for each service."""
    data = dict(item.data or {}) if order_forms.has_form(product) else None
    choice = Choice(product, item.period, item.options, item.name, data)
    return [choice] * item.quantity


def _lines(items: Sequence[tuple[CartItem, Product]]) -> tuple[CartLine, ...]:
    """Return the lines, with a problem if there are too few in stock."""
    wanted: dict[int, int] = {}
    for item, product in items:
        wanted[product.id] = wanted.get(product.id, 0) + item.quantity
    lines = []
    for item, product in items:
        problem: Text | str = ""
        if product.stock is not None and product.stock < wanted[product.id]:
            problem = (
                _("Only %(number)s left in stock.", number=product.stock)
                if product.stock > 0
                else _("%(name)s is sold out.", name=product.name)
            )
        lines.append(CartLine(item, product, problem=problem))
    return tuple(lines)


def _choices(lines: Sequence[CartLine]) -> list[Choice]:
    return [
        choice
        for line in lines
        if not line.problem
        for choice in choices_of(line.item, line.product)
    ]


def _priced(
    company: Company,
    client: Client,
    lines: Sequence[CartLine],
    coupon: Coupon | None = None,
    address: Address | None = None,
) -> Priced | None:
    choices = _choices(lines)
    return price_choices(company, client, choices, coupon, address) if choices else None


def _checked(company: Company, client: Client, line: CartLine, address: Address | None) -> CartLine:
    """Return a line with the reason why it cannot be priced, if it cannot."""
    try:
        _priced(company, client, [line], address=address)
    except InvalidInput as error:
        field, texts = next(iter(error.messages.items()))
        labels = {group.key: group.label for group in groups_of(line.product)}
        if field not in labels:
            return replace(line, problem=texts[0])
        problem = _("%(option)s: %(problem)s", option=labels[field], problem=texts[0])
        return replace(line, problem=problem)
    return line


def _with_amounts(lines: Sequence[CartLine], priced: Priced) -> tuple[CartLine, ...]:
    first, filled = 0, []
    for line in lines:
        if line.problem:
            filled.append(line)
            continue
        places = {str(at) for at in range(first, first + line.item.quantity)}
        amounts = (
            each.amount for each in priced.quote.lines if each.item in places and not each.coupon
        )
        filled.append(
            CartLine(
                line.item,
                line.product,
                priced.configurations[first].parts,
                Money.total(amounts, priced.quote.currency),
            )
        )
        first += line.item.quantity
    return tuple(filled)
