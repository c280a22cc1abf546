"""The form of one product of an order: period, options, name and the fields of its module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import request

from puqpanel.domain.errors import InvalidInput, UserError
from puqpanel.domain.money import Money
from puqpanel.domain.periods import Period
from puqpanel.domain.texts import _
from puqpanel.models import Order, Product
from puqpanel.operations.catalog.offered_options import offered, prices_in
from puqpanel.operations.catalog.options import groups_of
from puqpanel.operations.catalog.prices import prices_of
from puqpanel.operations.ordering import drafts, order_forms
from puqpanel.operations.ordering.quotes import Choice, OwnPrice
from puqpanel.web.forms import answers, field_errors
from puqpanel.web.guard import actor
from puqpanel.web.locale import viewer_locale
from puqpanel.web.prices import EVERY

OWN_PRICE = ("own_price", "own_setup", "own_reason")
"""Fields of a price that staff set."""
PREFIX = "order."
"""Prefix of the panel's own fields, so that the fields of a module keep their names."""


def submitted(product: Product) -> Choice:
    """Return what the submitted form chose."""
    form = request.form
    options = {
        group.key: form[f"{PREFIX}option.{group.key}"]
        for group in groups_of(product)
        if f"{PREFIX}option.{group.key}" in form
    }
    data = {name: value for name, value in answers().items() if not name.startswith(PREFIX)}
    return Choice(
        product=product,
        period=form.get(f"{PREFIX}period", "")[:40],
        options=options,
        name=form.get(f"{PREFIX}name", "")[:200],
        data=data if order_forms.has_form(product) else None,
    )


def own_price(currency: str) -> OwnPrice | None:
    """Return the price that staff entered instead of the catalog's; None if they left it blank.

    Raises:
        InvalidInput: it is not an amount.
    """
    amounts, errors = {}, {}
    typed = {key: request.form.get(f"{PREFIX}{key}", "").strip() for key in OWN_PRICE}
    for key in ("own_price", "own_setup"):
        try:
            amounts[key] = Money.parse(typed[key] or "0", currency, viewer_locale())
        except UserError as error:
            errors[key] = [error.text]
    if errors:
        raise InvalidInput(errors)
    if not any(typed.values()):
        return None
    if not typed["own_price"]:
        raise InvalidInput({"own_price": [_("Enter an amount.")]})
    return OwnPrice(
        amounts["own_price"], amounts["own_setup"], " ".join(typed["own_reason"].split())
    )


def blank(order: Order, product: Product) -> Choice:
    """Return a product with its first period and the defaults of its options."""
    periods = [row.period for row in prices_of(product) if row.currency == order.client.currency]
    return Choice(product, periods[0] if periods else Period.ONE_TIME.value)


def context(order: Order, choice: Choice, errors: Mapping[str, list[str]]) -> dict[str, Any]:
    """Return what the page of the form shows.

    Args:
        order: the draft.
        choice: the product as it is chosen.
        errors: messages by field; the price is computed if there are none.
    """
    product, quote, groups = choice.product, None, groups_of(choice.product)
    prices = prices_in(product, groups, order.client.currency, choice.period)
    found = dict(errors)
    try:
        quote = drafts.price(order, [choice]).quote
    except UserError as error:
        found = found or field_errors(error)
    return {
        "order": order,
        "product": product,
        "choice": choice,
        "prices": [row for row in prices_of(product) if row.currency == order.client.currency],
        "groups": offered(groups, prices, choice.options),
        "quote": quote,
        "errors": found,
        "own": _shown_price(choice),
        "labels": _labels(product) if found else {},
        "fields": order_forms.page(product, actor(), choice.data or {}, found),
        "prefix": PREFIX,
        "every": EVERY,
    }


def _shown_price(choice: Choice) -> dict[str, str]:
    """Return the own price as the form shows it: as it was typed, or as it is stored."""
    if request.method == "POST":
        return {key: request.form.get(f"{PREFIX}{key}", "") for key in OWN_PRICE}
    if choice.own_price is None:
        return dict.fromkeys(OWN_PRICE, "")
    recurring, setup = choice.own_price.recurring, choice.own_price.setup
    return {
        "own_price": recurring.format_number(viewer_locale()),
        "own_setup": setup.format_number(viewer_locale()),
        "own_reason": choice.own_price.reason,
    }


def _labels(product: Product) -> dict[str, str]:
    """Return the labels of the fields, by the names that errors have."""
    own = {
        "name": str(_("Name")),
        "period": str(_("Billing period")),
        "own_price": str(_("Custom price")),
        "own_setup": str(_("Custom setup fee")),
        "own_reason": str(_("Reason")),
    }
    options = {group.key: group.label for group in groups_of(product)}
    return order_forms.labels(product, actor()) | own | options
