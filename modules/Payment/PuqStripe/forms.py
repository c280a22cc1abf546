"""The settings of a gateway."""

from __future__ import annotations

import re

from puqpanel.sdk import __, forms

validators = forms.validators
InputRequired, Length = validators.InputRequired, validators.Length
Optional, Regexp = validators.Optional, validators.Regexp
WEBHOOK_SECRET = Regexp(
    r"^whsec_[A-Za-z0-9+/=_-]+$", message="A signing secret starts with whsec_."
)


class SettingsForm(forms.Form):
    """A Stripe account. A blank secret field keeps the current value."""

    sandbox = forms.BooleanField(
        "Sandbox",
        default=False,
        description="Accept test payments only, with a test key. No money moves.",
    )
    secret_key = forms.SecretField(
        "Secret key",
        [InputRequired(), Length(max=255)],
        description="From Developers → API keys: sk_live_… or rk_live_…; sk_test_… in the sandbox.",
        sent_to=(),
    )
    webhook_secret = forms.SecretField(
        "Webhook signing secret",
        [InputRequired(), Length(max=255), WEBHOOK_SECRET],
        description="Of the webhook endpoint in Stripe: whsec_…",
        sent_to=(),
    )
    previous_webhook_secret = forms.SecretField(
        "Previous webhook signing secret",
        [Optional(), Length(max=255), WEBHOOK_SECRET],
        description="Accepted too, while Stripe replaces one secret by another (optional).",
        sent_to=(),
    )

    def validate_secret_key(self, field: forms.Field) -> None:
        """Require a key of the chosen mode, so that no test payment is booked as money."""
        key = field.data = (field.data or "").strip()
        found = re.fullmatch(r"(pk|sk|rk)_(test|live)_[A-Za-z0-9_]+", key)
        if found is None:
            raise forms.FieldError(__("This is not a secret key of Stripe: sk_… or rk_…"))
        if found[1] == "pk":
            raise forms.FieldError(__("This is the publishable key. Enter the secret key."))
        if found[2] == "live" and self.sandbox.data:
            raise forms.FieldError(
                __("This is a live key. Untick Sandbox, or enter a test key (sk_test_…).")
            )
        if found[2] == "test" and not self.sandbox.data:
            raise forms.FieldError(
                __("This is a test key. Tick Sandbox, or enter a live key (sk_live_…).")
            )
