"""Staff pages that assign a parked payment to a client, or close it."""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import RadioField, SelectField, StringField
from wtforms.validators import InputRequired, Length

from puqpanel.domain.permissions import PAYMENTS_MANAGE
from puqpanel.domain.texts import Text
from puqpanel.models import Client, Document, Payment
from puqpanel.operations.accounts.clients import find_client
from puqpanel.operations.billing import companies, parked_payments, suggested_documents
from puqpanel.operations.billing.refunds import find_payment
from puqpanel.web.admin.accounts.pick import find_clients
from puqpanel.web.admin.billing.payments import crumbs
from puqpanel.web.answers import refused
from puqpanel.web.forms import Form, MultiCheckboxField, _, choices, form_page, save_or_show
from puqpanel.web.guard import actor, allow
from puqpanel.web.prices import money

bp = Blueprint("parked_payments", __name__, url_prefix="/payments")
CLIENT_TEMPLATE = "admin/billing/payments/client.html"


class PayerForm(Form):
    """Who paid."""

    find = StringField(_("Find a client"))
    client = StringField(_("Client"), [InputRequired(_("Choose a client."))])


class AssignForm(Form):
    """What a parked payment pays."""

    documents = MultiCheckboxField(_("Documents"))
    company = SelectField(_("Company"))
    reason = StringField(
        _("Note"),
        [Length(max=500)],
        description=_("For your records, such as “confirmed by phone”."),
    )


class CloseForm(Form):
    """Why a parked payment is closed."""

    outcome = RadioField(
        _("Outcome"),
        [InputRequired(_("Choose an outcome."))],
        choices=choices(
            [
                ("sent_back", _("Sent back to the payer")),
                ("not_ours", _("Does not concern this panel")),
            ]
        ),
    )
    reason = StringField(_("Reason"), [InputRequired(_("Enter a reason.")), Length(max=500)])


@bp.route("/<uuid>/assign", methods=["GET", "POST"])
@allow(PAYMENTS_MANAGE)
def assign(uuid: str) -> ResponseReturnValue:
    """Assign a parked payment: first the client, then the documents."""
    payment = find_payment(uuid)
    if refused(lambda: parked_payments.check_parked(payment)):
        return redirect(url_for("admin.payments.show", uuid=uuid))
    chosen = request.args.get("client", "")
    return _documents(payment, find_client(chosen)) if chosen else _payer(payment)


def _payer(payment: Payment) -> ResponseReturnValue:
    """Choose the client, or search clients if "Find" was clicked."""
    known = payment.client.uuid if payment.client else ""
    form = PayerForm(data={"client": known})
    context = {
        "payment": payment,
        "suggestions": suggested_documents.suggestions(payment),
        "crumbs": crumbs(payment),
    }
    if "look" in request.form:
        found = find_clients(form.find.data)
        form.client.data = found.only()
        return form_page(form, CLIENT_TEMPLATE, found=found, **context)[0]
    found = find_clients(form.find.data, form.client.data or "")
    if form.is_submitted() and not form.client.data and (only := found.only()):
        form.client.data, form.client.raw_data = only, [only]

    def save() -> tuple[Text | str, str]:
        client = find_client(str(form.client.data))
        page = url_for("admin.parked_payments.assign", uuid=payment.uuid, client=client.uuid)
        return "", page

    return save_or_show(form, save, CLIENT_TEMPLATE, found=found, **context)


def _documents(payment: Payment, client: Client) -> ResponseReturnValue:
    """Choose what the payment of a client pays."""
    payable = suggested_documents.payable_documents(client, payment.currency)
    named = request.args.getlist("document")
    likely = [row.document.uuid for row in suggested_documents.suggestions(payment)]
    ticked = [row.uuid for row in payable if row.uuid in (named or likely)]
    form = AssignForm(data={"documents": ticked if named else ticked[:1]})
    sellers = companies.companies()
    several = len(sellers) > 1
    form.documents.choices = choices((row.uuid, _label(row, several)) for row in payable)
    form.company.choices = choices(
        [("", _("Company of the documents")), *((row.uuid, row.name) for row in sellers)]
    )
    form.company.description = _("Who was paid. The rest becomes credit at this company.")
    if not several:
        del form.company
    if not payable:
        del form.documents

    def save() -> tuple[Text, str]:
        parked_payments.assign(
            actor=actor(),
            uuid=payment.uuid,
            client_uuid=client.uuid,
            company_uuid=(form.company.data or "") if several else "",
            documents=(form.documents.data or []) if payable else [],
            reason=form.reason.data or "",
        )
        return (
            _("Payment assigned to %(name)s.", name=client.name),
            url_for("admin.payments.show", uuid=payment.uuid),
        )

    return save_or_show(
        form,
        save,
        "admin/billing/payments/assign.html",
        payment=payment,
        client=client,
        crumbs=crumbs(payment),
    )


def _label(document: Document, several: bool) -> str:
    """Return a document with what is due on it, and its company if there are several."""
    due = _("%(number)s: %(amount)s due", number=document.number, amount=money(document.open))
    return f"{due} · {document.company.name}" if several else str(due)


@bp.route("/<uuid>/close", methods=["GET", "POST"])
@allow(PAYMENTS_MANAGE)
def close(uuid: str) -> ResponseReturnValue:
    """Close a parked payment that was sent back or does not concern the panel."""
    payment = find_payment(uuid)
    page = url_for("admin.payments.show", uuid=uuid)
    if refused(lambda: parked_payments.check_parked(payment)):
        return redirect(page)
    form = CloseForm()

    def save() -> tuple[Text, str]:
        parked_payments.dismiss(
            actor=actor(),
            uuid=uuid,
            reason=form.reason.data or "",
            sent_back=form.outcome.data == "sent_back",
        )
        return _("Payment closed."), page

    return save_or_show(
        form,
        save,
        title=_("Close the parked payment of %(amount)s", amount=money(payment.amount)),
        crumbs=crumbs(payment),
        label=_("Close payment"),
        consequence=_(
            "Send the money back at the provider yourself; this only records it. It can't be"
            " undone."
        ),
    )
