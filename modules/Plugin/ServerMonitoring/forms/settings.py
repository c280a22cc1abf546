"""The form of the settings."""

from __future__ import annotations

from ipaddress import ip_network

from puqpanel.sdk import __, forms

V = forms.validators
MAX_SHOWN_CHARACTERS = 60


class SettingsForm(forms.Form):
    """The networks open to checks, and how long results are kept."""

    networks = forms.TextAreaField(
        "Internal networks that checks can access",
        [V.Length(max=5000)],
        description=(
            "One per line, such as 10.20.0.0/16. Staff who can add checks can probe these networks."
        ),
    )
    raw_days = forms.IntegerField(
        "Keep results (days)", [V.InputRequired(), V.NumberRange(1, 60)], default=3
    )
    hour_days = forms.IntegerField(
        "Keep hourly statistics (days)", [V.InputRequired(), V.NumberRange(7, 366)], default=90
    )
    day_days = forms.IntegerField(
        "Keep daily statistics and outages (days)",
        [V.InputRequired(), V.NumberRange(31, 3660)],
        default=730,
    )

    def validate_networks(self, field: forms.Field) -> None:
        """Require networks or addresses, one per line."""
        lines = (field.data or "").split()
        for line in lines:
            try:
                ip_network(line, strict=False)
            except ValueError:
                text = {"line": line[:MAX_SHOWN_CHARACTERS]}
                raise forms.FieldError(
                    __("“:line” is not a network. Enter one such as 10.0.0.0/8.", text)
                ) from None
        field.data = "\n".join(lines)
