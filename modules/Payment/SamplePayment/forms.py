"""The settings of a gateway."""

from __future__ import annotations

import re

from puqpanel.sdk import __, forms

validators = forms.validators
InputRequired, Length = validators.InputRequired, validators.Length
Optional, URL = validators.Optional, validators.URL


class SettingsForm(forms.Form):
    """A bank account. A blank password field keeps the current value."""

    holder = forms.StringField("Account holder", [InputRequired(), Length(max=70)])
    iban = forms.StringField("IBAN", [InputRequired(), Length(max=42)])
    bic = forms.StringField("BIC", [Optional(), Length(min=8, max=11)])
    webhook_secret = forms.SecretField(
        "Webhook secret",
        [InputRequired(), Length(min=16, max=200)],
        description="The secret that signs the bank service's messages. At least 16 characters.",
        sent_to=(),
    )
    bank_api = forms.URLField(
        "Bank service URL",
        [Optional(), URL(require_tld=False)],
        description="Used by “Test connection” (optional).",
    )
    api_key = forms.SecretField(
        "Bank service API key", [Optional(), Length(max=200)], sent_to=("bank_api",)
    )

    def validate_iban(self, field: forms.Field) -> None:
        """Require valid check digits, which detect typing errors."""
        field.data = re.sub(r"\s", "", field.data or "").upper()
        if not is_valid_iban(field.data):
            raise forms.FieldError(__("Invalid IBAN. Check for wrong or missing characters."))


def is_valid_iban(iban: str) -> bool:
    """Return whether the check digits match.

    The IBAN as a number, with its first four characters last, leaves 1 when divided by 97.
    """
    if not re.fullmatch(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", iban):
        return False
    return int("".join(str(int(char, 36)) for char in iban[4:] + iban[:4])) % 97 == 1
