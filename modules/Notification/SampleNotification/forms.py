"""The settings of a sender."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from puqpanel.sdk import __, forms

validators = forms.validators
Email, Length, NumberRange = validators.Email, validators.Length, validators.NumberRange
Optional, URL = validators.Optional, validators.URL
CHANNELS = {"webhook": "Webhook", "smtp": "E-mail (SMTP)"}
ENCRYPTIONS = {"tls": "STARTTLS", "ssl": "TLS", "none": "None"}
REQUIRED_FIELDS = {"webhook": ("url",), "smtp": ("server", "email")}


class SettingsForm(forms.Form):
    """A channel and its settings.

    Only the fields of the chosen channel are required. A blank password field keeps the current
    value.
    """

    channel = forms.SelectField("Channel", choices=CHANNELS, default="webhook")
    url = forms.URLField(
        "Webhook URL",
        [Optional(), URL(require_tld=False), Length(max=500)],
        description="Receives each message as JSON.",
    )
    token = forms.SecretField("Webhook token", [Optional(), Length(max=500)], sent_to=("url",))
    server = forms.StringField("Mail server", [Optional(), Length(max=253)])
    port = forms.IntegerField("Port", [Optional(), NumberRange(1, 65535)], default=587)
    encryption = forms.SelectField("Encryption", choices=ENCRYPTIONS, default="tls")
    username = forms.StringField("User name", [Length(max=200)])
    password = forms.SecretField(
        "Password", [Length(max=200)], sent_to=("server", "port", "encryption", "username")
    )
    email = forms.EmailField("Sender address", [Optional(), Email()])
    sender_name = forms.StringField("Sender name", [Length(max=100)])

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None) -> bool:
        """Validate each field, and require those of the chosen channel."""
        is_valid = bool(super().validate(extra_validators))
        for name in REQUIRED_FIELDS.get(self.channel.data, ()):
            field = self[name]
            if not field.data and not field.errors:
                field.errors = [__("Required for this channel.")]
                is_valid = False
        return is_valid
