"""The forms of a product and of a service."""

from __future__ import annotations

from typing import Any

from puqpanel.sdk import __, forms, n__, noop__

from ..services import catalog, keys, sizes
from .fields import KeysField, accounts, trim

validators = forms.validators
InputRequired, Length, NumberRange = (
    validators.InputRequired,
    validators.Length,
    validators.NumberRange,
)
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
HOSTNAME = validators.Regexp(
    rf"({_LABEL}(\.{_LABEL})*)?$", message="Enter a host name such as web1 or web1.example.com."
)
LOCATIONS = {name: f"{city} ({name}, {sizes.REGIONS[name]})" for name, city in sizes.CITIES.items()}
MIN_PASSWORD_LENGTH = 12


class ImageForm(forms.Form):
    """A form with an image."""

    def validate_image_id(self, field: Any) -> None:
        """Require an image that new servers can be created with."""
        try:
            catalog.find_usable(field.data)
        except catalog.ImageError as error:
            raise forms.FieldError(
                __(":reason Choose another one.", {"reason": error.reason})
            ) from None


class ProductForm(ImageForm):
    """Settings of a product; servers get the smallest size that covers them."""

    cpu_cores = forms.IntegerField("CPU cores", [InputRequired(), NumberRange(1, 32)], default=1)
    ram_mb = forms.IntegerField(
        "Memory (MB)", [InputRequired(), NumberRange(512, 65536)], default=1024
    )
    disk_gb = forms.IntegerField("Disk (GB)", [InputRequired(), NumberRange(10, 1000)], default=25)
    bandwidth_gb = forms.IntegerField(
        "Monthly traffic (GB)", [InputRequired(), NumberRange(min=100)], default=1000
    )
    location = forms.SelectField("Location", choices=LOCATIONS, default="us-east-1")
    image_id = forms.SelectField(
        "Image",
        choices=catalog.choices,
        default=catalog.DEFAULT,
        description="Used unless the service selects another one.",
    )
    account = forms.SelectField(
        "Account",
        coerce=int,
        choices=accounts,
        default=0,
        description="New servers are created in this account.",
    )
    snapshot_limit = forms.IntegerField(
        "Snapshot limit",
        [InputRequired(), NumberRange(0, 25)],
        default=3,
        description="Snapshots per server; DigitalOcean bills each one. 0 for none.",
    )
    backup_enabled = forms.BooleanField(
        "Backups",
        default=False,
        description="DigitalOcean charges a percentage of the server's price.",
    )
    backup_plan = forms.SelectField(
        "Backup plan",
        choices={"daily": noop__("Daily"), "weekly": noop__("Weekly, on Sundays")},
        default="daily",
        description="DigitalOcean keeps daily backups for 7 days and weekly ones for 4 weeks;"
        " daily ones cost more.",
    )

    def validate(self, extra_validators: Any = None) -> bool:
        """Require a size that covers the product."""
        if not super().validate(extra_validators):
            return False
        try:
            sizes.smallest({name: self[field].data for name, field in sizes.FIELDS.items()})
        except sizes.SizeError as error:
            for name in error.limits or sizes.FIELDS:
                self[sizes.FIELDS[name]].errors = [str(error)]
            return False
        return True


class ServiceForm(ImageForm):
    """What may be chosen for one server before it is created."""

    hostname = forms.StringField(
        "Host name",
        [Length(max=253), HOSTNAME],
        filters=[trim],
        default="",
        description="Leave blank to generate one.",
    )
    image_id = forms.SelectField("Image", choices=catalog.choices, default=catalog.DEFAULT)
    ssh_keys = KeysField(
        "SSH keys",
        default=[],
        description="Public keys, or IDs and fingerprints of keys in the account; one per line.",
    )
    root_password = forms.SecretField(
        "Root password",
        [Length(max=128)],
        filters=[trim],
        default="",
        description="Leave blank to generate one.",
    )

    def validate_ssh_keys(self, field: Any) -> None:
        """Require public keys, ids or fingerprints."""
        if len(field.data) > keys.MAX_KEYS:
            raise forms.FieldError(
                n__("Enter at most :count key.", "Enter at most :count keys.", keys.MAX_KEYS)
            )
        for key in field.data:
            if problem := keys.problem(key):
                raise forms.FieldError(problem)

    def validate_root_password(self, field: Any) -> None:
        """Require a long, printable password: anyone on the internet can try to sign in."""
        password = field.data
        if password and (len(password) < MIN_PASSWORD_LENGTH or not password.isprintable()):
            raise forms.FieldError(
                n__(
                    "Use at least :count character.",
                    "Use at least :count characters.",
                    MIN_PASSWORD_LENGTH,
                )
            )


class CreatedForm(forms.Form):
    """What the server was created with, read-only."""

    hostname = forms.StringField(
        "Host name",
        render_kw={"readonly": True},
        description="Can't be changed after creation.",
    )
    image_id = forms.StringField(
        "Image",
        render_kw={"readonly": True},
        description="To use another image, create another server.",
    )
    ssh_keys = KeysField(
        "SSH keys",
        render_kw={"readonly": True},
        description="Installed when the server was created. Change them on the server.",
    )
