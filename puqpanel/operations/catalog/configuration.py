"""What a customer chose of a product: its price, its options and what modules receive of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.catalog import BillingMode, OptionKind
from puqpanel.domain.errors import InvalidInput
from puqpanel.domain.money import Money
from puqpanel.domain.periods import Period
from puqpanel.domain.pricing import Part, Price
from puqpanel.domain.texts import Text, _
from puqpanel.infra.db import session
from puqpanel.models import Option, OptionGroup, OptionPrice, Product
from puqpanel.operations.catalog.options import groups_of
from puqpanel.operations.catalog.prices import price_of
from puqpanel.operations.system import currencies

FALSE = frozenset({"", "0", "n", "no", "off", "false"})
TRUE = frozenset({"1", "y", "yes", "on", "true"})


@dataclass(frozen=True, slots=True)
class Configuration:
    """A product as it was chosen.

    Args:
        parts: the product and its options with their prices, for `domain.pricing.Item`.
        values: what was chosen, by the key of the option group, as modules receive it: the key of
            an option, True or False, or a quantity.
    """

    parts: tuple[Part, ...]
    values: Mapping[str, str | bool | int]


def parts(
    *, product: Product, currency: str, period: str, chosen: Mapping[str, Any]
) -> tuple[Part, ...]:
    """Return the parts of a product with options, for `domain.pricing.Item`; see `configure`."""
    return configure(product=product, currency=currency, period=period, chosen=chosen).parts


def configure(
    *, product: Product, currency: str, period: str, chosen: Mapping[str, Any]
) -> Configuration:
    """Check what was chosen of a product, and return it with its prices.

    What is not chosen has its default: the first option, no, or the smallest quantity.

    Args:
        product: the product.
        currency: the currency of all prices.
        period: the billing period; ignored for a free product.
        chosen: texts of a form by the key of the option group: the key of an option; "y" or "" for
            yes or no; a whole number. Values of `Configuration.values` are accepted too.

    Raises:
        InvalidInput: the product or an option has no price in the currency or for the period, an
            option is unknown or hidden, or a quantity is out of range. The names of the fields are
            `currency`, `period` and the keys of the option groups.
    """
    free = product.billing_mode == BillingMode.FREE
    groups = groups_of(product)
    errors: dict[str, list[Text]] = {
        key: [_("%(product)s has no option of this name.", product=product.name)]
        for key in set(chosen) - {group.key for group in groups}
    }
    if free:
        currencies.check_enabled(currency)
        base = Price(Money.zero(currency), Money.zero(currency), Period.ONE_TIME)
    else:
        base = price_of(product, currency, period).quoted()
    values: dict[str, str | bool | int] = {}
    picked: list[tuple[OptionGroup, Option, int]] = []
    for group in groups:
        try:
            value, option, quantity = _choice(group, chosen.get(group.key))
        except InvalidInput as error:
            errors[group.key] = list(error.messages[""])  # type: ignore[arg-type]  # all are Text
            continue
        values[group.key] = value
        if option is not None and quantity:
            picked.append((group, option, quantity))
    prices = (
        {}
        if free
        else option_prices([option for _group, option, _quantity in picked], currency, base.period)
    )
    parts = [Part("", product.name, base)]
    for group, option, quantity in picked:
        price = prices.get(option.id)
        if option.free or free:
            price = Price(Money.zero(currency), Money.zero(currency), base.period)
        if price is None:
            errors[group.key] = [
                _(
                    "%(option)s has no price in %(currency)s for this billing period.",
                    option=_label(group, option),
                    currency=currency,
                )
            ]
        else:
            parts.append(Part(group.key, _label(group, option), price, quantity))
    if errors:
        raise InvalidInput(errors)
    return Configuration(tuple(parts), values)


def defaults(product: Product) -> dict[str, str | bool | int]:
    """Return what a product has if nothing is chosen, by the key of the option group."""
    values: dict[str, str | bool | int] = {}
    for group in groups_of(product):
        with suppress(InvalidInput):  # none of its options is left
            values[group.key] = _choice(group, None)[0]
    return values


def _choice(group: OptionGroup, value: Any) -> tuple[str | bool | int, Option | None, int]:
    """Return a valid value of a group, with the option to charge and how many units of it."""
    options = [option for option in group.options if not option.hidden]
    if group.kind == OptionKind.CHOICE:
        option = _one_of(options, value)
        return option.key, option, 1
    only = options[0] if options else None
    if group.kind == OptionKind.YES_NO:
        yes = _yes(value)
        if yes and only is None:
            raise _invalid(_("%(option)s is no longer available.", option=group.label))
        return yes, only if yes else None, int(yes)
    quantity = _quantity(group, value)
    if quantity and only is None:
        raise _invalid(_("%(option)s is no longer available.", option=group.label))
    return quantity, only, quantity


def _one_of(options: Sequence[Option], value: Any) -> Option:
    if value in (None, "") and options:
        return options[0]
    for option in options:
        if option.key == value:
            return option
    raise _invalid(_("Select an option from the list."))


def _yes(value: Any) -> bool:
    if value is None or isinstance(value, bool):
        return bool(value)
    word = str(value).strip().lower()
    if word in TRUE or word in FALSE:
        return word in TRUE
    raise _invalid(_("Select yes or no."))


def _quantity(group: OptionGroup, value: Any) -> int:
    text = str(group.minimum if value is None else value).strip()
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
    if not group.minimum <= number <= group.maximum:
        raise _invalid(
            _(
                "Enter a whole number from %(minimum)s to %(maximum)s.",
                minimum=group.minimum,
                maximum=group.maximum,
            )
        )
    if (number - group.minimum) % group.step:
        lower = number - (number - group.minimum) % group.step
        raise _invalid(
            _(
                "Enter a number in steps of %(step)s, such as %(lower)s or %(higher)s.",
                step=group.step,
                lower=lower,
                higher=lower + group.step,
            )
        )
    return number


def _invalid(text: Text) -> InvalidInput:
    return InvalidInput({"": [text]})


def _label(group: OptionGroup, option: Option) -> str:
    return f"{group.label}: {option.label}" if group.kind == OptionKind.CHOICE else group.label


def option_prices(options: Collection[Option], currency: str, period: str) -> dict[int, Price]:
    """Return the prices of options for a billing period, by the id of the option."""
    if not options:
        return {}
    query = sa.select(OptionPrice).where(
        OptionPrice.option_id.in_([option.id for option in options]),
        OptionPrice.currency == currency,
        OptionPrice.period == period,
        OptionPrice.live.is_(True),
    )
    return {row.option_id: row.quoted() for row in session().scalars(query)}
