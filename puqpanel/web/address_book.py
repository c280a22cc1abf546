"""Forms of billing addresses and contacts, and what they save, for customers and staff."""

from __future__ import annotations

from typing import Any

from flask.typing import ResponseReturnValue
from wtforms import BooleanField, EmailField, StringField
from wtforms.validators import InputRequired, Length

from puqpanel.domain.texts import Text
from puqpanel.models import Client
from puqpanel.operations.accounts import addresses, contacts
from puqpanel.operations.accounts.addresses import FIELDS
from puqpanel.web.fields import CountryField, LanguageField, RegionField
from puqpanel.web.forms import Form, _, save_or_show
from puqpanel.web.guard import actor


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
    street = StringField(
        _("Street"), [InputRequired(_("Enter the street and number.")), Length(max=200)]
    )
    postcode = StringField(
        _("Postal code"), [InputRequired(_("Enter the postal code.")), Length(max=20)]
    )
    city = StringField(_("City"), [InputRequired(_("Enter the city.")), Length(max=100)])
    region = RegionField(_("State or province"), [Length(max=100)])
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


def address_page(
    client: Client, uuid: str, back: str, template: str, **context: Any
) -> ResponseReturnValue:
    """Show the form of an address, or save it.

    Args:
        client: whose address it is.
        uuid: the address; empty adds one.
        back: URL of the page after saving.
        template: of the form.
        context: what the template shows around the form.
    """
    found = addresses.find_address(client, uuid) if uuid else None
    form = AddressForm(obj=found, data=None if found else {"country": client.country})

    def save() -> tuple[Text, str]:
        values = form.values(*form.SAVED)
        addresses.save_address(
            actor=actor(), client_uuid=client.uuid, uuid=uuid or None, values=values
        )
        return _("Address saved."), back

    title = _("Edit address") if found else _("Add address")
    return save_or_show(form, save, template, title=title, label=_("Save address"), **context)


def contact_page(
    client: Client, uuid: str, back: str, template: str, **context: Any
) -> ResponseReturnValue:
    """Show the form of a contact, or save it; arguments as for an address."""
    found = contacts.find_contact(client, uuid) if uuid else None
    form = ContactForm(obj=found, data=None if found else {"billing": True})

    def save() -> tuple[Text, str]:
        values = form.values(*form.SAVED)
        contacts.save_contact(
            actor=actor(), client_uuid=client.uuid, uuid=uuid or None, values=values
        )
        return _("Contact saved."), back

    title = _("Edit contact") if found else _("Add contact")
    return save_or_show(form, save, template, title=title, label=_("Save contact"), **context)
