"""Change the product, options or billing period of a service for a client, and take it back."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from puqpanel.domain.errors import ConflictError, InvalidInput, UserError
from puqpanel.domain.permissions import ORDERS_MANAGE, SERVICES_PROVISION
from puqpanel.domain.texts import _
from puqpanel.infra.redact import storable
from puqpanel.operations.ordering import changes, manual_changes, plans
from puqpanel.operations.provisioning.services import find_service
from puqpanel.web.answers import flash, flashed_errors
from puqpanel.web.changes import Errors, change_request, context
from puqpanel.web.forms import field_errors
from puqpanel.web.guard import actor, allow

bp = Blueprint("changes", __name__, url_prefix="/services")


@bp.route("/<uuid>/plan", methods=["GET", "POST"])
@allow(ORDERS_MANAGE)
def change(uuid: str) -> ResponseReturnValue:
    """Show what a service can be changed to and what that costs, or change it."""
    service = find_service(uuid)
    page = url_for("admin.services.show", uuid=uuid)
    reason, errors = request.form.get("reason", ""), Errors()
    if request.method == "POST":
        try:
            if "free" in request.form and not reason.strip():
                raise InvalidInput({"reason": [_("Enter why nothing is charged.")]})
            asked = change_request(service, reason if "free" in request.form else "")
            changes.request(actor=actor(), change=asked)
            flash(_("Change requested."), "good")
            return redirect(page)
        except UserError as error:
            errors = field_errors(error)
    try:
        plans.check_changeable(actor(), service)
        shown = context(service, errors)
    except ConflictError as error:
        flash(error.text, "warn")
        return redirect(page)
    template = "admin/ordering/services/change.html"
    return render_template(template, c=shown, reason=reason), 422 if errors else 200


@bp.post("/<uuid>/plan/withdraw")
@allow(ORDERS_MANAGE)
def withdraw(uuid: str) -> ResponseReturnValue:
    """Take a change back."""
    with flashed_errors(ConflictError):
        changes.withdraw(actor=actor(), service_uuid=uuid)
        flash(_("The change was cancelled."), "good")
    return redirect(url_for("admin.services.show", uuid=uuid))


@bp.post("/<uuid>/plan/done")
@allow(SERVICES_PROVISION)
def done(uuid: str) -> ResponseReturnValue:
    """Record that staff carried out a change of a service that they deliver by hand."""
    task = storable(request.form.get("task", ""))[:36]
    with flashed_errors(ConflictError):
        manual_changes.mark_done(actor=actor(), service_uuid=uuid, task_uuid=task)
        flash(_("The change is done."), "good")
    return redirect(url_for("admin.services.show", uuid=uuid))
