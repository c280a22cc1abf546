"""What a product says about its servers, and what may be chosen for one of them."""

from __future__ import annotations

from typing import Any

from puqpanel.sdk import __, forms

from ..services import catalog, keys, sizes
from .fields import KeysField, Translated, accounts, trim

InputRequired, Length, NumberRange = (
    forms.validators.InputRequired,
    forms.validators.Length,
    forms.validators.NumberRange,
)
HOSTNAME = forms.validators.Regexp(
    r"([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*)?$",
    message="Write a host name such as web1 or web1.example.com: letters, digits, dashes and dots.",
)
LOCATIONS = {
    name: f"{place} ({name}, {sizes.REGIONS[name]})" for name, place in sizes.PLACES.items()
}


class ImageForm(Translated, forms.Form):
    """A form with an image in it."""

    def validate_image_id(self, field: Any) -> None:
        """One that new servers can be made with."""
        try:
            catalog.usable(field.data)
        except catalog.ImageError as error:
            raise forms.FieldError(str(error).split(". ")[0] + ". Choose another one.") from None


class ProductForm(ImageForm):
    """What is sold. The smallest size of DigitalOcean's that covers it is what servers get."""

    cpu_cores = forms.IntegerField("CPU cores", [InputRequired(), NumberRange(1, 32)], default=1)
    ram_mb = forms.IntegerField(
        "Memory, MB", [InputRequired(), NumberRange(512, 65536)], default=1024
    )
    disk_gb = forms.IntegerField("Disk, GB", [InputRequired(), NumberRange(10, 1000)], default=25)
    bandwidth_gb = forms.IntegerField(
        "Bandwidth a month, GB", [InputRequired(), NumberRange(min=100)], default=1000
    )
    location = forms.SelectField("Location", choices=LOCATIONS, default="us-east-1")
    image_id = forms.SelectField(
        "Image",
        choices=catalog.choices,
        default=catalog.DEFAULT,
        description="For servers whose service names no other.",
    )
    account = forms.SelectField(
        "Account",
        coerce=int,
        choices=accounts,
        default=0,
        description="Where its servers are made.",
    )
    snapshot_limit = forms.IntegerField(
        "Snapshots at most",
        [InputRequired(), NumberRange(0, 25)],
        default=3,
        description="What customers may keep; DigitalOcean bills each. 0 for none.",
    )
    backup_enabled = forms.BooleanField(
        "Backups",
        default=False,
        description="DigitalOcean's own, billed by a share of the server's price.",
    )

    def validate(self, extra_validators: Any = None) -> bool:
        """Also: there is a size that covers the wish."""
        if not super().validate(extra_validators):
            return False
        try:
            sizes.smallest({name: self[field].data for name, field in sizes.FIELDS.items()})
        except sizes.WishError as error:
            for name in error.fits or sizes.FIELDS:
                self[sizes.FIELDS[name]].errors = [str(error)]
            return False
        return True


class ServiceForm(ImageForm):
    """What may be chosen for one server before it is made."""

    hostname = forms.StringField(
        "Host name",
        [Length(max=253), HOSTNAME],
        filters=[trim],
        default="",
        description="Empty: one is made up.",
    )
    image_id = forms.SelectField("Image", choices=catalog.choices, default=catalog.DEFAULT)
    ssh_keys = KeysField(
        "SSH keys",
        default=[],
        description=(
            "Public keys, one a line. Ids and fingerprints of keys that the account has may stand"
            " here too."
        ),
    )
    root_password = forms.PasswordField(
        "Root password",
        [Length(max=128)],
        filters=[trim],
        default="",
        description="Empty: one is made up with the server.",
    )

    def validate_ssh_keys(self, field: Any) -> None:
        """Public keys only."""
        if len(field.data) > keys.MOST:
            raise forms.FieldError(__("At most :count keys.", {"count": keys.MOST}))
        for key in field.data:
            if wrong := keys.problem(key):
                raise forms.FieldError(wrong)

    def validate_root_password(self, field: Any) -> None:
        """Long enough to stand open to the internet, and nothing that a login cannot take."""
        if field.data and (len(field.data) < 12 or not field.data.isprintable()):
            raise forms.FieldError(
                __("At least 12 characters: anybody on the internet may try to sign in.")
            )


class MadeForm(Translated, forms.Form):
    """The same once there is a server: what it was made with is shown, and stays."""

    hostname = forms.StringField(
        "Host name",
        render_kw={"readonly": True},
        description="A server keeps the name that it was made with.",
    )
    image_id = forms.StringField(
        "Image", render_kw={"readonly": True}, description="Another system needs another server."
    )
    ssh_keys = KeysField(
        "SSH keys",
        render_kw={"readonly": True},
        description="Put there at the first start. Who can sign in can change them.",
    )
