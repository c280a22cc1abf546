"""Staff pages for documents: a document, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import DateField, HiddenField, StringField
from wtforms.validators import InputRequired, Length, Optional

from puqpanel.domain import charging
from puqpanel.domain.document_states import KIND_LABELS, DocumentStatus
from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.money import Money
from puqpanel.domain.permissions import DOCUMENTS_ISSUE, DOCUMENTS_VIEW, PAYMENTS_MANAGE
from puqpanel.domain.texts import Text, _n
from puqpanel.infra.db import session
from puqpanel.models import Allocation, Document, Payment
from puqpanel.models.columns import new_uuid
from puqpanel.operations.automation import steps
from puqpanel.operations.billing import (
    companies,
    converted_taxes,
    documents,
    gateways,
    issuing,
    ledger,
    method_charges,
    payment_methods,
    payments,
)
from puqpanel.operations.billing.document_links import check_linked, public_link
from puqpanel.operations.billing.document_links import renew_link as renew
from puqpanel.operations.system import audit
from puqpanel.web.admin.billing.amount_reasons import line_reasons, tax_reasons
from puqpanel.web.admin.billing.document_list import DOCUMENTS
from puqpanel.web.admin.ordering import links
from puqpanel.web.admin.oversight.bulk import Bulk, run
from puqpanel.web.answers import flash, flashed_errors, refused
from puqpanel.web.documents import (
    pdf_response,
    shown_day,
    shown_days,
    shown_state,
    shown_tax,
    state_of,
    ubl_response,
)
from puqpanel.web.forms import Form, _, save_or_show
from puqpanel.web.guard import actor, allow
from puqpanel.web.list_view import list_view
from puqpanel.web.look import step_label
from puqpanel.web.money_field import MoneyField

bp = Blueprint("documents", __name__, url_prefix="/documents")


class PaymentForm(Form):
    """A payment that was received outside the panel."""

    amount = MoneyField(_("Amount"), [InputRequired(_("Enter an amount."))])
    currency = HiddenField()
    token = HiddenField()
    received_on = DateField(_("Received on"), [Optional()])
    reason = StringField(
        _("Note"),
        [InputRequired(_("Enter a note, such as the bank statement number.")), Length(max=500)],
        description=_("For your records, such as “bank statement 31”."),
    )


class WriteOffForm(Form):
    """Why an invoice is written off."""

    reason = StringField(_("Reason"), [InputRequired(_("Enter a reason.")), Length(max=500)])


@bp.get("/")
@allow(DOCUMENTS_VIEW)
def index() -> ResponseReturnValue:
    """List documents."""
    return list_view(
        DOCUMENTS,
        "documents",
        "admin/billing/documents/index.html",
        Money=Money,
        state=shown_state,
        kinds=KIND_LABELS,
        day=shown_day,
    )


BULK = {
    "issue": Bulk(
        "issue",
        _("Issue"),
        lambda number: _n("Issue %(num)s document", "Issue %(num)s documents", number),
        _("These drafts will be numbered and can't be changed afterwards:"),
    ),
}


@bp.post("/bulk")
@allow(DOCUMENTS_ISSUE)
def bulk() -> ResponseReturnValue:
    """Issue several drafts."""
    return run(BULK, DOCUMENTS, url_for("admin.documents.index"))


@bp.get("/<uuid>")
@allow(DOCUMENTS_VIEW)
def show(uuid: str) -> ResponseReturnValue:
    """Show a document with its lines, taxes, payments and timeline."""
    document = documents.find_document(uuid)
    is_draft = document.status == DocumentStatus.DRAFT
    return render_template(
        "admin/billing/documents/show.html",
        document=document,
        shown=issuing.fingerprint(document) if is_draft else "",
        order=links.order_of_document(document),
        missing=companies.missing_details(document.company),
        kind=KIND_LABELS[DocumentKind(document.kind)],
        state=state_of(document),
        payments=_payments(document),
        attempts=method_charges.attempts_of(document),
        in_flight=method_charges.IN_FLIGHT,
        try_of=charging.try_of,
        tries=charging.TRIES,
        method_label=payment_methods.label,
        gateway_titles=gateways.titles(),
        notes=_notes(document),
        credit=ledger.credit(document.client, document.company, document.currency),
        day=shown_day,
        steps=steps.of_document(document),
        step_label=step_label,
        days=shown_days,
        converted=converted_taxes.stated(document.converted_tax),
        shown_tax=shown_tax,
        Money=Money,
        public_link="" if is_draft else public_link(document),
        timeline=audit.timeline(actor(), "document", uuid, 20),
    )


@bp.get("/<uuid>/reasons")
@allow(DOCUMENTS_VIEW)
def reasons(uuid: str) -> ResponseReturnValue:
    """Explain the amounts of a document."""
    document = documents.find_document(uuid)
    return render_template(
        "admin/billing/documents/reasons.html",
        document=document,
        kind=KIND_LABELS[DocumentKind(document.kind)],
        lines=line_reasons(document),
        taxes=tax_reasons(document),
        Money=Money,
    )


@bp.route("/<uuid>/link", methods=["GET", "POST"])
@allow(DOCUMENTS_ISSUE)
def renew_link(uuid: str) -> ResponseReturnValue:
    """Renew the public link of a document, after a confirmation."""
    document = documents.find_document(uuid)
    check_linked(document)
    return _confirmed(
        lambda: renew(actor=actor(), uuid=uuid),
        _("Public link renewed."),
        title=_("Renew the public link of %(number)s?", number=document.number),
        button=_("Renew link"),
        back=url_for("admin.documents.show", uuid=uuid),
        goes=[_("The link that was sent before no longer opens the document")],
    )


@bp.get("/<uuid>/pdf")
@allow(DOCUMENTS_VIEW)
def pdf(uuid: str) -> ResponseReturnValue:
    """Return a document as PDF."""
    return pdf_response(documents.find_document(uuid))


@bp.get("/<uuid>/ubl")
@allow(DOCUMENTS_VIEW)
def ubl(uuid: str) -> ResponseReturnValue:
    """Return an invoice or credit note as UBL."""
    return ubl_response(documents.find_document(uuid))


@bp.post("/<uuid>/issue")
@allow(DOCUMENTS_ISSUE)
def issue(uuid: str) -> ResponseReturnValue:
    """Issue a draft."""
    with flashed_errors():
        draft = documents.find_document(uuid)
        total = request.form.get("total", type=int)
        expected = None if total is None else Money(total, draft.currency)
        issued = issuing.issue(
            actor=actor(), uuid=uuid, expected=expected, shown=request.form.get("shown", "")
        )
        flash(_("%(number)s issued.", number=issued.number), "good")
    return redirect(url_for("admin.documents.show", uuid=uuid))


@bp.route("/<uuid>/payment", methods=["GET", "POST"])
@allow(PAYMENTS_MANAGE)
def pay(uuid: str) -> ResponseReturnValue:
    """Record a payment of a document."""
    document = documents.find_document(uuid)
    if refused(lambda: payments.check_payable(document)):
        return redirect(url_for("admin.documents.show", uuid=uuid))
    form = PaymentForm(
        data={"amount": document.open, "currency": document.currency, "token": new_uuid()}
    )

    def save() -> tuple[Text, str]:
        payments.mark_paid(
            actor=actor(),
            document_uuid=uuid,
            reason=form.reason.data or "",
            amount=Money.from_major(form.amount.data, document.currency),
            received_on=form.received_on.data,
            token=(form.token.data or "")[:64],
        )
        return _("Payment recorded."), url_for("admin.documents.show", uuid=uuid)

    form.currency.data = document.currency
    return save_or_show(
        form,
        save,
        title=_("Record payment for %(number)s", number=document.number),
        crumbs=crumbs(document),
        label=_("Record payment"),
        consequence=_("Any amount above the amount due is added to the client's credit balance."),
    )


@bp.post("/<uuid>/credit-payment")
@allow(PAYMENTS_MANAGE)
def pay_from_credit(uuid: str) -> ResponseReturnValue:
    """Pay a document from the client's credit."""
    with flashed_errors():
        paid = payments.pay_from_credit(actor=actor(), document_uuid=uuid)
        flash(_("%(amount)s paid from credit.", amount=paid), "good")
    return redirect(url_for("admin.documents.show", uuid=uuid))


