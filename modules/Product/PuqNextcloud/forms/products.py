"""The forms of a product and of a service."""

from __future__ import annotations

from typing import Any

from puqpanel.sdk import forms, noop__

from ..services import quota
from .choices import groups, servers, trim

ALLOWED_CHARACTERS = noop__("Use only letters, digits and _ . @ -")
Length, Regexp = forms.validators.Length, forms.validators.Regexp
NAME_PART = Regexp(r"[A-Za-z0-9_.@-]*$", message=ALLOWED_CHARACTERS)
USER_NAME = Regexp(r"([A-Za-z0-9_@-][A-Za-z0-9_.@-]*)?$", message=ALLOWED_CHARACTERS)


class ProductForm(forms.Form):
    """Settings of a product."""

    server_group = forms.SelectField(
        "Server group",
        coerce=int,
        choices=groups,
        description="New accounts are created on a server of this group.",
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
        description="Nextcloud group that new users join. It must exist on the server.",
    )
    username_prefix = forms.StringField(
        "User name prefix", [Length(max=20), NAME_PART], default="nc_", filters=[trim]
    )
    username_suffix = forms.StringField(
        "User name suffix",
        [Length(max=20), NAME_PART],
        filters=[trim],
        description="Generated names have six digits between prefix and suffix.",
    )

    def validate_quota(self, field: Any) -> None:
        """Normalize the quota to the form that servers accept."""
        try:
            field.data = quota.normalize(field.data or "")
        except ValueError as error:
            raise forms.FieldError(str(error)) from None


class ServiceForm(forms.Form):
    """What staff choose for one account before it is created."""

    username = forms.StringField(
        "User name",
        [Length(max=64), USER_NAME],
        filters=[trim],
        description="Leave blank to generate one. It can't be changed after creation.",
    )
    display_name = forms.StringField(
        "Display name",
        [Length(max=64)],
        filters=[trim],
        description="Shown to other Nextcloud users.",
    )
    server = forms.SelectField("Server", coerce=int, choices=servers)
