"""The form of the settings."""

from __future__ import annotations

from ipaddress import ip_network

from puqpanel.sdk import __, forms

from .translated import Form

V = forms.validators


class SettingsForm(Form):
    """Which networks are open to checks, and how long results are kept."""

    networks = forms.TextAreaField(
        "Networks that checks may reach besides the internet",
        [V.Length(max=5000)],
        description=(
            "One a line, such as 10.20.0.0/16. Whoever may add checks can then find out what"
            " answers there."
        ),
    )
    raw_days = forms.IntegerField(
        "Keep each result, days", [V.InputRequired(), V.NumberRange(1, 60)], default=3
    )
    hour_days = forms.IntegerField(
        "Keep hourly figures, days", [V.InputRequired(), V.NumberRange(7, 366)], default=90
    )
    day_days = forms.IntegerField(
        "Keep daily figures and outages, days",
        [V.InputRequired(), V.NumberRange(31, 3660)],
        default=730,
    )

    def validate_networks(self, field: forms.Field) -> None:
        """Networks and addresses, one a line."""
        for line in (field.data or "").split():
            try:
                ip_network(line, strict=False)
            except ValueError:
                raise forms.FieldError(
                    __("“:line” is no network; write one such as 10.0.0.0/8.", {"line": line[:60]})
                ) from None
        field.data = "\n".join((field.data or "").split())
