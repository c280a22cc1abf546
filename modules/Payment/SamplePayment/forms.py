"""What staff fill in for a gateway."""

from __future__ import annotations

import re

from puqpanel.sdk import __, forms

InputRequired, Length, Optional, URL = (
    forms.validators.InputRequired,
    forms.validators.Length,
    forms.validators.Optional,
    forms.validators.URL,
)


class SettingsForm(forms.Form):
    """One bank account. An empty password field keeps what is stored."""

    holder = forms.StringField("Account holder", [InputRequired(), Length(max=70)])
    iban = forms.StringField("IBAN", [InputRequired(), Length(max=42)])
    bic = forms.StringField("BIC", [Optional(), Length(min=8, max=11)])
    webhook_secret = forms.PasswordField(
        "Webhook secret",
        [InputRequired(), Length(min=16, max=200)],
        description="What the bank's service signs its messages with, 16 characters or more.",
    )
    bank_api = forms.URLField(
        "Bank service",
        [Optional(), URL(require_tld=False)],
        description="Where “Test connection” asks. It may stay empty.",
    )
    api_key = forms.PasswordField("Key of the bank service", [Optional(), Length(max=200)])

    def validate_iban(self, field: forms.Field) -> None:
        """The check digits tell a slip of the keyboard."""
        field.data = re.sub(r"\s", "", field.data or "").upper()
        if not iban_is_right(field.data):
            raise forms.FieldError(__("This is no IBAN: a character is wrong or missing."))


def iban_is_right(iban: str) -> bool:
    """Whether the check digits fit the rest: the number, its first four characters last, leaves
    1 when divided by 97.
    """
    if not re.fullmatch(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", iban):
        return False
    return int("".join(str(int(char, 36)) for char in iban[4:] + iban[:4])) % 97 == 1
