"""Change the product, options or billing period of a service, and take it back."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from puqpanel.domain.changes import ChangeStatus
from puqpanel.domain.errors import ConflictError, UserError
from puqpanel.domain.permissions import CLIENT_ORDERS_MANAGE
from puqpanel.domain.texts import _
from puqpanel.models import Change
from puqpanel.operations.ordering import changes, manual_changes, plans
from puqpanel.operations.provisioning.services import find_service_of
from puqpanel.web.answers import flash, flashed_errors
from puqpanel.web.changes import Errors, change_request, context, reasons
from puqpanel.web.documents import shown_day
from puqpanel.web.guard import actor, can, customer

bp = Blueprint("changes", __name__, url_prefix="/services")


@bp.route("/<uuid>/contract/change", methods=["GET", "POST"])
@customer(CLIENT_ORDERS_MANAGE)
def change(uuid: str) -> ResponseReturnValue:
    """Show what a service can be changed to and what that costs, or change it."""
    service = find_service_of(actor(), uuid)
    page = url_for("client.services.show", uuid=uuid)
    errors: Errors = {}
    if request.method == "POST":
        try:
            requested = changes.request(actor=actor(), change=change_request(service))
            return redirect(_next_page(requested, page))
        except UserError as error:
            errors = reasons(error)
    try:
        plans.check_changeable(actor(), service)
        shown = context(service, errors)
    except ConflictError as error:
        flash(error.text, "warn")
        return redirect(page)
    return render_template("client/ordering/change.html", c=shown), 422 if errors else 200


@bp.post("/<uuid>/contract/keep-plan")
@customer(CLIENT_ORDERS_MANAGE)
def keep(uuid: str) -> ResponseReturnValue:
    """Take a change back."""
    find_service_of(actor(), uuid)
    with flashed_errors(ConflictError):
        changes.withdraw(actor=actor(), service_uuid=uuid)
        flash(_("The change was cancelled."), "good")
    return redirect(url_for("client.services.show", uuid=uuid))


def _next_page(requested: Change, page: str) -> str:
    """Flash what happens next, and return the page to go to."""
    document = requested.document
    if document is not None:
        flash(_("Almost done: the change takes effect when this is paid."), "good")
        may = can("billing.view")
        return url_for("client.documents.show", uuid=document.uuid) if may else page
    if requested.status == ChangeStatus.SCHEDULED:
        day = shown_day(requested.effective_on)
        flash(_("Your service will change on %(day)s.", day=day), "good")
    elif manual_changes.is_open(requested.service):
        flash(_("Your change is being applied."), "good")
    else:
        flash(_("Your service was changed."), "good")
    return page
