"""The page on which staff credit an invoice: all that is left of it, lines, or an amount."""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import HiddenField, StringField
from wtforms.validators import InputRequired, Length, Optional

from puqpanel.domain.errors import InvalidInput
from puqpanel.domain.money import Money
from puqpanel.domain.permissions import DOCUMENTS_ISSUE
from puqpanel.domain.texts import Text
from puqpanel.models import Document
from puqpanel.models.columns import new_uuid
from puqpanel.operations.billing import credit_notes, documents, uncredited
from puqpanel.web.admin.billing.documents import crumbs
from puqpanel.web.answers import refused
from puqpanel.web.documents import shown_days
from puqpanel.web.forms import Form, MultiCheckboxField, _, choices, save_or_show
from puqpanel.web.guard import actor, allow
from puqpanel.web.money_field import MoneyField
from puqpanel.web.prices import money

bp = Blueprint("credit_notes", __name__, url_prefix="/documents")


class CreditForm(Form):
    """A credit note."""

    lines = MultiCheckboxField(
        _("Lines"),
        coerce=int,
        description=_("Credits the remaining amounts of the selected lines, shown without tax."),
    )
    amount = MoneyField(
        _("Amount including tax"),
        [Optional()],
        description=_("Leave blank to credit the selected lines, or all that is left."),
    )
    currency = HiddenField()
    token = HiddenField()
    reason = StringField(
        _("Reason"),
        [InputRequired(_("Enter a reason. It is printed on the credit note.")), Length(max=500)],
        description=_("Printed on the credit note."),
    )


@bp.route("/<uuid>/credit-note", methods=["GET", "POST"])
@allow(DOCUMENTS_ISSUE)
def new(uuid: str) -> ResponseReturnValue:
    """Issue a credit note for an invoice."""
    invoice = documents.find_document(uuid)
    if refused(lambda: uncredited.check_creditable(invoice)):
        return redirect(url_for("admin.documents.show", uuid=uuid))
    left, sent = uncredited.creditable(invoice), request.form.getlist("lines")
    form = CreditForm(data={"currency": invoice.currency, "token": new_uuid()})
    form.currency.data = invoice.currency
    form.lines.choices = choices(
        (str(at), _label(invoice, at, net))
        for at, net in left.items()
        if net or str(at) in sent  # one that this form credited before, if it is sent twice
    )
    if len(form.lines.choices) < 2 and not sent:
        del form.lines

    def save() -> tuple[Text, str]:
        selected = form.lines.data if "lines" in form else None
        amount = form.amount.data
        if selected and amount is not None:
            raise InvalidInput({"amount": [_("Select lines or enter an amount, not both.")]})
        note = credit_notes.credit(
            actor=actor(),
            uuid=uuid,
            reason=form.reason.data or "",
            lines={at: left[at] for at in selected} if selected else None,
            amount=None if amount is None else Money.from_major(amount, invoice.currency),
            token=(form.token.data or "")[:64],
        )
        return _("%(number)s issued.", number=note.number), url_for(
            "admin.documents.show", uuid=note.uuid
        )

    return save_or_show(
        form,
        save,
        title=_("Credit invoice %(number)s", number=invoice.number),
        crumbs=crumbs(invoice),
        label=_("Issue credit note"),
        consequence=_(
            "The amount due is reduced first; the rest is added to the client's credit balance."
        ),
    )


def _label(invoice: Document, position: int, left: Money) -> str:
    """Return a line with its days and what is left of it, without tax."""
    row = next(row for row in invoice.lines if row.position == position)
    days = shown_days(row.period_start, row.period_end)
    described = f"{row.description} ({days})" if days else row.description
    return f"{described}: {money(left)}"
