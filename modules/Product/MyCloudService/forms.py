"""The forms of staff: for a product, a service and a server."""

from __future__ import annotations

from puqpanel.sdk import forms, noop__

validators = forms.validators
InputRequired, Length, NumberRange = (
    validators.InputRequired,
    validators.Length,
    validators.NumberRange,
)
Optional, IPAddress, Regexp = validators.Optional, validators.IPAddress, validators.Regexp
DOMAIN = Regexp(
    r"([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}$",
    message="Enter a domain name such as example.com.",
)
USERNAME = Regexp(r"[A-Za-z0-9_-]+$", message="Use only letters, digits, hyphens and underscores.")
PLANS = {
    "basic": noop__("Basic"),
    "premium": noop__("Premium"),
    "enterprise": noop__("Enterprise"),
}


class ProductForm(forms.Form):
    """Settings of a product."""

    server_location = forms.StringField(
        "Server location",
        [InputRequired()],
        default="eu-west",
        description="For example eu-west, eu-central or us-east.",
    )
    plan_type = forms.SelectField("Plan", choices=PLANS)
    disk_space = forms.IntegerField(
        "Disk space (GB)", [InputRequired(), NumberRange(min=1)], default=10
    )
    bandwidth = forms.IntegerField(
        "Monthly bandwidth (GB)", [InputRequired(), NumberRange(min=1)], default=100
    )


class ServiceForm(forms.Form):
    """An account before it is created.

    The create job generates a user name and a password that are left blank.
    """

    domain = forms.StringField(
        "Domain",
        [InputRequired(), Length(max=255), DOMAIN],
        description="Can't be changed after creation.",
    )
    username = forms.StringField(
        "User name",
        [Optional(), Length(min=3, max=50), USERNAME],
        description="Leave blank to generate one. Can't be changed after creation.",
    )
    password = forms.SecretField(
        "Password",
        [Optional(), Length(min=8)],
        description="Leave blank to generate one.",
        sent_to=(),
    )
    ip_address = forms.StringField(
        "IP address", [Optional(), IPAddress(ipv6=True)], description="Assigned automatically."
    )


# The fields that can't change once the account exists, and the reason.
FIXED_FIELDS = {
    "domain": noop__("Can't be changed after creation."),
    "username": noop__("Can't be changed after creation."),
    "ip_address": noop__("Assigned by the provider."),
}


class AccountForm(ServiceForm):
    """An existing account: all fields but the password are read-only."""

    domain = forms.StringField(
        "Domain",
        ServiceForm.domain.args[1],
        render_kw={"readonly": True},
        description=FIXED_FIELDS["domain"],
    )
    username = forms.StringField(
        "User name",
        ServiceForm.username.args[1],
        render_kw={"readonly": True},
        description=FIXED_FIELDS["username"],
    )
    password = forms.SecretField(
        "Password",
        ServiceForm.password.args[1],
        description="Leave blank to keep the current value. Takes effect immediately.",
        sent_to=(),
    )
    ip_address = forms.StringField(
        "IP address",
        ServiceForm.ip_address.args[1],
        render_kw={"readonly": True},
        description=FIXED_FIELDS["ip_address"],
    )


class ServerForm(forms.Form):
    """A server of the provider and its API key."""

    name = forms.StringField("Name", [InputRequired(), Length(max=100)])
    group_name = forms.StringField(
        "Group",
        [InputRequired(), Length(max=100)],
        default="Default",
        description="Enter a new name to add a group.",
    )
    host = forms.StringField("Host", [InputRequired(), Length(max=253)])
    port = forms.IntegerField("Port", [InputRequired(), NumberRange(1, 65535)], default=443)
    api_key = forms.SecretField("API key", [InputRequired()])
    username = forms.StringField("User name", [Length(max=200)], default="")
    password = forms.SecretField("Password", default="")
    max_accounts = forms.IntegerField(
        "Account limit",
        [Optional(), NumberRange(min=0)],
        default=0,
        description="0 for no limit.",
    )
    ssl = forms.BooleanField("Use TLS (https)", default=True)
    active = forms.BooleanField("Accept new accounts", default=True)
