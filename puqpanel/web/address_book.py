"""Forms of billing addresses and contacts, for customers and staff."""

from __future__ import annotations

from wtforms import BooleanField, EmailField, StringField
from wtforms.validators import InputRequired, Length

from puqpanel.operations.accounts.addresses import FIELDS
from puqpanel.web.fields import CountryField, LanguageField
from puqpanel.web.forms import Form, _


class AddressForm(Form):
    """A billing address of a client."""

    SAVED = FIELDS
    label = StringField(
        _("Label"),
        [InputRequired(_("Enter a label.")), Length(max=100)],
        description=_("For example, “Berlin office”."),
    )
    company = StringField(
        _("Name or company"),
        [Length(max=200)],
        description=_(
            "Printed on documents. Leave blank to use the name from the default address."
        ),
    )
    street = StringField(_("Street"), [Length(max=200)])
    postcode = StringField(_("Postal code"), [Length(max=20)])
    city = StringField(_("City"), [Length(max=100)])
    region = StringField(_("State or province"), [Length(max=100)])
    country = CountryField(_("Country"), blank=_("Choose a country…"))


class ContactForm(Form):
    """A contact of a client."""

    SAVED = ("name", "email", "language", "billing", "technical", "notices")
    name = StringField(_("Name"), [InputRequired(_("Enter a name.")), Length(max=200)])
    email = EmailField(_("E-mail"), [InputRequired(_("Enter an e-mail address.")), Length(max=254)])
    language = LanguageField(_("Language"), blank=_("Same as documents"))
    billing = BooleanField(_("Billing"), description=_("Shown on documents"))
    technical = BooleanField(_("Technical"), description=_("For questions about services"))
    notices = BooleanField(_("General notices"), description=_("For maintenance and news"))
