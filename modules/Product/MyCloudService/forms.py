"""What staff fill in: for a product, for a service, for a server."""

from __future__ import annotations

from puqpanel.sdk import forms

InputRequired, Length, NumberRange = forms.validators.InputRequired, forms.validators.Length, forms.validators.NumberRange
Optional, IPAddress = forms.validators.Optional, forms.validators.IPAddress
PLANS = {"basic": "Basic", "premium": "Premium", "enterprise": "Enterprise"}


class ProductForm(forms.Form):
    """What is sold."""

    server_location = forms.StringField("Server location", [InputRequired()], default="eu-west", description="Such as eu-west, eu-central or us-east.")
    plan_type = forms.SelectField("Plan", choices=PLANS)
    disk_space = forms.IntegerField("Disk space, GB", [InputRequired(), NumberRange(min=1)], default=10)
    bandwidth = forms.IntegerField("Bandwidth a month, GB", [InputRequired(), NumberRange(min=1)], default=100)


class ServiceForm(forms.Form):
    """One account. A name and a password that are left empty are made up by the job that makes the account, and kept."""

    domain = forms.StringField("Domain", [InputRequired(), Length(max=255)])
    username = forms.StringField("User name", [Optional(), Length(max=50)], description="Empty: one is made up with the account. It cannot be changed later.")
    password = forms.PasswordField("Password", [Optional(), Length(min=8)], description="Empty: one is made up with the account, or the one it has stays.")
    ip_address = forms.StringField("IP address", [Optional(), IPAddress(ipv6=True)], description="The cloud gives one.")


class ServerForm(forms.Form):
    """A provider and the key to it."""

    name = forms.StringField("Name", [InputRequired(), Length(max=100)])
    group_name = forms.StringField("Group", [InputRequired(), Length(max=100)], default="Default", description="A new name makes a new group.")
    host = forms.StringField("Host", [InputRequired(), Length(max=253)])
    port = forms.IntegerField("Port", [InputRequired(), NumberRange(1, 65535)], default=443)
    api_key = forms.PasswordField("API key", [InputRequired()], description="Empty keeps the one that is stored.")
    username = forms.StringField("User name", [Length(max=200)], default="")
    password = forms.PasswordField("Password", default="")
    max_accounts = forms.IntegerField("Accounts at most", [Optional(), NumberRange(min=0)], default=0, description="0 for no limit.")
    ssl = forms.BooleanField("Use TLS (https)", default=True)
    active = forms.BooleanField("Take new accounts", default=True)
