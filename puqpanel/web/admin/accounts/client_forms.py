"""Forms of clients and their users."""

from __future__ import annotations

from dataclasses import fields as dataclass_fields

from wtforms import BooleanField, EmailField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional

from puqpanel.domain.tax_rules import BUYER_LABELS
from puqpanel.operations.accounts.buyer_details import BuyerDetails
from puqpanel.web.fields import CountryField, CurrencyField, LanguageField, RegionField
from puqpanel.web.forms import Form, SecretField, _, _c, choices

DETAILS = tuple(field.name for field in dataclass_fields(BuyerDetails))


class ClientForm(Form):
    """The details of a client."""

    name = StringField(_("Name"), [InputRequired(_("Enter a name.")), Length(max=200)])
    email = EmailField(_("E-mail"), [InputRequired(_("Enter an e-mail address.")), Length(max=254)])
    company = StringField(_("Company"), [Length(max=200)])
    country = CountryField(_("Country"), blank=_("No country"))
    currency = CurrencyField(_("Currency"))
    active = BooleanField(
        _c("client", "Active"),
        default=True,
        description=_("Users of an inactive client can't see its services."),
    )
    notes = TextAreaField(_("Notes"), [Length(max=10_000)], description=_("Visible to staff only."))
    street = StringField(_("Street"), [Length(max=200)])
    city = StringField(_("City"), [Length(max=100)])
    postcode = StringField(_("Postal code"), [Length(max=20)])
    region = RegionField(_("State or province"), [Length(max=100)])
    phone = StringField(_("Phone"), [Length(max=40)])
    buyer_kind = SelectField(
        _("Tax status"),
        choices=lambda: choices((key, text) for key, text in BUYER_LABELS.items()),
        validate_choice=False,
    )
    vat_number = StringField(
        _("VAT number"),
        [Length(max=40)],
        description=_("With the country prefix, such as DE123456789."),
    )
    tax_number = StringField(_("Tax number"), [Length(max=40)])
    language = LanguageField(_("Language of documents"), blank=_("Panel default"))
    separate_documents = BooleanField(
        _("One document per service"),
        description=_(
            "Otherwise services whose next periods begin on the same day are renewed by one"
            " document."
        ),
    )
    reference = StringField(
        _("Reference"),
        [Length(max=200)],
        description=_("Printed on documents, such as a purchase order number."),
    )

    def details(self) -> BuyerDetails:
        """Return the fields that documents need."""
        return BuyerDetails(**self.values(*DETAILS))


class NewClientForm(ClientForm):
    """A new client, with an owner who can sign in."""

    active = None  # type: ignore[assignment]
    separate_documents = None  # type: ignore[assignment]
    user_name = StringField(
        _("Owner name"),
        [Length(max=200)],
        description=_("Leave blank to use the client's name."),
    )
    user_password = SecretField(
        _("Owner password"),
        [Length(max=256)],
        description=_(
            "The owner signs in with the e-mail address above. Leave blank to add users later."
        ),
    )


class UserForm(Form):
    """A user of a client."""

    email = EmailField(_("E-mail"), [InputRequired(_("Enter an e-mail address.")), Length(max=254)])
    name = StringField(_("Name"), [Length(max=200)])
    password = SecretField(
        _("Password"),
        [Optional(), Length(max=256)],
        description=_("An existing user keeps their current password."),
    )
    owner = BooleanField(
        _("Owner"),
        description=_("Has full access. For other users, you choose permissions in the next step."),
    )


class PasswordForm(Form):
    """A new password."""

    password = SecretField(
        _("New password"), [InputRequired(_("Enter a new password.")), Length(max=256)]
    )
