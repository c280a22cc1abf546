"""The rows of prices: of a product or an option, by currency and billing period.

A row never changes. Another price retires it and adds a row, so that everything that was sold or
quoted still refers to the price that it had. Call these inside a transaction, with the product or
the option locked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, InvalidInput, UserError
from puqpanel.domain.money import Money
from puqpanel.domain.periods import Period
from puqpanel.domain.rates import Rate, convert
from puqpanel.domain.texts import Text, _
from puqpanel.infra.clock import now
from puqpanel.infra.db import session
from puqpanel.models import Option, OptionPrice, Price, Product
from puqpanel.operations.system import currencies

MAX_PRICE_MINOR = 10**12
Owner = Product | Option
PriceKey = tuple[Period, str]
"""A billing period and a currency."""
Amounts = tuple[Money, Money]
"""What is charged once, and for each period."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What was entered for a currency and a billing period.

    Args:
        period: a `Period`.
        currency: an ISO 4217 code.
        setup: charged once, in major units; None if nothing was entered.
        recurring: charged for each period, in major units; None if it is not sold.
    """

    period: str
    currency: str
    setup: Decimal | int | str | None
    recurring: Decimal | int | str | None

    def field(self, column: str) -> str:
        """Return the name of one of its fields: `setup` or `recurring`."""
        return f"{self.period}-{self.currency}-{column}"


def live(owner: Owner) -> dict[PriceKey, Price | OptionPrice]:
    """Return the prices that are offered now, by billing period and currency."""
    model, column = _rows_of(owner)
    query = sa.select(model).where(column == owner.id, model.live.is_(True))
    rows: Sequence[Price | OptionPrice] = session().scalars(query).all()
    return {(Period(row.period), row.currency): row for row in rows}


def enter(owner: Owner, cells: Iterable[Cell], periods: Sequence[Period]) -> dict[str, Any]:
    """Save what was entered, and let derived prices follow those in the base currency.

    A cell without amounts withdraws its price; prices of cells that are not given stay.

    Args:
        owner: the product or option.
        cells: what was entered.
        periods: the billing periods that it may have prices for.

    Returns:
        What changed, as `put` does.

    Raises:
        InvalidInput: a cell is invalid.
    """
    rows, base = live(owner), currencies.base_currency()
    entered = _read(cells, periods, {currency for _period, currency in rows})
    changes = put(owner, rows, {key: (amounts, None) for key, amounts in entered.items()})
    if not changes:
        return changes
    after, rates = live(owner), currencies.rates()
    following: dict[PriceKey, tuple[Amounts | None, Decimal | None]] = {}
    for (period, currency), row in after.items():
        now_base, was_base = after.get((period, base)), rows.get((period, base))
        if not row.derived or currency == base or _amounts(now_base) == _amounts(was_base):
            continue
        if now_base is None or currency in rates:  # without a rate, the price stays
            following[period, currency] = _follow(now_base, currency, rates)
    return changes | put(owner, after, following)


def derive(owner: Owner, currency: str) -> dict[str, Any]:
    """Compute the prices in a currency from those in the base currency, except its own prices.

    Returns:
        What changed, as `put` does.

    Raises:
        ConflictError: the currency is the base currency, or has no exchange rate.
        InvalidInput: the currency is not enabled.
    """
    base, rates = currencies.base_currency(), currencies.rates()
    if currency == base:
        raise ConflictError(_("%(base)s is the base currency: enter its prices.", base=base))
    currencies.check_enabled(currency)
    if currency not in rates:
        raise ConflictError(
            _(
                "%(currency)s has no exchange rate. Enter one under Currencies first.",
                currency=currency,
            )
        )
    rows = live(owner)
    own = {key for key, row in rows.items() if not row.derived}
    periods = {period for period, of in rows if of in (base, currency)}
    wanted = {
        (period, currency): _follow(rows.get((period, base)), currency, rates)
        for period in periods
        if (period, currency) not in own
    }
    return put(owner, rows, wanted)


def copy_down(owner: Owner, currency: str, periods: Sequence[Period]) -> dict[str, Any]:
    """Fill the longer periods without a price in a currency, at the price per month of a shorter.

    Each is filled from the next shorter period of months that has a price, with its setup fee.

    Returns:
        What changed, as `put` does.
    """
    rows = live(owner)
    wanted: dict[PriceKey, tuple[Amounts | None, Decimal | None]] = {}
    shorter: tuple[Period, Amounts] | None = None
    for period in sorted((each for each in periods if each.months), key=lambda each: each.months):
        amounts = _amounts(rows.get((period, currency)))
        if amounts is None and shorter is not None:
            times = Decimal(period.months) / shorter[0].months
            amounts = (shorter[1][0], shorter[1][1].scaled(times))
            wanted[period, currency] = (amounts, None)
        elif amounts is not None:
            shorter = (period, amounts)
    return put(owner, rows, wanted)


def put(
    owner: Owner,
    rows: Mapping[PriceKey, Price | OptionPrice],
    wanted: Mapping[PriceKey, tuple[Amounts | None, Decimal | None]],
) -> dict[str, Any]:
    """Retire the prices that differ from those wanted, and add rows for these.

    Args:
        owner: the product or option.
        rows: its prices that are offered.
        wanted: the amounts by billing period and currency, None to withdraw a price; and the rate
            of a derived price, None if staff entered it.

    Returns:
        The amounts as texts by field, for the audit entry: those before and after.
    """
    model, column = _rows_of(owner)
    changed = {key: value for key, value in wanted.items() if value[0] != _amounts(rows.get(key))}
    for key in changed:
        if (row := rows.get(key)) is not None:
            row.live, row.retired_at = None, now()
    session().flush()  # before the new rows, because of the unique key
    for (period, currency), (amounts, rate) in changed.items():
        if amounts is not None:
            session().add(
                model(
                    **{column.key: owner.id},
                    period=period,
                    currency=currency,
                    setup_minor=amounts[0].minor,
                    recurring_minor=amounts[1].minor,
                    derived=rate is not None,
                    rate=rate,
                )
            )
    session().flush()
    return {
        f"{period} {currency}": (_shown(_amounts(rows.get((period, currency)))), _shown(value[0]))
        for (period, currency), value in changed.items()
    }


def _rows_of(owner: Owner) -> tuple[Any, Any]:
    if isinstance(owner, Product):
        return Price, Price.product_id
    return OptionPrice, OptionPrice.option_id


def _amounts(row: Price | OptionPrice | None) -> Amounts | None:
    return None if row is None else (row.setup, row.recurring)


def _shown(amounts: Amounts | None) -> str | None:
    if amounts is None:
        return None
    setup, recurring = amounts
    return f"{recurring}, setup {setup}" if setup else str(recurring)


def _follow(
    base: Price | OptionPrice | None, currency: str, rates: Mapping[str, Rate]
) -> tuple[Amounts | None, Decimal | None]:
    """Return the price that follows one in the base currency, and its rate."""
    if base is None:
        return None, None
    converted = (convert(base.setup, currency, rates), convert(base.recurring, currency, rates))
    return converted, rates[currency].value


def _read(
    cells: Iterable[Cell], periods: Sequence[Period], used: set[str]
) -> dict[PriceKey, Amounts | None]:
    """Return the amounts that were entered; None for a cell without amounts.

    Raises:
        InvalidInput: an amount, a currency or a period is invalid.
    """
    errors: dict[str, list[Text]] = {}
    entered: dict[PriceKey, Amounts | None] = {}
    enabled = set(currencies.enabled_codes()) | used
    for cell in cells:
        empty = cell.setup is None and cell.recurring is None
        if cell.currency not in enabled or cell.period not in periods:
            if not empty:
                errors[cell.field("recurring")] = [
                    _("It can't be sold for this billing period or in this currency.")
                ]
            continue
        if cell.recurring is None and not empty:
            errors[cell.field("recurring")] = [
                _("Enter a price, or 0; leave both fields blank if it is not sold.")
            ]
            continue
        amounts = [_amount(cell, column, errors) for column in ("setup", "recurring")]
        entered[Period(cell.period), cell.currency] = None if empty else (amounts[0], amounts[1])
    if errors:
        raise InvalidInput(errors)
    for currency in {currency for (_period, currency), of in entered.items() if of} - used:
        currencies.check_enabled(currency)
    return entered


def _amount(cell: Cell, column: str, errors: dict[str, list[Text]]) -> Money:
    entered = cell.setup if column == "setup" else cell.recurring
    highest = Money(MAX_PRICE_MINOR, cell.currency)
    try:
        amount = Money.from_major(0 if entered is None else entered, cell.currency)
    except UserError as error:
        errors[cell.field(column)] = [error.text]
        return highest
    if not 0 <= amount.minor <= MAX_PRICE_MINOR:
        errors[cell.field(column)] = [
            _("Enter a price between 0 and %(highest)s.", highest=highest)
        ]
    return amount
