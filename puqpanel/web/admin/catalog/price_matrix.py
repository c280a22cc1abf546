"""The form of a price matrix: billing periods in rows, two columns for each currency."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from babel.numbers import format_percent
from flask import redirect
from flask.typing import ResponseReturnValue
from wtforms import Field, SelectField, ValidationError

from puqpanel.domain.errors import UserError
from puqpanel.domain.money import Money
from puqpanel.domain.periods import Period
from puqpanel.domain.rates import Rounding
from puqpanel.domain.texts import Text, _n
from puqpanel.models import Currency, OptionPrice, Price
from puqpanel.operations.catalog.price_rows import Cell, PriceKey
from puqpanel.operations.system import currencies
from puqpanel.web.answers import flash
from puqpanel.web.edits import EditForm, unchanged
from puqpanel.web.forms import _, choices, errors_in, form_page
from puqpanel.web.locale import viewer_locale
from puqpanel.web.money_field import MoneyField, format_number
from puqpanel.web.prices import EVERY

COLUMNS = {"setup": _("setup"), "recurring": _("recurring")}


class CellField(MoneyField):
    """An amount of a matrix, in the currency of its column."""

    def __init__(self, label: Any = None, *, code: str = "", **options: Any) -> None:
        super().__init__(label, **options)
        self.code = code

    def pre_validate(self, form: Any) -> None:
        """Read what was typed; an empty field is no amount."""
        typed = str(self.raw_data[0]) if self.raw_data else ""
        self.data = None
        if typed.strip():
            try:
                self.data = Money.parse(typed, self.code, viewer_locale()).major
            except UserError as error:
                raise ValidationError(str(error)) from None


@dataclass(frozen=True, slots=True)
class Column:
    """A currency of a matrix.

    Args:
        code: its ISO 4217 code.
        is_base: whether other prices follow its prices.
        derived: whether some of its prices follow the base currency.
        rule: how prices are derived, or why they cannot be.
    """

    code: str
    is_base: bool
    derived: bool
    rule: str


@dataclass(frozen=True, slots=True)
class Row:
    """A billing period of a matrix.

    Args:
        label: its name.
        saving: what is saved against the shortest period of months, in the base currency.
        cells: the fields for setup and recurring amount, and whether the price is derived, by
            currency.
    """

    label: str
    saving: str
    cells: tuple[tuple[Any, Any, bool], ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """What the template of a matrix shows."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    can_derive: bool


@dataclass(frozen=True, slots=True)
class Actions:
    """The operations of a matrix, which return how many prices changed.

    Args:
        lock: locks what has the prices, and returns those that are offered now.
        save: saves the cells.
        derive: derives the prices in a currency.
        copy: fills longer periods in a currency.
    """

    lock: Callable[[], Mapping[PriceKey, Price | OptionPrice]]
    save: Callable[[Sequence[Cell]], int]
    derive: Callable[[str], int]
    copy: Callable[[str], int]


def matrix_page(
    live: Mapping[PriceKey, Price | OptionPrice],
    periods: Sequence[Period],
    actions: Actions,
    url: str,
    template: str,
    **context: Any,
) -> ResponseReturnValue:
    """Show a matrix, or save it, and derive or copy prices if their button was clicked.

    Args:
        live: the prices that are offered now.
        periods: the billing periods in the rows.
        actions: the operations.
        url: the page to return to.
        template: the template.
        context: what else it shows.
    """
    shown = _currencies(live)
    form = _form(live, periods, shown)
    if form.validate_on_submit():
        with errors_in(form):
            with unchanged(form, lambda: _form(actions.lock(), periods, shown)):
                changed = actions.save(_cells(form, periods, shown))
                if form["do"].data == "derive":
                    changed += sum(map(actions.derive, _to_derive(form["to"].data, shown)))
                elif form["do"].data == "copy":
                    changed += actions.copy(currencies.base_currency())
            without = [row.code for row in shown if row.enabled and row.rate is None]
            if form["do"].data == "derive" and without:
                flash(_("No exchange rate: %(codes)s.", codes=", ".join(without)), "warn")
            flash(_n("%(num)s price changed.", "%(num)s prices changed.", changed), "good")
            return redirect(url)
    matrix = _matrix(form, live, periods, shown)
    return form_page(form, template, matrix=matrix, **context)


def _to_derive(code: str, shown: Sequence[Currency]) -> list[str]:
    """Return the currencies to derive prices in: the chosen one, or all that have a rate."""
    if code:
        return [code]
    return [row.code for row in shown if row.enabled and not row.is_base and row.rate is not None]


