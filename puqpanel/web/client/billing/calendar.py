"""The billing calendar of the current client."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from puqpanel.domain.permissions import CLIENT_BILLING_VIEW
from puqpanel.operations.billing.statements import client_of
from puqpanel.web.calendars import calendar_page
from puqpanel.web.guard import actor, customer

bp = Blueprint("calendar", __name__, url_prefix="/calendar")


@bp.get("/")
@customer(CLIENT_BILLING_VIEW)
def show() -> ResponseReturnValue:
    """Show what the client will be charged in the next months."""
    return calendar_page("client/billing/calendar.html", client_of(actor()))
