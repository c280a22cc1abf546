"""The public page of a document, for everybody who has its link; a wrong token answers 404.

Search engines do not index it, caches do not keep it, and links to other sites do not reveal its
URL. It is sent as referrer to the panel itself, which the check of forms over HTTPS needs.
"""

from __future__ import annotations

from flask import Blueprint, Response, render_template
from flask.typing import ResponseReturnValue

from puqpanel.domain.document_states import KIND_LABELS
from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.money import Money
from puqpanel.operations.billing import converted_taxes
from puqpanel.operations.billing.document_links import find_linked
from puqpanel.web.documents import (
    pdf_response,
    shown_day,
    shown_days,
    shown_tax,
    state_of,
    transfer_image,
    ubl_response,
)
from puqpanel.web.guard import public
from puqpanel.web.limits import limiter

bp = Blueprint("documents", __name__, url_prefix="/documents/<uuid>/<token>")
PER_NETWORK = limiter.shared_limit("120 per minute", scope="public-documents")
HEADERS = {
    "X-Robots-Tag": "noindex, nofollow",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@bp.after_request
def _secret(response: Response) -> Response:
    response.headers.update(HEADERS)
    return response


@bp.get("/")
@public
@PER_NETWORK
def show(uuid: str, token: str) -> ResponseReturnValue:
    """Show a document, and how to pay it."""
    document = find_linked(uuid, token)
    return render_template(
        "public/billing/document.html",
        document=document,
        token=token,
        kind=KIND_LABELS[DocumentKind(document.kind)],
        state=state_of(document),
        day=shown_day,
        days=shown_days,
        converted=converted_taxes.stated(document.converted_tax),
        shown_tax=shown_tax,
        transfer_image=transfer_image(document),
        Money=Money,
    )


@bp.get("/pdf")
@public
@PER_NETWORK
def pdf(uuid: str, token: str) -> ResponseReturnValue:
    """Return the document as PDF."""
    return pdf_response(find_linked(uuid, token))


@bp.get("/ubl")
@public
@PER_NETWORK
def ubl(uuid: str, token: str) -> ResponseReturnValue:
    """Return the invoice or credit note as UBL."""
    return ubl_response(find_linked(uuid, token))