def _currencies(live: Mapping[PriceKey, Any]) -> list[Currency]:
    """Return the enabled currencies and those with prices, the base currency first."""
    used = {currency for _period, currency in live}
    return [row for row in currencies.currencies() if row.enabled or row.code in used]


def _form(
    live: Mapping[PriceKey, Any], periods: Sequence[Period], shown: Sequence[Currency]
) -> Any:
    fields: dict[str, Any] = {}
    data: dict[str, Money] = {}
    for period in periods:
        for currency in shown:
            cell, row = Cell(period, currency.code, None, None), live.get((period, currency.code))
            for column, word in COLUMNS.items():
                name = cell.field(column)
                fields[name] = CellField(
                    f"{EVERY[period]}, {currency.code}, {word}", code=currency.code
                )
                if row is not None:
                    data[name] = getattr(row, column)
    fields["to"] = SelectField(
        _("Derive prices in"),
        choices=choices(
            [
                ("", _("All currencies")),
                *((row.code, row.code) for row in shown if not row.is_base and row.enabled),
            ]
        ),
        validate_choice=False,
    )
    fields["do"] = SelectField(
        choices=choices((key, key) for key in ("save", "derive", "copy")), default="save"
    )
    return type("MatrixForm", (EditForm,), fields)(data=data)


def _cells(form: Any, periods: Sequence[Period], shown: Sequence[Currency]) -> list[Cell]:
    empty = [Cell(period, row.code, None, None) for period in periods for row in shown]
    return [
        Cell(
            cell.period,
            cell.currency,
            form[cell.field("setup")].data,
            form[cell.field("recurring")].data,
        )
        for cell in empty
    ]


def _matrix(
    form: Any,
    live: Mapping[PriceKey, Any],
    periods: Sequence[Period],
    shown: Sequence[Currency],
) -> Matrix:
    base = next((row.code for row in shown if row.is_base), "")
    savings = _savings({p: row.recurring for (p, code), row in live.items() if code == base})
    rows = tuple(
        Row(
            str(EVERY[period]),
            savings.get(period, ""),
            tuple(
                (*_pair(form, period, row.code), _is_derived(live.get((period, row.code)), base))
                for row in shown
            ),
        )
        for period in periods
    )
    columns = tuple(_column(row, live, base) for row in shown)
    return Matrix(columns, rows, any(not column.is_base for column in columns))


def _pair(form: Any, period: Period, code: str) -> tuple[Field, Field]:
    cell = Cell(period, code, None, None)
    return form[cell.field("setup")], form[cell.field("recurring")]


def _is_derived(row: Any, base: str) -> bool:
    return row is not None and row.derived and row.currency != base


def _column(row: Currency, live: Mapping[PriceKey, Any], base: str) -> Column:
    derived = any(_is_derived(price, base) for (_, of), price in live.items() if of == row.code)
    rule: Text | str
    if row.is_base:
        rule = _("Derived prices follow this currency")
    elif row.rate is None:
        rule = _("No exchange rate")
    else:
        rate, step = format_number(row.rate), format_number(row.step)
        rule = _rounding_rule(Rounding(row.rounding), rate, step)
    return Column(row.code, bool(row.is_base), derived, str(rule))


def _rounding_rule(rounding: Rounding, rate: str, step: str) -> Text:
    text: Text
    if rounding == Rounding.UP:
        text = _("× %(rate)s, rounded up to %(step)s", rate=rate, step=step)
    elif rounding == Rounding.DOWN:
        text = _("× %(rate)s, rounded down to %(step)s", rate=rate, step=step)
    else:
        text = _("× %(rate)s, rounded to %(step)s", rate=rate, step=step)
    return text


def _savings(prices: Mapping[Period, Money]) -> dict[Period, str]:
    """Return what longer periods save against the price per month of the shortest."""
    monthly = sorted((period for period in prices if period.months), key=lambda each: each.months)
    if not monthly or not prices[monthly[0]].minor:
        return {}
    first = Decimal(prices[monthly[0]].minor) / monthly[0].months
    savings: dict[Period, str] = {}
    for period in monthly[1:]:
        saved = 1 - Decimal(prices[period].minor) / period.months / first
        if saved >= Decimal("0.001"):
            percent = format_percent(saved, "#,##0.0 %", locale=viewer_locale())
            savings[period] = str(_("%(percent)s less", percent=percent))
    return savings
