"""Staff pages for the VAT numbers of clients: check them at VIES, or decide by hand."""

from __future__ import annotations

from flask import Blueprint, redirect, url_for
from flask.typing import ResponseReturnValue
from wtforms import HiddenField, SelectField, StringField
from wtforms.validators import InputRequired, Length

from puqpanel.domain.permissions import CLIENTS_MANAGE
from puqpanel.domain.tax_rules import VatStatus
from puqpanel.domain.texts import Text
from puqpanel.operations.accounts import clients
from puqpanel.operations.billing import vat_numbers
from puqpanel.web.answers import flash, flashed_errors
from puqpanel.web.forms import Form, _, choices, save_or_show
from puqpanel.web.guard import actor, allow
from puqpanel.web.navigation import crumbs

bp = Blueprint("vat_numbers", __name__, url_prefix="/clients")


class VatForm(Form):
    """How a VAT number was checked by hand; `number` is the one that the page shows."""

    number = HiddenField(_("VAT number"), [InputRequired()])
    status = SelectField(
        _("Result"),
        choices=lambda: choices(
            [(VatStatus.CONFIRMED, _("Confirmed")), (VatStatus.REFUSED, _("Not valid"))]
        ),
    )
    reason = StringField(
        _("How you checked it"),
        [InputRequired(_("Enter how you checked the number.")), Length(max=500)],
        description=_("Kept as evidence."),
    )


@bp.route("/<uuid>/vat-number", methods=["GET", "POST"])
@allow(CLIENTS_MANAGE)
def decide(uuid: str) -> ResponseReturnValue:
    """Confirm or refuse the client's VAT number by hand."""
    client = clients.find_client(uuid)
    form = VatForm(data={"number": client.vat_number})

    def save() -> tuple[Text, str]:
        fields = form.values("number", "status", "reason")
        vat_numbers.decide(actor=actor(), client_uuid=uuid, **fields)
        return _("VAT number saved."), url_for("admin.clients.show", uuid=uuid)

    return save_or_show(
        form,
        save,
        title=_("VAT number %(number)s", number=client.vat_number),
        crumbs=crumbs("clients", client),
        label=_("Save"),
        consequence=_("Drafts and new documents use it for tax. Issued documents don't change."),
    )


@bp.post("/<uuid>/vat-check")
@allow(CLIENTS_MANAGE)
def check(uuid: str) -> ResponseReturnValue:
    """Have the client's VAT number checked at VIES."""
    with flashed_errors():
        vat_numbers.check_again(actor=actor(), client_uuid=uuid)
        flash(_("The VAT number is being checked at VIES."), "good")
    return redirect(url_for("admin.clients.show", uuid=uuid))
