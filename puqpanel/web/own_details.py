"""The billing details of a client that its users edit, in the shop and in the client area."""

from __future__ import annotations

from typing import Any

from flask.typing import ResponseReturnValue
from wtforms import SelectField, StringField
from wtforms.validators import Length

from puqpanel.domain.tax_rules import BUYER_LABELS, BuyerKind
from puqpanel.domain.texts import Text
from puqpanel.models import Client
from puqpanel.operations.accounts import own_details
from puqpanel.operations.accounts.own_details import OwnDetails
from puqpanel.web.fields import CountryField, RegionField
from puqpanel.web.forms import Form, _, choices, save_or_show
from puqpanel.web.guard import actor


class DetailsForm(Form):
    """The billing details of a client."""

    SAVED = (
        "buyer_kind",
        "company",
        "vat_number",
        "street",
        "postcode",
        "city",
        "region",
        "country",
    )
    buyer_kind = SelectField(_("Account type"))
    country = CountryField(_("Country"), blank=_("Choose a country…"))
    company = StringField(_("Company"), [Length(max=200)])
    vat_number = StringField(
        _("VAT number"),
        [Length(max=40)],
        description=_("Tax is charged until the number is confirmed."),
    )
    street = StringField(_("Street"), [Length(max=200)])
    postcode = StringField(_("Postal code"), [Length(max=20)])
    city = StringField(_("City"), [Length(max=100)])
    region = RegionField(_("State or province"), [Length(max=100)])


def details_page(
    client: Client, saved_to: str, template: str, **context: Any
) -> ResponseReturnValue:
    """Show the form of a client's details, or save it.

    Args:
        client: the user's current client.
        saved_to: URL of the page after saving.
        template: of the form.
        context: what the template shows around the form.
    """
    form = DetailsForm(obj=client)
    kinds = dict.fromkeys([BuyerKind.CONSUMER, BuyerKind.BUSINESS, BuyerKind(client.buyer_kind)])
    form.buyer_kind.choices = choices((kind, BUYER_LABELS[kind]) for kind in kinds)

    def save() -> tuple[Text, str]:
        entered = OwnDetails(**form.values(*form.SAVED))
        own_details.save_own_details(actor=actor(), details=entered)
        return _("Billing details saved."), saved_to

    return save_or_show(form, save, template, **context)
