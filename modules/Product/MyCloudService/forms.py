"""What staff fill in: for a product, for a service, for a server."""

from __future__ import annotations

from puqpanel.sdk import forms

InputRequired, Length, NumberRange = (
    forms.validators.InputRequired,
    forms.validators.Length,
    forms.validators.NumberRange,
)
Optional, IPAddress, Regexp = (
    forms.validators.Optional,
    forms.validators.IPAddress,
    forms.validators.Regexp,
)
DOMAIN = Regexp(
    r"([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}$",
    message="Write a domain name such as example.com.",
)
USERNAME = Regexp(
    r"[A-Za-z0-9_-]+$",
    message="Only letters, digits, dashes and underscores may stand in a user name.",
)
PLANS = {"basic": "Basic", "premium": "Premium", "enterprise": "Enterprise"}


class ProductForm(forms.Form):
    """What is sold."""

    server_location = forms.StringField(
        "Server location",
        [InputRequired()],
        default="eu-west",
        description="Such as eu-west, eu-central or us-east.",
    )
    plan_type = forms.SelectField("Plan", choices=PLANS)
    disk_space = forms.IntegerField(
        "Disk space, GB", [InputRequired(), NumberRange(min=1)], default=10
    )
    bandwidth = forms.IntegerField(
        "Bandwidth a month, GB", [InputRequired(), NumberRange(min=1)], default=100
    )


class ServiceForm(forms.Form):
    """One account.

    A name and a password that are left empty are made up by the job that makes the account, and
    kept.
    """

    domain = forms.StringField(
        "Domain",
        [InputRequired(), Length(max=255), DOMAIN],
        description="It cannot be changed once the account is made.",
    )
    username = forms.StringField(
        "User name",
        [Optional(), Length(min=3, max=50), USERNAME],
        description="Empty: one is made up with the account. It cannot be changed later.",
    )
    password = forms.PasswordField(
        "Password",
        [Optional(), Length(min=8)],
        description="Empty: one is made up with the account.",
    )
    ip_address = forms.StringField(
        "IP address", [Optional(), IPAddress(ipv6=True)], description="The cloud gives one."
    )


LOCKED = {
    "domain": "An account keeps its domain.",
    "username": "An account keeps its name.",
    "ip_address": "The cloud gives the address.",
}


class AccountForm(ServiceForm):
    """The same once the account is at the cloud: what was agreed with the cloud is shown, and
    stays.
    """

    domain = forms.StringField(
        "Domain",
        ServiceForm.domain.args[1],
        render_kw={"readonly": True},
        description=LOCKED["domain"],
    )
    username = forms.StringField(
        "User name",
        ServiceForm.username.args[1],
        render_kw={"readonly": True},
        description=LOCKED["username"],
    )
    password = forms.PasswordField(
        "Password",
        ServiceForm.password.args[1],
        description="Empty keeps the stored one. A new one is set at the cloud at once.",
    )
    ip_address = forms.StringField(
        "IP address",
        ServiceForm.ip_address.args[1],
        render_kw={"readonly": True},
        description=LOCKED["ip_address"],
    )


class ServerForm(forms.Form):
    """A provider and the key to it."""

    name = forms.StringField("Name", [InputRequired(), Length(max=100)])
    group_name = forms.StringField(
        "Group",
        [InputRequired(), Length(max=100)],
        default="Default",
        description="A new name makes a new group.",
    )
    host = forms.StringField("Host", [InputRequired(), Length(max=253)])
    port = forms.IntegerField("Port", [InputRequired(), NumberRange(1, 65535)], default=443)
    api_key = forms.PasswordField("API key", [InputRequired()])
    username = forms.StringField("User name", [Length(max=200)], default="")
    password = forms.PasswordField("Password", default="")
    max_accounts = forms.IntegerField(
        "Accounts at most",
        [Optional(), NumberRange(min=0)],
        default=0,
        description="0 for no limit.",
    )
    ssl = forms.BooleanField("Use TLS (https)", default=True)
    active = forms.BooleanField("Take new accounts", default=True)
