"""The settings of a gateway."""

from __future__ import annotations

from puqpanel.sdk import forms

validators = forms.validators
InputRequired, Length = validators.InputRequired, validators.Length
NumberRange = validators.NumberRange


class SettingsForm(forms.Form):
    """A merchant of monobank acquiring. A blank password field keeps the current value."""

    token = forms.SecretField(
        "Token",
        [InputRequired(), Length(max=200)],
        description="From web.monobank.ua. A test token is from api.monobank.ua.",
        sent_to=(),
    )
    hold = forms.BooleanField(
        "Hold, then charge",
        description="Amounts are held on the card, and charged when the panel learns of it.",
    )
    validity_hours = forms.IntegerField(
        "Payment page validity (hours)", [InputRequired(), NumberRange(1, 720)], default=24
    )
