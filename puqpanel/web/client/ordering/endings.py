"""Cancel a service, and take the cancellation back."""

from __future__ import annotations

from flask import Blueprint, redirect, url_for
from flask.typing import ResponseReturnValue
from wtforms import RadioField, TextAreaField
from wtforms.validators import Length

from puqpanel.domain.errors import ConflictError
from puqpanel.domain.permissions import CLIENT_ORDERS_MANAGE
from puqpanel.domain.texts import Text
from puqpanel.models import Service
from puqpanel.operations.ordering import endings
from puqpanel.operations.ordering.contracts import ENDED, day_of, ending_of
from puqpanel.operations.provisioning.services import find_service_of
from puqpanel.web.answers import flash, flashed_errors
from puqpanel.web.documents import shown_day
from puqpanel.web.forms import Form, _, choices, save_or_show
from puqpanel.web.guard import actor, customer

bp = Blueprint("endings", __name__, url_prefix="/services")
AT_ONCE, AT_END = "at_once", "at_end"


class CancelForm(Form):
    """When a service ends, and why."""

    when = RadioField(_("When should it end?"))
    reason = TextAreaField(
        _("Why are you leaving? (optional)"),
        [Length(max=endings.MAX_REASON_LENGTH)],
        description=_("Your answer helps us to do better."),
    )


@bp.route("/<uuid>/contract/cancel", methods=["GET", "POST"])
@customer(CLIENT_ORDERS_MANAGE)
def cancel(uuid: str) -> ResponseReturnValue:
    """Cancel a service at the end of its paid period, or at once."""
    service = find_service_of(actor(), uuid)
    page = url_for("client.services.show", uuid=uuid)
    if service.status in ENDED or ending_of(service) is not None:
        return redirect(page)
    last_day = endings.period_end(service)
    form = CancelForm(data={"when": AT_END if last_day else AT_ONCE})
    form.when.choices = choices(
        ([(AT_END, _("On %(day)s", day=shown_day(last_day)))] if last_day else [])
        + [(AT_ONCE, _("Today"))]
    )

    def save() -> tuple[Text, str]:
        ending = endings.request(
            actor=actor(),
            service_uuid=uuid,
            at_once=form.when.data == AT_ONCE,
            reason=str(form.reason.data or ""),
        )
        if form.when.data == AT_ONCE:
            return _("%(name)s is being cancelled.", name=service.name), page
        day = shown_day(ending.ends_on)
        return _("Cancelled. %(name)s runs until %(day)s.", name=service.name, day=day), page

    return save_or_show(
        form,
        save,
        "client/ordering/cancel.html",
        service=service,
        consequences=consequences(service),
        page_url=page,
    )


@bp.post("/<uuid>/contract/keep")
@customer(CLIENT_ORDERS_MANAGE)
def keep(uuid: str) -> ResponseReturnValue:
    """Take a cancellation back."""
    service = find_service_of(actor(), uuid)
    with flashed_errors(ConflictError):
        endings.withdraw(actor=actor(), service_uuid=uuid)
        flash(_("Cancellation of %(name)s withdrawn.", name=service.name), "good")
    return redirect(url_for("client.services.show", uuid=uuid))


def consequences(service: Service) -> list[Text]:
    """Return what happens when a service is cancelled, one sentence each."""
    last_day = endings.period_end(service)
    today = day_of(service.client)
    texts = []
    if last_day:
        texts.append(
            _(
                "If it ends on %(day)s, you can use it until then, and you can change your mind.",
                day=shown_day(last_day),
            )
        )
        texts.append(_("If it ends today, it stops now. The days left aren't refunded."))
    if endings.is_unused(service):
        texts.append(
            _("It hasn't been set up yet. What you paid for it is added to your credit balance.")
        )
    else:
        texts.append(_("When it ends, its data is deleted. Save what you need before."))
    texts.append(_("You won't be charged for it any more."))
    for document in endings.released_documents(service, last_day or today):
        number = document.number
        texts.append(_("You don't have to pay %(number)s.", number=number))
    return texts
