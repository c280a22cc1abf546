"""Form fields for amounts and numbers, written in the viewer's locale."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from wtforms import StringField, ValidationError

from puqpanel.domain.decimals import format_localized, parse_localized
from puqpanel.domain.errors import UserError
from puqpanel.domain.money import Money
from puqpanel.web.forms import _
from puqpanel.web.locale import viewer_locale


class MoneyField(StringField):
    """An amount in major units, without a currency symbol; `data` is an exact Decimal.

    Args:
        label: the label.
        validators: further validators.
        currency: name of the field of the same form that holds the currency.
        options: other arguments of a field; `default` is a Decimal or an int.
    """

    data: Any

    def __init__(
        self,
        label: str | None = None,
        validators: Any = None,
        *,
        currency: str = "currency",
        **options: Any,
    ) -> None:
        options["render_kw"] = {"inputmode": "decimal", **(options.get("render_kw") or {})}
        super().__init__(label, validators, **options)
        self.currency = currency

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        if isinstance(self.data, Money):
            return self.data.format_number(viewer_locale())
        return "" if self.data is None else format_number(Decimal(self.data))

    def pre_validate(self, form: Any) -> None:
        """Read what was typed; an empty field is left to the other validators."""
        typed = str(self.raw_data[0]) if self.raw_data else ""
        self.data = None
        if not typed.strip():
            return
        try:
            self.data = Money.parse(typed, form[self.currency].data or "", viewer_locale()).major
        except UserError as error:
            raise ValidationError(str(error)) from None


class NumberField(StringField):
    """A positive decimal number without thousands separators; `data` is an exact Decimal."""

    data: Any

    def __init__(self, label: str | None = None, validators: Any = None, **options: Any):
        options["render_kw"] = {"inputmode": "decimal", **(options.get("render_kw") or {})}
        super().__init__(label, validators, **options)

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else format_number(self.data)

    def pre_validate(self, form: Any) -> None:
        """Read what was typed; an empty field is left to the other validators."""
        typed = str(self.raw_data[0]) if self.raw_data else ""
        self.data = None
        if not typed.strip():
            return
        self.data = parse_localized(typed, viewer_locale(), grouping=False)
        if self.data is None and parse_localized(typed.strip().lstrip("-−"), viewer_locale()):
            raise ValidationError(str(_("Enter a number that is not negative.")))
        if self.data is None:
            text = _(
                "“%(number)s” is not a valid number. Enter it in this form: %(example)s.",
                number=typed.strip()[:40],
                example=format_number(Decimal("1234.5")),
            )
            raise ValidationError(str(text))


def format_number(value: Decimal) -> str:
    """Return a number in the viewer's locale as a field shows it."""
    places = max(0, -int(value.as_tuple().exponent))
    return format_localized(value, viewer_locale(), places, grouping=False)