@bp.route("/<uuid>/write-off", methods=["GET", "POST"])
@allow(DOCUMENTS_ISSUE)
def write_off(uuid: str) -> ResponseReturnValue:
    """Write off what is open on an invoice."""
    document = documents.find_document(uuid)
    if refused(lambda: issuing.check_unpaid(document)):
        return redirect(url_for("admin.documents.show", uuid=uuid))
    form = WriteOffForm()

    def save() -> tuple[Text, str]:
        issuing.write_off(actor=actor(), uuid=uuid, reason=form.reason.data or "")
        return _("Invoice written off."), url_for("admin.documents.show", uuid=uuid)

    return save_or_show(
        form,
        save,
        title=_("Write off invoice %(number)s", number=document.number),
        crumbs=crumbs(document),
        label=_("Write off %(amount)s", amount=document.open),
        consequence=_("The client no longer owes it. This can't be undone."),
    )


@bp.route("/<uuid>/attempts/<attempt>", methods=["GET", "POST"])
@allow(PAYMENTS_MANAGE)
def mark_not_charged(uuid: str, attempt: str) -> ResponseReturnValue:
    """Record that a charge without an answer was not made."""
    document = documents.find_document(uuid)
    of_document = {row.uuid: row for row in method_charges.attempts_of(document)}
    found = of_document.get(attempt) or abort(404)
    form = WriteOffForm()

    def save() -> tuple[Text, str]:
        reason = form.reason.data or ""
        method_charges.mark_not_charged(actor=actor(), uuid=found.uuid, reason=reason)
        return _("Charge marked as not made."), url_for("admin.documents.show", uuid=uuid)

    return save_or_show(
        form,
        save,
        title=_("Mark the charge of %(amount)s as not made", amount=found.amount),
        crumbs=crumbs(document),
        label=_("Mark as not made"),
        consequence=_(
            "Look it up at the provider first: after this, the document can be charged again."
        ),
    )


