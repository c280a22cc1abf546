"""What a product says about its accounts, and what staff may choose for one of them."""

from __future__ import annotations

from typing import Any

from puqpanel.sdk import forms

from ..services import quota
from .choices import groups, servers, trim

LETTERS = "Only letters, digits and _ . @ - may stand in a user name."
Length, Regexp = forms.validators.Length, forms.validators.Regexp
PART = Regexp(r"[A-Za-z0-9_.@-]*$", message=LETTERS)


class ProductForm(forms.Form):
    """What a product says about its accounts."""

    server_group = forms.SelectField(
        "Server group", coerce=int, choices=groups, description="Where its accounts are made."
    )
    quota = forms.StringField(
        "Quota",
        [Length(max=30)],
        default="5 GB",
        description='A size such as "5 GB", "none" for no limit, or "default".',
    )
    user_group = forms.StringField(
        "User group",
        [Length(max=64)],
        filters=[trim],
        description="A group of the cloud that every user joins. It must exist there.",
    )
    username_prefix = forms.StringField(
        "User names begin with", [Length(max=20), PART], default="nc_", filters=[trim]
    )
    username_suffix = forms.StringField(
        "User names end with",
        [Length(max=20), PART],
        filters=[trim],
        description="Six digits stand between them.",
    )

    def validate_quota(self, field: Any) -> None:
        """Bring it into the form that servers take."""
        try:
            field.data = quota.normal(field.data or "")
        except ValueError as error:
            raise forms.FieldError(str(error)) from None


class ServiceForm(forms.Form):
    """What staff may choose for one account before it is made."""

    username = forms.StringField(
        "User name",
        [Length(max=64), Regexp(r"([A-Za-z0-9_@-][A-Za-z0-9_.@-]*)?$", message=LETTERS)],
        filters=[trim],
        description="Empty: one is made up. It cannot be changed once the account is made.",
    )
    display_name = forms.StringField(
        "Display name",
        [Length(max=64)],
        filters=[trim],
        description="What other users of the cloud see.",
    )
    server = forms.SelectField("Server", coerce=int, choices=servers)
