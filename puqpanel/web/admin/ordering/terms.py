"""Give a service a price of its own, or another client."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import DateField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from puqpanel.domain.errors import InvalidInput, UserError
from puqpanel.domain.money import Money
from puqpanel.domain.permissions import SERVICES_MANAGE
from puqpanel.domain.texts import Text
from puqpanel.operations.ordering import terms
from puqpanel.operations.provisioning.services import find_service
from puqpanel.web.admin.accounts.pick import find_clients
from puqpanel.web.forms import Form, _, save_or_show
from puqpanel.web.guard import actor, allow
from puqpanel.web.locale import viewer_locale
from puqpanel.web.navigation import crumbs

bp = Blueprint("terms", __name__, url_prefix="/services")
TRANSFER = "admin/ordering/services/transfer.html"


def _reason() -> Any:
    return TextAreaField(
        _("Reason"),
        [InputRequired(_("Enter a reason.")), Length(max=terms.MAX_REASON_LENGTH)],
        description=_("Visible to staff only."),
    )


class PriceForm(Form):
    """The price of each billing period."""

    price = StringField(_("Price"), [InputRequired(_("Enter an amount."))])
    reason = _reason()


class ChargedForm(Form):
    """The first day that is not charged yet."""

    day = DateField(_("Charged until"), [InputRequired(_("Enter a valid date."))])
    reason = _reason()


class TransferForm(Form):
    """The new client, with a search for it."""

    find = StringField(_("Find a client"))
    client = StringField(_("New client"), [InputRequired(_("Choose a client."))])
    reason = _reason()


@bp.route("/<uuid>/price", methods=["GET", "POST"])
@allow(SERVICES_MANAGE)
def price(uuid: str) -> ResponseReturnValue:
    """Give a service a price of its own."""
    service = find_service(uuid)
    form = PriceForm()
    if not form.is_submitted():
        form.price.data = f"{service.price.major:f}"

    def save() -> tuple[Text, str]:
        try:
            amount = Money.parse(str(form.price.data), service.currency, viewer_locale())
        except UserError as error:
            raise InvalidInput({"price": [error.text]}) from None
        terms.override_price(
            actor=actor(), service_uuid=uuid, price=amount, reason=str(form.reason.data)
        )
        return _("Price changed."), url_for("admin.services.show", uuid=uuid)

    return save_or_show(
        form,
        save,
        title=_("Change the price of %(name)s", name=service.name),
        crumbs=crumbs("services", service),
        label=_("Change price"),
        consequence=_("Applies to future charges. What was charged stays as it is."),
    )


@bp.route("/<uuid>/charged-until", methods=["GET", "POST"])
@allow(SERVICES_MANAGE)
def charged_until(uuid: str) -> ResponseReturnValue:
    """Set from which day a service is charged next."""
    service = find_service(uuid)
    form = ChargedForm(data={"day": service.paid_until})

    def save() -> tuple[Text, str]:
        day = form.day.data
        assert day is not None
        reason = str(form.reason.data)
        terms.set_charged_until(actor=actor(), service_uuid=uuid, day=day, reason=reason)
        return _("Charged-until date changed."), url_for("admin.services.show", uuid=uuid)

    return save_or_show(
        form,
        save,
        title=_("Change the charged-until date of %(name)s", name=service.name),
        crumbs=crumbs("services", service),
        label=_("Change date"),
        consequence=_("The next period begins on this day. Nothing is charged now."),
    )


@bp.route("/<uuid>/transfer", methods=["GET", "POST"])
@allow(SERVICES_MANAGE)
def transfer(uuid: str) -> ResponseReturnValue:
    """Transfer a service to another client, or search clients if "Find" was clicked."""
    service = find_service(uuid)
    form = TransferForm()
    found = find_clients(form.find.data, form.client.data or "", service.client.uuid)
    if "look" in request.form:
        return render_template(TRANSFER, form=form, found=found, service=service)
    if not form.client.data and (only := found.only()):
        form.client.data, form.client.raw_data = only, [only]

    def save() -> tuple[Text, str]:
        terms.transfer(
            actor=actor(),
            service_uuid=uuid,
            client_uuid=str(form.client.data),
            reason=str(form.reason.data),
        )
        return _("Service transferred."), url_for("admin.services.show", uuid=uuid)

    return save_or_show(form, save, TRANSFER, found=found, service=service)
