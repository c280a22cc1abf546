"""The form of one product of an order: period, options, name and the fields of its module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import request

from puqpanel.domain.errors import UserError
from puqpanel.domain.periods import Period
from puqpanel.domain.texts import _
from puqpanel.models import Order, Product
from puqpanel.operations.catalog.options import groups_of
from puqpanel.operations.catalog.prices import prices_of
from puqpanel.operations.ordering import drafts, order_forms
from puqpanel.operations.ordering.quotes import Choice
from puqpanel.web.forms import answers, field_errors
from puqpanel.web.guard import actor
from puqpanel.web.prices import EVERY

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
    product, quote = choice.product, None
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
        "groups": groups_of(product),
        "quote": quote,
        "errors": found,
        "labels": _labels(product) if found else {},
        "fields": order_forms.page(product, actor(), choice.data or {}, found),
        "prefix": PREFIX,
        "every": EVERY,
    }


def _labels(product: Product) -> dict[str, str]:
    """Return the labels of the fields, by the names that errors have."""
    own = {"name": str(_("Name")), "period": str(_("Billing period"))}
    options = {group.key: group.label for group in groups_of(product)}
    return order_forms.labels(product, actor()) | own | options
