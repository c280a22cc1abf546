"""The statement of the current client."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from puqpanel.domain.permissions import CLIENT_BILLING_VIEW
from puqpanel.operations.billing.statements import client_of
from puqpanel.web.guard import actor, customer
from puqpanel.web.statements import statement_file, statement_page

bp = Blueprint("statements", __name__, url_prefix="/statement")


@bp.get("/")
@customer(CLIENT_BILLING_VIEW)
def show() -> ResponseReturnValue:
    """Show what the client owes, and what changed that."""
    return statement_page("client/billing/statement.html", actor(), client_of(actor()))


@bp.get("/<any('pdf', 'csv'):kind>")
@customer(CLIENT_BILLING_VIEW)
def file(kind: str) -> ResponseReturnValue:
    """Return the statement as a file."""
    return statement_file(kind, actor(), client_of(actor()))
