"""Staff page of the nightly integrity check."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from puqpanel.domain.permissions import DOCUMENTS_VIEW
from puqpanel.operations.billing import books_checks
from puqpanel.web.guard import actor, allow

bp = Blueprint("books", __name__, url_prefix="/books")


@bp.get("/")
@allow(DOCUMENTS_VIEW)
def index() -> ResponseReturnValue:
    """Show what the last check of the books found."""
    check = books_checks.last(actor())
    problems = list(books_checks.problems(check)) if check else []
    return render_template(
        "admin/billing/books/index.html", check=check, problems=problems, job=books_checks.TITLE
    )
