"""Price a sale. Catalog, cart, order, invoice, renewal and preview share this function.

So the displayed amount and the charged one are equal. Amounts are as prices were entered, net or
gross, until the taxes of each group are computed on the sum of its lines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

from puqpanel.domain.charges import ChargeKind
from puqpanel.domain.errors import UserError
from puqpanel.domain.money import Money
from puqpanel.domain.periods import FixedDay, Period, Span, first_charge
from puqpanel.domain.prepaid import per_day
from puqpanel.domain.tax import GroupTotal, PriceEntry, TaxGroup, group_total, line_nets
from puqpanel.domain.texts import _

MAX_QUANTITY = 1000
_NEXT = Span(date(2000, 1, 1), date(2000, 1, 2))
"""A placeholder for the next period, which is charged in full whatever its length."""


@dataclass(frozen=True, slots=True)
class Price:
    """A price of a product or option for one period.

    Args:
        setup: charged once.
        recurring: charged for each period; for a one-time price, charged once.
        period: the billing period.
        source: the identifier of the price row.
    """

    setup: Money
    recurring: Money
    period: Period
    source: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """The product of an item, or one of its options.

    Args:
        key: what it is: empty for the product, else the key of the option's group.
        label: its name.
        price: for one unit.
        quantity: how many units of an option.
    """

    key: str
    label: str
    price: Price
    quantity: int = 1


@dataclass(frozen=True, slots=True)
class Item:
    """Something that is sold: a product with its options.

    Args:
        key: identifies it in the quote.
        product: identifier of the product, for coupons.
        parts: the product, then its options, all with the same period.
        group: how it is taxed.
        quantity: how many services.
        policy: the anchor policy of a new service.
        day: from which a new service is charged; that of the quote unless given.
        span: the days of a renewal; None for a new service, whose first charge is computed.
        share: the share of the period that the days of a renewal are.
        cycle: how often it was charged before, for coupons.
        prepaid: charged from credit after each period, so only its setup fee is charged now.
    """

    key: str
    product: str
    parts: tuple[Part, ...]
    group: TaxGroup
    quantity: int = 1
    policy: FixedDay | None = None
    day: date | None = None
    span: Span | None = None
    share: Fraction = Fraction(1)
    cycle: int = 0
    prepaid: bool = False

    @property
    def period(self) -> Period:
        """The billing period."""
        return self.parts[0].price.period


@dataclass(frozen=True, slots=True)
class Coupon:
    """A discount.

    Args:
        code: what the client entered.
        percent: off the price; None for an amount.
        amount: off the whole order, at most its price; None for a percentage.
        products: identifiers of the products that it is valid for; empty for all.
        cycles: for how many periods of a service; None for all.
        setup: whether setup fees are reduced too.
    """

    code: str
    percent: Decimal | None = None
    amount: Money | None = None
    products: frozenset[str] = frozenset()
    cycles: int | None = 1
    setup: bool = False


@dataclass(frozen=True, slots=True)
class QuoteLine:
    """A line of a quote.

    Args:
        item: the key of its item.
        part: the key of its part.
        label: the name of the product or option, or the code of a coupon.
        kind: what it pays for.
        quantity: how many units.
        unit: the price of a unit for the whole period.
        amount: the amount charged, net or gross as prices are entered.
        group: how it is taxed.
        net: the amount without tax.
        span: the days that it pays for; None for setup fees and one-time prices.
        share: the share of the period that is charged.
        coupon: the code of the coupon of a discount.
        source: the identifier of the price row.
    """

    item: str
    part: str
    label: str
    kind: ChargeKind
    quantity: int
    unit: Money
    amount: Money
    group: TaxGroup
    net: Money
    span: Span | None = None
    share: Fraction = Fraction(1)
    coupon: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """What prepaid items with the same billing period cost, with tax.

    Args:
        period: the period.
        amount: of one period.
        monthly: of an average month.
    """

    period: Period
    amount: Money
    monthly: Money


@dataclass(frozen=True, slots=True)
class Quote:
    """A priced sale.

    Args:
        currency: of all amounts.
        entry: whether the prices were entered net or gross.
        lines: in the order of the items; discounts come last.
        totals: net amount and taxes of each group.
        regular: what the next period costs, with tax and its coupons, by billing period.
        usage: what prepaid items cost.
        later_discounts: what coupons take off the next period of each item, by its key.
    """

    currency: str
    entry: PriceEntry
    lines: tuple[QuoteLine, ...]
    totals: tuple[GroupTotal, ...]
    regular: tuple[tuple[Period, Money], ...] = ()
    usage: tuple[Usage, ...] = ()
    later_discounts: Mapping[str, Money] = field(default_factory=dict)

    @property
    def monthly(self) -> Money:
        """What prepaid items cost in an average month, with tax."""
        return Money.total((each.monthly for each in self.usage), self.currency)

    @property
    def net(self) -> Money:
        """The sum without tax."""
        return Money.total((total.net for total in self.totals), self.currency)

    @property
    def tax(self) -> Money:
        """The sum of all taxes."""
        return Money.total((total.tax for total in self.totals), self.currency)

    @property
    def total(self) -> Money:
        """What is to be paid now."""
        return self.net + self.tax


def quote(
    items: Sequence[Item],
    *,
    day: date,
    currency: str,
    entry: PriceEntry,
    coupons: Sequence[Coupon] = (),
) -> Quote:
    """Price a sale.

    Args:
        items: what is sold.
        day: the day of order, in the company's time zone.
        currency: of all prices.
        entry: whether the prices are net or gross.
        coupons: applied in order, each to the amount remaining after the previous ones.

    Raises:
        UserError: a quantity is out of range.
        CurrencyMismatchError: a price has another currency.
    """
    lines = [line for item in items for line in _lines(item, day)]
    for coupon in coupons:
        lines += _discounts(coupon, items, lines, currency)
    return summed(lines, items, currency=currency, entry=entry, coupons=coupons)


def summed(
    lines: Sequence[QuoteLine],
    items: Sequence[Item],
    *,
    currency: str,
    entry: PriceEntry,
    coupons: Sequence[Coupon] = (),
) -> Quote:
    """Return lines as a quote, with the taxes of each group.

    Args:
        lines: with their amounts; their net amounts are computed here.
        items: what is sold, for the price of each period from then on.
        currency: of all amounts.
        entry: whether the amounts are net or gross.
        coupons: of the lines; those for several periods reduce the next one too.
    """
    totals = tuple(_totals(lines, currency, entry))
    later = _later(items, coupons, currency)
    discounts: dict[str, Money] = {}
    for line in later:
        if line.coupon:
            discounts[line.item] = discounts.get(line.item, Money.zero(currency)) - line.amount
    regular = _regular([item for item in items if not item.prepaid], later, entry, currency)
    usage = _usage([item for item in items if item.prepaid], later, entry, currency)
    return Quote(currency, entry, _with_nets(lines, entry), totals, regular, usage, discounts)


def _lines(item: Item, day: date) -> list[QuoteLine]:
    if not 1 <= item.quantity <= MAX_QUANTITY:
        raise UserError(_("Enter a quantity from 1 to %(limit)s.", limit=MAX_QUANTITY))
    lines: list[QuoteLine] = []
    for part in item.parts:
        count = part.quantity * item.quantity
        if part.price.setup and item.span is None:
            fee = part.price.setup
            lines.append(_line(item, part, ChargeKind.SETUP, quantity=count, unit=fee))
    for span, share in _spans(item, day):
        kind = ChargeKind.RECURRING if share == 1 else ChargeKind.PRORATION
        for part in item.parts:
            if part.price.recurring or not part.key:
                count, unit = part.quantity * item.quantity, part.price.recurring
                lines.append(
                    _line(item, part, kind, quantity=count, unit=unit, share=share, span=span)
                )
    return lines


def _spans(item: Item, day: date) -> list[tuple[Span | None, Fraction]]:
    if item.span is not None:
        return [(item.span, item.share)]
    if item.prepaid:
        return []
    if not item.period.months and not item.period.days:
        # hourly services are charged afterwards, by usage
        return [(None, Fraction(1))] if item.period == Period.ONE_TIME else []
    return [*first_charge(item.policy, item.day or day, item.period)]


def _line(
    item: Item,
    part: Part,
    kind: ChargeKind,
    *,
    quantity: int,
    unit: Money,
    share: Fraction = Fraction(1),
    span: Span | None = None,
) -> QuoteLine:
    amount = unit * quantity
    if share != 1:
        amount = amount.scaled(share)
    return QuoteLine(
        item=item.key,
        part=part.key,
        label=part.label,
        kind=kind,
        quantity=quantity,
        unit=unit,
        amount=amount,
        group=item.group,
        net=amount,
        span=span,
        share=share,
        source=part.price.source,
    )


def _discounts(
    coupon: Coupon, items: Sequence[Item], lines: Sequence[QuoteLine], currency: str
) -> list[QuoteLine]:
    """Return one negative line for each item and kind of charge that a coupon reduces."""
    valid = {
        item.key
        for item in items
        if (not coupon.products or item.product in coupon.products)
        and (coupon.cycles is None or item.cycle < coupon.cycles)
    }
    prepaid = {item.key for item in items if item.prepaid}
    left: dict[tuple[str, ChargeKind, Span | None], list[QuoteLine]] = {}
    for line in lines:
        reduced = coupon.setup if line.kind == ChargeKind.SETUP else line.item not in prepaid
        if line.item in valid and reduced:
            left.setdefault((line.item, line.kind, line.span), []).append(line)
    sums = [Money.total((line.amount for line in each), currency) for each in left.values()]
    whole = Money.total(sums, currency)
    if coupon.percent is not None:
        parts = [amount.scaled(Fraction(coupon.percent) / 100) for amount in sums]
    elif coupon.amount is not None and whole.minor > 0:
        parts = min(coupon.amount, whole).allocate([amount.minor for amount in sums])
    else:
        parts = []
    return [
        discount_line(coupon, each[0], part)
        for each, part in zip(left.values(), parts, strict=False)
        if part
    ]


def discount_line(coupon: Coupon, reduced: QuoteLine, amount: Money) -> QuoteLine:
    """Return the line that takes an amount off another line."""
    return replace(
        reduced,
        part="",
        label=coupon.code,
        quantity=1,
        unit=-amount,
        amount=-amount,
        net=-amount,
        share=Fraction(1),
        coupon=coupon.code,
        source="",
    )


def _totals(lines: Sequence[QuoteLine], currency: str, entry: PriceEntry) -> list[GroupTotal]:
    sums: dict[TaxGroup, Money] = {}
    for line in lines:
        sums[line.group] = sums.get(line.group, Money.zero(currency)) + line.amount
    return [group_total(group, amount, entry) for group, amount in sums.items()]


def _with_nets(lines: Sequence[QuoteLine], entry: PriceEntry) -> tuple[QuoteLine, ...]:
    """Return the lines with their net amounts, which sum to those of the groups."""
    if entry == PriceEntry.NET:
        return tuple(lines)
    places: dict[TaxGroup, list[int]] = {}
    for at, line in enumerate(lines):
        places.setdefault(line.group, []).append(at)
    nets: dict[int, Money] = {}
    for group, inside in places.items():
        amounts = line_nets(group, [lines[at].amount for at in inside], entry)
        nets.update(zip(inside, amounts, strict=True))
    return tuple(replace(line, net=nets[at]) for at, line in enumerate(lines))


def _later(items: Sequence[Item], coupons: Sequence[Coupon], currency: str) -> list[QuoteLine]:
    """Return the lines of the second period of items that have one, with their discounts.

    An amount off the order is divided among them by their full prices.
    """
    following = [
        replace(item, span=_NEXT, share=Fraction(1), cycle=item.cycle + 1)
        for item in items
        if item.period != Period.ONE_TIME
    ]
    lines = [line for item in following for line in _lines(item, _NEXT.start)]
    for coupon in coupons:
        lines += _discounts(coupon, following, lines, currency)
    return lines


def _regular(
    items: Sequence[Item], later: Sequence[QuoteLine], entry: PriceEntry, currency: str
) -> tuple[tuple[Period, Money], ...]:
    """Return what the second period costs with tax, by billing period."""
    groups: dict[Period, set[str]] = {}
    for item in items:
        if item.period != Period.ONE_TIME:
            groups.setdefault(item.period, set()).add(item.key)
    costs = []
    for period, keys in groups.items():
        totals = _totals([line for line in later if line.item in keys], currency, entry)
        costs.append((period, Money.total((total.gross for total in totals), currency)))
    return tuple(costs)


def _usage(
    items: Sequence[Item], later: Sequence[QuoteLine], entry: PriceEntry, currency: str
) -> tuple[Usage, ...]:
    """Return what prepaid items cost, by billing period; tax is computed on the whole month."""
    if not items:
        return ()
    amounts = _regular(items, later, entry, currency)
    days = Fraction(365, 12)
    keys = {item.key: per_day(item.period) * days for item in items}
    months = [
        replace(line, amount=line.amount.scaled(keys[line.item]))
        for line in later
        if line.item in keys
    ]
    monthly = dict(_regular(items, months, entry, currency))
    return tuple(Usage(period, amount, monthly[period]) for period, amount in amounts)
