"""The page that changes a service: what was chosen, and its preview, for customers and staff."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import request

from puqpanel.domain.catalog import PERIODS
from puqpanel.domain.changes import Effect
from puqpanel.domain.errors import ConflictError, InvalidInput, UserError
from puqpanel.domain.money import Money
from puqpanel.domain.tax_rules import NoTaxRateError
from puqpanel.domain.texts import Text, _
from puqpanel.models import Service
from puqpanel.operations.billing.companies import NoCompanyError
from puqpanel.operations.catalog.offered_options import offered, prices_in
from puqpanel.operations.catalog.options import groups_of
from puqpanel.operations.catalog.prices import prices_of
from puqpanel.operations.catalog.products import NotConfiguredError
from puqpanel.operations.ordering import changes, plans
from puqpanel.operations.ordering.plans import Plan, Target
from puqpanel.operations.ordering.shop import excludes_tax
from puqpanel.web.documents import shown_day, shown_days
from puqpanel.web.forms import field_errors
from puqpanel.web.guard import actor
from puqpanel.web.prices import EVERY, PER, money, price

OPTION = "option."
"""Prefix of the fields of options."""
Errors = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Picked:
    """What the form chose, and what can be chosen."""

    target: Target
    products: Any
    prices: Any
    groups: Any
    labels: dict[str, str]


def picked(service: Service) -> Picked:
    """Return what the request chose; what the service is now on a new page.

    Raises:
        ConflictError: there is nothing to choose from, or the product is not offered.
    """
    values = {**request.args, **request.form}
    products = plans.products_for(actor(), service)
    uuid = values.get("product", service.product.uuid)
    product = next((each for each in products if each.uuid == uuid), None)
    if product is None and "product" not in values and products:
        product = products[0]  # that of the service is no longer sold
    if product is None and products:
        raise ConflictError(_("This product is not available."))
    if product is None:
        raise ConflictError(_("This service can't be changed to anything else."))
    sold = PERIODS[plans.mode_of(service)]
    rows = [
        row for row in prices_of(product) if row.currency == service.currency and row.period in sold
    ]
    usual = service.period if service.period in {row.period for row in rows} else rows[0].period
    groups = groups_of(product)
    if "product" in values:
        chosen = {
            group.key: values[OPTION + group.key]
            for group in groups
            if OPTION + group.key in values
        }
    else:
        chosen = plans.own_options(groups, plans.current_target(service).options)
    if values.get("product", uuid) != values.get("shown", uuid):  # other options than were shown
        chosen = plans.own_options(groups, plans.current_target(service).options)
    period = values.get("period", usual)
    if period not in {row.period for row in rows}:
        period = usual
    prices = prices_in(product, groups, service.currency, period)
    shown = offered(groups, prices, plans.current_target(service).options)
    labels = {group.key: group.label for group in groups}
    return Picked(Target(product, period, chosen), products, rows, shown, labels)


def context(service: Service, errors: Errors) -> dict[str, Any]:
    """Return what the page shows.

    Args:
        service: the service.
        errors: why the change was refused, by field.
    """
    found = picked(service)
    plan, nothing = None, ""
    try:
        plan = plans.plan(actor(), service, found.target)
    except InvalidInput as error:
        if set(error.errors) == {""} and not errors:
            nothing = error.errors[""][0]
        else:
            errors = errors or reasons(error)
    except UserError as error:
        errors = errors or reasons(error)
    return {
        "service": service,
        "picked": found,
        "plan": plan,
        "nothing": nothing,
        "errors": errors,
        "labels": found.labels,
        "sentences": sentences(plan, service) if plan else [],
        "token": secrets.token_urlsafe(24),
        "every": EVERY,
        "days": shown_days,
        "excludes_tax": excludes_tax(service.client),
        "pays": plan is not None and plan.settlement.effect == Effect.WHEN_PAID,
    }


def change_request(service: Service, free_reason: str = "") -> changes.Request:
    """Return the change that the form requests.

    Raises:
        UserError: the form has no total, or its product is not offered.
    """
    month = request.form.get("month", "")
    text = request.form.get("total", "")
    negative = text.startswith("-")
    digits = text.removeprefix("-")
    if not digits.isascii() or not digits.isdecimal() or len(digits) > 18:
        raise UserError(_("The total is missing. Check the price and try again."))
    return changes.Request(
        service_uuid=service.uuid,
        target=picked(service).target,
        token=request.form.get("token", "")[:64] or secrets.token_urlsafe(24),
        expected=Money(-int(digits) if negative else int(digits), service.currency),
        expected_month=Money(int(month), service.currency)
        if month.isascii() and month.isdecimal() and len(month) < 16
        else None,
        free_reason=free_reason,
    )


def reasons(error: UserError) -> Errors:
    """Return why a change is refused; what only staff can mend is not explained."""
    if isinstance(error, NoTaxRateError | NoCompanyError | NotConfiguredError):
        return {"": [str(_("This service can't be changed at the moment. Contact support."))]}
    return field_errors(error)


def sentences(plan: Plan, service: Service) -> list[Text]:
    """Return what happens when a change is requested, one sentence each."""
    settlement = plan.settlement
    if usage := settlement.quote.usage:
        each = usage[0]
        return [
            _("Nothing is charged today. The change takes effect immediately."),
            _(
                "From the next hour or day on, %(price)s with tax is charged from credit, about"
                " %(month)s a month.",
                price=price(each.amount, each.period),
                month=money(each.monthly),
            ),
        ]
    period, amount = settlement.quote.regular[0]
    regular = f"{money(amount)} {PER[period]}"
    if settlement.effect == Effect.LATER:
        day = shown_day(settlement.starts_on)
        return [
            _("Until %(day)s everything stays as it is. Nothing is charged or refunded.", day=day),
            _("From %(day)s on it costs %(regular)s.", day=day, regular=regular),
            _("You can cancel the change until then."),
        ]
    texts = []
    if settlement.effect == Effect.WHEN_PAID:
        total = money(settlement.quote.total)
        texts.append(_("%(total)s is billed today.", total=total))
        texts.append(_("The change takes effect when it is paid."))
    else:
        texts.append(_("Nothing is charged today. The change takes effect immediately."))
    until = settlement.paid_until
    if until:
        last = shown_day(until - timedelta(days=1))
        texts.append(_("A new billing period starts today and runs until %(day)s.", day=last))
    until = until or service.paid_until
    if until:
        day = shown_day(until)
        texts.append(_("From %(day)s on it costs %(regular)s.", day=day, regular=regular))
    return texts
