"""Invoices, proformas and credit notes of the client area. Those of other clients answer 404."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from puqpanel.domain.document_states import KIND_LABELS, OPEN, DocumentStatus
from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.money import Money
from puqpanel.domain.permissions import CLIENT_BILLING_MANAGE, CLIENT_BILLING_VIEW
from puqpanel.domain.texts import _
from puqpanel.infra.db import session
from puqpanel.models import Document
from puqpanel.operations.accounts.clients import find_client
from puqpanel.operations.automation import charging
from puqpanel.operations.billing import (
    attempts,
    converted_taxes,
    credit,
    documents,
    funds,
    gateways,
    ledger,
    payment_methods,
    prepaid_accounts,
)
from puqpanel.web.answers import flash, flashed_errors
from puqpanel.web.documents import (
    pdf_response,
    shown_day,
    shown_days,
    shown_tax,
    state_of,
    transfer_image,
)
from puqpanel.web.guard import actor, customer

bp = Blueprint("documents", __name__, url_prefix="/invoices")
MAX_ROWS = 200


@bp.get("/")
@customer(CLIENT_BILLING_VIEW)
def index() -> ResponseReturnValue:
    """List the client's documents: what is to pay first, then by date."""
    client = actor().client
    query = (
        sa.select(Document)
        .where(
            Document.client_id == (client.id if client else None),
            Document.status != DocumentStatus.DRAFT,
        )
        .order_by(Document.status.not_in(OPEN), Document.id.desc())
        .limit(MAX_ROWS)
    )
    rows = session().scalars(query).all()
    return render_template(
        "client/billing/documents/index.html",
        rows=rows,
        to_pay=_payable_together(rows),
        kinds=KIND_LABELS,
        state=state_of,
        day=shown_day,
        credits=ledger.credits_of(find_client(client.uuid)) if client else [],
        adds_funds=funds.is_offered() and actor().may(CLIENT_BILLING_MANAGE),
        prepaid=client is not None and prepaid_accounts.has_services(client.id),
    )


def _payable_together(rows: Sequence[Document]) -> list[str]:
    """Return the UUIDs of the unpaid documents, if they can be paid at once."""
    unpaid = [row for row in rows if _is_payable(row) and not row.adds_funds]
    if len({(row.company_id, row.currency) for row in unpaid}) != 1:
        return []
    if not gateways.offered(unpaid[0].company, unpaid[0].currency):
        return []
    return [row.uuid for row in unpaid]


@bp.get("/<uuid>")
@customer(CLIENT_BILLING_VIEW)
def show(uuid: str) -> ResponseReturnValue:
    """Show a document."""
    document = documents.find_document_of(actor(), uuid)
    return render_template(
        "client/billing/documents/show.html",
        document=document,
        kind=KIND_LABELS[DocumentKind(document.kind)],
        state=state_of(document),
        day=shown_day,
        days=shown_days,
        converted=converted_taxes.stated(document.converted_tax),
        shown_tax=shown_tax,
        transfer_image=transfer_image(document),
        pays_online=_is_payable(document)
        and bool(gateways.offered(document.company, document.currency)),
        awaited=attempts.awaited_payment(document) if _is_payable(document) else None,
        charge=_charge(document),
        credit=ledger.credit(document.client, document.company, document.currency),
        Money=Money,
    )


def _charge(document: Document) -> tuple[str, str] | None:
    """Return when and with what a document is charged automatically; None if it is not."""
    planned = charging.planned(document)
    return (shown_day(planned[0]), payment_methods.label(planned[1])) if planned else None


def _is_payable(document: Document) -> bool:
    return document.status in OPEN and document.kind != DocumentKind.CREDIT_NOTE


@bp.post("/<uuid>/credit-payment")
@customer(CLIENT_BILLING_MANAGE)
def pay_from_credit(uuid: str) -> ResponseReturnValue:
    """Pay a document from credit."""
    documents.find_document_of(actor(), uuid)  # 404 rather than a message
    with flashed_errors():
        paid = credit.pay_own_document(actor=actor(), document_uuid=uuid)
        flash(_("%(amount)s paid from credit.", amount=paid), "good")
    return redirect(url_for("client.documents.show", uuid=uuid))


@bp.get("/<uuid>/pdf")
@customer(CLIENT_BILLING_VIEW)
def pdf(uuid: str) -> ResponseReturnValue:
    """Return a document as PDF."""
    return pdf_response(documents.find_document_of(actor(), uuid))
