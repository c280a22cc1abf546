"""What a customer chose of a product: its price, its options and what modules receive of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from puqpanel.domain.catalog import BillingMode, OptionKind
from puqpanel.domain.errors import InvalidInput
from puqpanel.domain.money import Money
from puqpanel.domain.periods import Period
from puqpanel.domain.pricing import Part, Price
from puqpanel.domain.texts import Text, _
from puqpanel.models import Option, OptionGroup, Product
from puqpanel.operations.catalog.offered_options import is_withdrawn, prices_in
from puqpanel.operations.catalog.options import groups_of
from puqpanel.operations.catalog.prices import price_of
from puqpanel.operations.system import currencies

FALSE = frozenset({"", "0", "n", "no", "off", "false"})
NOTHING = (None, "")
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
    *,
    product: Product,
    currency: str,
    period: str,
    chosen: Mapping[str, Any],
    kept: Mapping[str, Any] = MappingProxyType({}),
) -> Configuration:
    """Check what was chosen of a product, and return it with its prices.

    What is not chosen has its default: the first option that can be ordered, no, or the smallest
    quantity. A group of which all options are hidden is left out.

    Args:
        product: the product.
        currency: the currency of all prices.
        period: the billing period; ignored for a free product.
        chosen: texts of a form by the key of the option group: the key of an option; "y" or "" for
            yes or no; a whole number. Values of `Configuration.values` are accepted too.
        kept: what a service has now; it can keep options that are hidden.

    Raises:
        InvalidInput: the product or an option has no price in the currency or for the period, an
            option is unknown or hidden, or a quantity is out of range. The names of the fields are
            `currency`, `period` and the keys of the option groups, whose texts leave out the label
            of the group.
    """
    groups = groups_of(product)
    errors: dict[str, list[Text]] = {
        key: [_("%(product)s has no option of this name.", product=product.name)]
        for key in set(chosen) - {group.key for group in groups}
    }
    if product.billing_mode == BillingMode.FREE:
        currencies.check_enabled(currency)
        base = Price(Money.zero(currency), Money.zero(currency), Period.ONE_TIME)
    else:
        base = price_of(product, currency, period).quoted()
    prices = prices_in(product, groups, currency, base.period)
    values: dict[str, str | bool | int] = {}
    parts = [Part("", product.name, base)]
    for group in groups:
        if is_withdrawn(group) and chosen.get(group.key) in NOTHING:
            continue
        try:
            value, option, quantity = _choice(
                group, chosen.get(group.key), kept.get(group.key), prices
            )
            if option is not None and quantity:
                if option.id not in prices:
                    raise _invalid(_no_price(group, option, currency))
                label = _label(group, option)
                parts.append(Part(group.key, label, prices[option.id], quantity))
        except InvalidInput as error:
            errors[group.key] = list(error.messages[""])  # type: ignore[arg-type]  # all are Text
            continue
        values[group.key] = value
    if errors:
        raise InvalidInput(errors)
    return Configuration(tuple(parts), values)


def defaults(product: Product) -> dict[str, str | bool | int]:
    """Return the first values of the options of a product, by the key of the option group."""
    values: dict[str, str | bool | int] = {}
    for group in groups_of(product):
        with suppress(InvalidInput):  # none of its options is left
            values[group.key] = _choice(group, None, None, ())[0]
    return values


def _choice(
    group: OptionGroup, value: Any, kept: Any, prices: Collection[int]
) -> tuple[str | bool | int, Option | None, int]:
    """Return a valid value of a group, with the option to charge and how many units of it."""
    if group.kind == OptionKind.CHOICE:
        option = _one_of(group, value, kept, prices)
        return option.key, option, 1
    only = group.options[0] if group.options else None
    chosen: bool | int = _yes(value) if group.kind == OptionKind.YES_NO else _quantity(group, value)
    if chosen and (only is None or (only.hidden and chosen != kept)):
        raise _invalid(_("This option is no longer available."))
    return chosen, only if chosen else None, int(chosen)


def _one_of(group: OptionGroup, value: Any, kept: Any, prices: Collection[int]) -> Option:
    if value in NOTHING:
        shown = [option for option in group.options if not option.hidden]
        if not shown:
            raise _invalid(_("None of the options is available any more."))
        return next((option for option in shown if option.id in prices), shown[0])
    for option in group.options:
        if option.key == value:
            if option.hidden and value != kept:
                raise _invalid(_("%(option)s is no longer available.", option=option.label))
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


def _no_price(group: OptionGroup, option: Option, currency: str) -> Text:
    if group.kind != OptionKind.CHOICE:
        return _("No price in %(currency)s for this billing period.", currency=currency)
    return _(
        "%(option)s has no price in %(currency)s for this billing period.",
        option=option.label,
        currency=currency,
    )


def _label(group: OptionGroup, option: Option) -> str:
    return f"{group.label}: {option.label}" if group.kind == OptionKind.CHOICE else group.label
