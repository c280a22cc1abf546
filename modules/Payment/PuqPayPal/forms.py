"""The settings of a gateway."""

from __future__ import annotations

from puqpanel.sdk import forms

validators = forms.validators
InputRequired, Length, Optional = validators.InputRequired, validators.Length, validators.Optional
Regexp = validators.Regexp


class SettingsForm(forms.Form):
    """A REST app of a PayPal business account. A blank password field keeps the current value."""

    sandbox = forms.BooleanField(
        "Sandbox",
        description="Uses PayPal's test system, which has its own client ID, secret and webhook.",
    )
    client_id = forms.StringField("Client ID", [InputRequired(), Length(max=200)])
    client_secret = forms.SecretField(
        "Client secret", [InputRequired(), Length(max=200)], sent_to=("sandbox",)
    )
    webhook_id = forms.StringField(
        "Webhook ID",
        [InputRequired(), Regexp(r"\A\s*[A-Za-z0-9]{1,50}\s*\Z")],
        filters=[lambda value: value.strip() if isinstance(value, str) else value],
        description="PayPal shows it when the webhook has been added to the app.",
    )
    verify_by_api = forms.BooleanField(
        "Verify signatures by PayPal's API",
        description="After webhooks are answered, instead of before with PayPal's certificate.",
    )
    brand_name = forms.StringField(
        "Name on PayPal's page",
        [Optional(), Length(max=127)],
        description="That of the PayPal account if it is blank.",
    )
    immediate_only = forms.BooleanField(
        "Only immediate payments",
        description="Refuses payments that take days to complete, such as eChecks.",
    )
