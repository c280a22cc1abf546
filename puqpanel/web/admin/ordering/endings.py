"""End a service for a client, and take the request back."""

from __future__ import annotations

from flask import Blueprint, redirect, url_for
from flask.typing import ResponseReturnValue
from wtforms import RadioField, TextAreaField
from wtforms.validators import InputRequired, Length

from puqpanel.domain.errors import ConflictError
from puqpanel.domain.permissions import SERVICES_TERMINATE
from puqpanel.domain.texts import Text
from puqpanel.operations.ordering import endings
from puqpanel.operations.provisioning.services import find_service
from puqpanel.web.answers import flash, flashed_errors
from puqpanel.web.documents import shown_day
from puqpanel.web.forms import Form, _, choices, save_or_show
from puqpanel.web.guard import actor, allow
from puqpanel.web.navigation import crumbs

bp = Blueprint("endings", __name__, url_prefix="/services")
AT_ONCE, AT_END = "at_once", "at_end"


class EndForm(Form):
    """When a service ends, and why."""

    when = RadioField(_("When"))
    reason = TextAreaField(
        _("Reason"),
        [InputRequired(_("Enter a reason.")), Length(max=endings.MAX_REASON_LENGTH)],
        description=_("Visible to staff only."),
    )


@bp.route("/<uuid>/end", methods=["GET", "POST"])
@allow(SERVICES_TERMINATE)
def end(uuid: str) -> ResponseReturnValue:
    """End a service at the end of its paid period, or at once."""
    service = find_service(uuid)
    page = url_for("admin.services.show", uuid=uuid)
    last_day = endings.period_end(service)
    form = EndForm(data={"when": AT_END if last_day else AT_ONCE})
    form.when.choices = choices(
        (
            [(AT_END, _("At the end of the billing period, %(day)s", day=shown_day(last_day)))]
            if last_day
            else []
        )
        + [(AT_ONCE, _("Immediately"))]
    )

    def save() -> tuple[Text, str]:
        endings.request(
            actor=actor(),
            service_uuid=uuid,
            at_once=form.when.data == AT_ONCE,
            reason=str(form.reason.data or ""),
        )
        return _("Cancellation requested."), page

    return save_or_show(
        form,
        save,
        title=_("Cancel %(name)s", name=service.name),
        crumbs=crumbs("services", service),
        label=_("Cancel service"),
        consequence=_consequence(),
    )


@bp.post("/<uuid>/keep")
@allow(SERVICES_TERMINATE)
def keep(uuid: str) -> ResponseReturnValue:
    """Take the request back."""
    with flashed_errors(ConflictError):
        endings.withdraw(actor=actor(), service_uuid=uuid)
        flash(_("Cancellation withdrawn."), "good")
    return redirect(url_for("admin.services.show", uuid=uuid))


def _consequence() -> Text:
    text: Text = _(
        "On that day, the module is asked to terminate the service, and its data is deleted."
        " Unpaid proformas are cancelled, and unpaid invoices for later days credited. No refunds."
    )
    return text
