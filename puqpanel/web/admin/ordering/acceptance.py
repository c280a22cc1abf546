"""Staff pages that accept orders, cancel them, and mark them as fraud."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, redirect, url_for
from flask.typing import ResponseReturnValue
from wtforms import StringField
from wtforms.validators import InputRequired, Length

from puqpanel.domain.permissions import ORDERS_MANAGE
from puqpanel.domain.texts import Text
from puqpanel.models import Order
from puqpanel.operations.ordering import acceptance, cancellation, orders
from puqpanel.web.answers import flash, flashed_errors, refused
from puqpanel.web.forms import Form, _, save_or_show
from puqpanel.web.guard import actor, allow

bp = Blueprint("order_acceptance", __name__, url_prefix="/orders")


class PrintedReasonForm(Form):
    """Why an order is taken back."""

    reason = StringField(
        _("Reason"),
        [InputRequired(_("Enter a reason.")), Length(max=500)],
        description=_("Printed on the credit note, if there is one."),
    )


class ReasonForm(Form):
    """Why a mark is removed."""

    reason = StringField(
        _("Reason"),
        [InputRequired(_("Enter a reason.")), Length(max=500)],
        description=_("For your records."),
    )


@bp.post("/<uuid>/accept")
@allow(ORDERS_MANAGE)
def accept(uuid: str) -> ResponseReturnValue:
    """Accept an order that waits."""
    with flashed_errors():
        acceptance.accept(actor=actor(), uuid=uuid)
        flash(_("Order accepted."), "good")
    return redirect(url_for("admin.orders.show", uuid=uuid))


@bp.route("/<uuid>/cancel", methods=["GET", "POST"])
@allow(ORDERS_MANAGE)
def cancel(uuid: str) -> ResponseReturnValue:
    """Cancel an order with its document and services."""
    return _page(
        uuid,
        PrintedReasonForm(),
        cancellation.check_cancellable,
        cancellation.cancel,
        _("Order cancelled."),
        title=lambda number: _("Cancel order #%(number)s", number=number),
        label=_("Cancel order"),
        consequence=_(
            "Its services are cancelled. A proforma is cancelled; an invoice is credited, and what"
            " was paid is added to the client's credit balance."
        ),
    )


@bp.route("/<uuid>/fraud", methods=["GET", "POST"])
@allow(ORDERS_MANAGE)
def mark_fraud(uuid: str) -> ResponseReturnValue:
    """Mark an order as fraud."""
    return _page(
        uuid,
        PrintedReasonForm(),
        acceptance.check_live,
        acceptance.mark_fraud,
        _("Order marked as fraud."),
        title=lambda number: _("Mark order #%(number)s as fraud", number=number),
        label=_("Mark as fraud"),
        consequence=_(
            "Pending services are not provisioned; active services are suspended. A proforma is"
            " cancelled; an invoice is credited, and what was paid is added to the client's credit"
            " balance."
        ),
    )


@bp.route("/<uuid>/fraud/clear", methods=["GET", "POST"])
@allow(ORDERS_MANAGE)
def clear_fraud(uuid: str) -> ResponseReturnValue:
    """Remove the fraud mark of an order."""
    return _page(
        uuid,
        ReasonForm(),
        acceptance.check_marked,
        acceptance.clear_fraud,
        _("Fraud mark removed. The order is cancelled."),
        title=lambda number: _("Remove the fraud mark of order #%(number)s", number=number),
        label=_("Remove fraud mark"),
        consequence=_(
            "The order stays cancelled, because its documents were credited. Suspended services"
            " stay suspended."
        ),
    )


def _page(
    uuid: str,
    form: Form,
    check: Callable[[Order], None],
    operation: Callable[..., None],
    done: Text,
    *,
    title: Callable[[int], Text],
    **page: Any,
) -> ResponseReturnValue:
    """Show a form that asks for a reason, or run the operation with it."""
    order = orders.find_order(uuid)
    address = url_for("admin.orders.show", uuid=uuid)
    if refused(lambda: check(order)):
        return redirect(address)

    def save() -> tuple[Text, str]:
        operation(actor=actor(), uuid=uuid, **form.values("reason"))
        return done, address

    return save_or_show(
        form,
        save,
        title=title(order.id),
        crumbs=[(str(_("Orders")), url_for("admin.orders.index")), (f"#{order.id}", address)],
        **page,
    )
