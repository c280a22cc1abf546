"""The settings of a gateway."""

from __future__ import annotations

from puqpanel.sdk import forms

V = forms.validators


class SettingsForm(forms.Form):
    """A store on a BTCPay Server. A blank secret field keeps the current value."""

    server = forms.URLField(
        "Server URL",
        [V.InputRequired(), V.Length(max=300), V.URL(require_tld=False)],
        description="Of your BTCPay Server, such as https://btcpay.example.com.",
    )
    store_id = forms.StringField(
        "Store ID",
        [V.InputRequired(), V.Length(max=100), V.Regexp(r"^[A-Za-z0-9]+$")],
        description="From Settings → General of the store.",
    )
    api_key = forms.SecretField(
        "API key", [V.InputRequired(), V.Length(max=200)], sent_to=("server",)
    )
    webhook_secret = forms.SecretField(
        "Webhook secret",
        [V.InputRequired(), V.Length(max=200)],
        description="Of the webhook in the store.",
        sent_to=(),
    )
    previous_webhook_secret = forms.SecretField(
        "Previous webhook secret",
        [V.Optional(), V.Length(max=200)],
        description="Accepted too, while you replace one secret by another (optional).",
        sent_to=(),
    )
