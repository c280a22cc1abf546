"""The settings of a gateway."""

from __future__ import annotations

from puqpanel.sdk import forms

from ..services.accounts import parse_accounts

V = forms.validators


class SettingsForm(forms.Form):
    """The accounts, and how long a client is asked to transfer."""

    accounts = forms.TextAreaField(
        "Accounts",
        [V.InputRequired(), V.Length(max=5000)],
        description=(
            "One per line: currency; account holder; IBAN or account number; BIC; bank. BIC and"
            " bank are optional. The first account is also for currencies without an account."
        ),
        render_kw={"placeholder": "EUR; Example Ltd; DE89 3704 0044 0532 0130 00; COBADEFFXXX"},
    )
    days = forms.IntegerField(
        "Expected within (days)",
        [V.InputRequired(), V.NumberRange(1, 60)],
        default=7,
        description="Money that arrives later is matched too.",
    )

    def validate_accounts(self, field: forms.Field) -> None:
        """Require valid accounts."""
        try:
            parse_accounts(field.data or "")
        except ValueError as error:
            raise forms.FieldError(str(error)) from None