@bp.route("/<uuid>/cancel", methods=["GET", "POST"])
@allow(DOCUMENTS_ISSUE)
def cancel(uuid: str) -> ResponseReturnValue:
    """Cancel an unpaid proforma, after a confirmation."""
    document = documents.find_document(uuid)
    if refused(lambda: issuing.check_cancellable(document)):
        return redirect(url_for("admin.documents.show", uuid=uuid))
    return _confirmed(
        lambda: issuing.cancel_proforma(actor=actor(), uuid=uuid),
        _("Proforma cancelled."),
        title=_("Cancel proforma %(number)s?", number=document.number),
        button=_("Cancel proforma"),
        back=url_for("admin.documents.show", uuid=uuid),
        goes=[_("The client can no longer pay it")],
    )


def _confirmed(
    run: Callable[[], object], done: Text, *, back: str, **page: object
) -> ResponseReturnValue:
    if request.method == "POST":
        with flashed_errors():
            run()
            flash(done, "good")
        return redirect(back)
    return render_template("admin/confirm.html", back=back, keep=_("Keep it"), **page)


def _payments(document: Document) -> Sequence[Any]:
    """Return what was allocated, with the payment, if it was not credit."""
    query = (
        sa.select(Allocation, Payment)
        .outerjoin(Payment, Payment.id == Allocation.payment_id)
        .where(Allocation.document_id == document.id)
        .order_by(Allocation.id)
    )
    return session().execute(query).all()


def _notes(document: Document) -> Sequence[Document]:
    """Return the credit notes of an invoice, or the invoice of a paid proforma."""
    query = sa.select(Document).where(
        sa.or_(Document.corrects_id == document.id, Document.origin_id == document.id)
    )
    return session().scalars(query.order_by(Document.id)).all()


def crumbs(document: Document) -> list[tuple[str, str]]:
    """Return the links above a page about a document."""
    name = document.number or str(_("Draft"))
    return [
        (str(_("Documents")), url_for("admin.documents.index")),
        (name, url_for("admin.documents.show", uuid=document.uuid)),
    ]
