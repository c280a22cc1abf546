"""What staff fill in for a sender."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from puqpanel.sdk import __, forms

Email, Length, NumberRange = (
    forms.validators.Email,
    forms.validators.Length,
    forms.validators.NumberRange,
)
Optional, URL = forms.validators.Optional, forms.validators.URL
CHANNELS = {"webhook": "Web address", "smtp": "Mail (SMTP)"}
ENCRYPTIONS = {"tls": "TLS (STARTTLS)", "ssl": "SSL from the start", "none": "None"}


class SettingsForm(forms.Form):
    """Where messages go.

    Only the fields of the chosen channel are needed; an empty password field keeps what is stored.
    """

    channel = forms.SelectField("Channel", choices=CHANNELS, default="webhook")
    url = forms.URLField(
        "Web address",
        [Optional(), URL(require_tld=False), Length(max=500)],
        description="Each message is sent there as JSON.",
    )
    token = forms.PasswordField("Token of the web address", [Optional(), Length(max=500)])
    server = forms.StringField("Mail server", [Optional(), Length(max=253)])
    port = forms.IntegerField("Port", [Optional(), NumberRange(1, 65535)], default=587)
    encryption = forms.SelectField("Encryption", choices=ENCRYPTIONS, default="tls")
    username = forms.StringField("User name", [Length(max=200)])
    password = forms.PasswordField("Password", [Length(max=200)])
    email = forms.EmailField("Sender's address", [Optional(), Email()])
    sender_name = forms.StringField("Sender's name", [Length(max=100)])

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None) -> bool:
        """Beyond each field's own rule: what the chosen channel cannot do without."""
        good = bool(super().validate(extra_validators))
        needed = {"webhook": ("url",), "smtp": ("server", "email")}.get(self.channel.data, ())
        for field in (self[name] for name in needed):
            if not field.data and not field.errors:
                field.errors = [__("This channel needs it.")]
                good = False
        return good
