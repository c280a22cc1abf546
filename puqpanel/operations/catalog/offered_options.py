"""Which options of a product can be ordered, and what they cost."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.catalog import BillingMode, OptionKind
from puqpanel.domain.money import Money
from puqpanel.domain.periods import Period
from puqpanel.domain.pricing import Price
from puqpanel.infra.db import session
from puqpanel.models import Option, OptionGroup, OptionPrice, Product


def is_withdrawn(group: OptionGroup) -> bool:
    """Return whether nothing of a group can be chosen any more, in any currency."""
    needs_one = group.kind == OptionKind.CHOICE or group.minimum > 0
    return needs_one and all(option.hidden for option in group.options)


@dataclass(frozen=True, slots=True)
class Offered:
    """An option group of a product, with what can be chosen of it.

    Args:
        group: the group.
        options: those that can be ordered, and the one that is kept; empty if the group is not
            asked for.
    """

    group: OptionGroup
    options: tuple[Option, ...]


def offered(
    groups: Sequence[OptionGroup],
    prices: Collection[int],
    kept: Mapping[str, Any] = MappingProxyType({}),
) -> list[Offered]:
    """Return option groups with the options that can be ordered; without those that have none left.

    Args:
        groups: of a product.
        prices: the ids of the options that have a price; see `prices_in`.
        kept: what a service has now.
    """

    def is_offered(group: OptionGroup, option: Option) -> bool:
        if not option.hidden and option.id in prices:
            return True
        has = kept.get(group.key)
        return bool(has) if group.kind != OptionKind.CHOICE else has == option.key

    found = [
        Offered(group, tuple(option for option in group.options if is_offered(group, option)))
        for group in groups
    ]
    return [
        each
        for each in found
        if each.options or not all(option.hidden for option in each.group.options)
    ]


def prices_in(
    product: Product, groups: Iterable[OptionGroup], currency: str, period: str
) -> dict[int, Price]:
    """Return what the options of a product cost, by id; those without a price are missing.

    Args:
        product: the product; with a free one, options cost nothing.
        groups: its option groups.
        currency: the currency.
        period: the billing period; an unknown one has no prices.
    """
    options = [option for group in groups for option in group.options]
    free = product.billing_mode == BillingMode.FREE
    included = [option for option in options if option.free or free]
    known = Period(period) if period in set(Period) else Period.ONE_TIME
    zero = Price(Money.zero(currency), Money.zero(currency), known)
    paid = [] if free else [option for option in options if not option.free]
    return dict.fromkeys((option.id for option in included), zero) | option_prices(
        paid, currency, period
    )


def unpriced(
    groups: Sequence[OptionGroup], sold: Collection[tuple[str, str]]
) -> dict[int, list[str]]:
    """Return in which currencies no option of a group can be ordered for a period that is sold.

    Args:
        groups: of a product; those of which all options are hidden are left out.
        sold: the currencies and periods in which the product has prices; none of a free one.

    Returns:
        Sorted currencies by the id of the group; groups without such a gap are missing.
    """
    options = [option for group in groups for option in group.options]
    columns = (OptionPrice.option_id, OptionPrice.currency, OptionPrice.period)
    query = sa.select(*columns).where(
        OptionPrice.option_id.in_([option.id for option in options]), OptionPrice.live.is_(True)
    )
    priced = {tuple(row) for row in session().execute(query)} if options else set()
    found: dict[int, set[str]] = {}
    for currency, period in sold:
        ids = {
            option.id
            for option in options
            if option.free or (option.id, currency, period) in priced
        }
        for each in offered(groups, ids):
            if not each.options:
                found.setdefault(each.group.id, set()).add(currency)
    return {key: sorted(missing) for key, missing in found.items()}


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
