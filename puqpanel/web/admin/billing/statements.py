"""Staff pages for the statements of clients."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from puqpanel.domain.permissions import DOCUMENTS_VIEW
from puqpanel.operations.billing.statements import client_of
from puqpanel.web.guard import actor, allow
from puqpanel.web.statements import statement_file, statement_page

bp = Blueprint("statements", __name__, url_prefix="/clients/<uuid>/statement")


@bp.get("/")
@allow(DOCUMENTS_VIEW)
def show(uuid: str) -> ResponseReturnValue:
    """Show what a client owes, and what changed that."""
    client = client_of(actor(), uuid)
    return statement_page("admin/billing/statements/show.html", actor(), client)


@bp.get("/<any('pdf', 'csv'):kind>")
@allow(DOCUMENTS_VIEW)
def file(uuid: str, kind: str) -> ResponseReturnValue:
    """Return the statement as a file."""
    return statement_file(kind, actor(), client_of(actor(), uuid))
