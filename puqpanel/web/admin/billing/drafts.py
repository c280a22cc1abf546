"""Staff pages for drafts: an editor with a line for each row, which works without JavaScript."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import (
    FieldList,
    FormField,
    SelectField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms import Form as PlainForm
from wtforms.validators import Length

from puqpanel.domain.decimals import format_localized, is_ambiguous, parse_localized
from puqpanel.domain.document_states import KIND_LABELS
from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.errors import UserError
from puqpanel.domain.money import Money, exponent
from puqpanel.domain.permissions import DOCUMENTS_MANAGE
from puqpanel.domain.tax import PriceEntry
from puqpanel.domain.tax_rules import class_label
from puqpanel.models import Client, Company, Document
from puqpanel.operations.accounts import clients
from puqpanel.operations.billing import companies, documents, taxes
from puqpanel.operations.billing.documents import Draft
from puqpanel.operations.billing.lines import MAX_LINES, Line, Reckoning
from puqpanel.web.answers import flash, flashed_errors, refused
from puqpanel.web.edits import EditForm, unchanged
from puqpanel.web.forms import Translations, _, choices, errors_in, form_page
from puqpanel.web.guard import actor, allow
from puqpanel.web.locale import viewer_locale
from puqpanel.web.money_field import format_number

bp = Blueprint("drafts", __name__, url_prefix="/documents/drafts")
MINUS = ("-", "−")


class SignedField(StringField):
    """A decimal number that may be negative; `data` is an exact Decimal.

    `places` are the decimals of its currency: with three, 1.000 has one reading.
    """

    data: Any
    places = 0

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        if self.data is None:
            return ""
        shown = format_number(abs(self.data))
        if is_ambiguous(shown) and self.places < 3:
            shown = _with_fourth_decimal(shown)
        return ("−" if self.data < 0 else "") + shown

    def pre_validate(self, form: Any) -> None:
        """Read what was typed; an empty field counts as none."""
        typed = str(self.raw_data[0]).strip() if self.raw_data else ""
        self.data = None
        if not typed:
            return
        unsigned = typed.lstrip("-− ")
        number = parse_localized(unsigned, viewer_locale(), grouping=False)
        if is_ambiguous(unsigned) and (number is None or self.places < 3):
            text = _(
                "“%(number)s” can be read in two ways. Enter %(thousands)s or %(decimal)s.",
                number=typed[:40],
                thousands=unsigned.replace(",", "").replace(".", ""),
                decimal=_with_fourth_decimal(unsigned),
            )
            raise ValidationError(str(text))
        if number is None:
            text = _(
                "“%(number)s” is not a valid number. Enter it in this form: %(example)s.",
                number=typed[:40],
                example=format_number(Decimal("1234.5")),
            )
            raise ValidationError(str(text))
        self.data = -number if typed.startswith(MINUS) else number


def _with_fourth_decimal(ambiguous: str) -> str:
    """Return 1.000 as a number that can't be read as a thousand."""
    return format_localized(Decimal(ambiguous.replace(",", ".")), viewer_locale(), 4)


class LineForm(PlainForm):
    """A line of a draft; it is ignored if its description and price are empty."""

    class Meta:
        """WTForms settings."""

        def get_translations(self, form: object) -> Translations:
            """Return the wording of error messages."""
            return Translations()

    description = StringField(_("Description"), [Length(max=500)])
    details = StringField(_("Details"), [Length(max=1000)])
    quantity = SignedField(_("Quantity"))
    unit_price = SignedField(_("Price"))
    tax_class = SelectField(
        _("Tax class"),
        choices=lambda: choices((key, class_label(key)) for key in taxes.tax_classes()),
    )

    def validate_unit_price(self, field: SignedField) -> None:
        """Ask for the price of what is described."""
        if field.data is None and not field.errors and (self.description.data or "").strip():
            raise ValidationError(str(_("Enter a price, or 0 if it is free.")))


class DraftForm(EditForm):
    """A draft."""

    kind = SelectField(
        _("Type"),
        choices=lambda: choices(
            (str(kind), KIND_LABELS[kind]) for kind in (DocumentKind.INVOICE, DocumentKind.PROFORMA)
        ),
    )
    company = SelectField(
        _("Company"),
        choices=lambda: choices(
            (each.uuid, each.name) for each in companies.companies() if each.active
        ),
    )
    reference = StringField(
        _("Reference"),
        [Length(max=200)],
        description=_("The client's own, such as a purchase order."),
    )
    notes = TextAreaField(_("Text below the totals"), [Length(max=2000)])
    lines = FieldList(FormField(LineForm), min_entries=1, max_entries=MAX_LINES)

    def entries(self) -> list[Any]:
        """Return the forms of the lines."""
        return [entry.form for entry in self.lines]

    def set_currency(self, currency: str) -> None:
        """Read prices as amounts in a currency."""
        for entry in self.entries():
            entry.unit_price.places = exponent(currency)

    def problems(self) -> list[str]:
        """Return all errors as sentences, those of a line with its number."""
        found = [str(text) for text in self.form_errors]
        found += [str(text) for field in self if field is not self.lines for text in field.errors]
        found += [text for text in self.lines.errors if isinstance(text, str)]
        for number, entry in enumerate(self.entries(), 1):
            texts = [str(text) for field in entry for text in field.errors]
            found += [
                str(_("Line %(number)s: %(text)s", number=number, text=text)) for text in texts
            ]
        return found

    def draft(self) -> Draft:
        """Return what was entered."""
        lines = [
            Line(
                description=entry.description.data or "",
                details=entry.details.data or "",
                quantity=Decimal(1) if entry.quantity.data is None else entry.quantity.data,
                unit_price=entry.unit_price.data or Decimal(0),
                tax_class=entry.tax_class.data,
            )
            for entry in self.entries()
            if (entry.description.data or "").strip() or entry.unit_price.data
        ]
        return Draft(lines, self.reference.data or "", self.notes.data or "")


@bp.route("/new/<client_uuid>", methods=["GET", "POST"])
@allow(DOCUMENTS_MANAGE)
def create(client_uuid: str) -> ResponseReturnValue:
    """Write a draft for a client."""
    client = clients.find_client(client_uuid)
    with flashed_errors():
        company = companies.company_for(client)
        form = DraftForm(data={"company": company.uuid, "reference": client.reference})
        form.set_currency(client.currency)
        if _edited(form):
            with errors_in(form):
                document = documents.create_draft(
                    actor=actor(),
                    client_uuid=client_uuid,
                    draft=form.draft(),
                    kind=form.kind.data,
                    company_uuid=form.company.data,
                )
                flash(_("Draft saved."), "good")
                return redirect(url_for("admin.documents.show", uuid=document.uuid))
        chosen = companies.find_company(form.company.data) if form.company.data else company
        return _page(form, client, chosen, client.currency)
    return redirect(url_for("admin.clients.show", uuid=client_uuid))


@bp.route("/<uuid>/edit", methods=["GET", "POST"])
@allow(DOCUMENTS_MANAGE)
def edit(uuid: str) -> ResponseReturnValue:
    """Change a draft."""
    document = documents.find_document(uuid)
    if refused(lambda: documents.check_editable(document)):
        return redirect(url_for("admin.documents.show", uuid=uuid))
    form = _edit_form(document)
    if _edited(form):
        with errors_in(form):
            with unchanged(form, lambda: _edit_form(documents.lock_for_edit(uuid))):
                documents.save_draft(actor=actor(), uuid=uuid, draft=form.draft())
            flash(_("Draft saved."), "good")
            return redirect(url_for("admin.documents.show", uuid=uuid))
    return _page(form, document.client, document.company, document.currency, document)


@bp.route("/<uuid>/delete", methods=["GET", "POST"])
@allow(DOCUMENTS_MANAGE)
def delete(uuid: str) -> ResponseReturnValue:
    """Delete a draft, after a confirmation."""
    document = documents.find_document(uuid)
    back = url_for("admin.documents.show", uuid=uuid)
    if refused(lambda: documents.check_draft(document)):
        return redirect(back)
    if request.method == "POST":
        with flashed_errors():
            documents.delete_draft(actor=actor(), uuid=uuid)
            flash(_("Draft deleted."), "good")
            return redirect(url_for("admin.documents.index"))
        return redirect(back)
    return render_template(
        "admin/confirm.html",
        title=_("Delete this draft?"),
        button=_("Delete draft"),
        back=back,
        keep=_("Keep it"),
        goes=[
            _(
                "The draft of %(total)s for %(client)s",
                total=document.total,
                client=document.client.name,
            )
        ],
    )


def _edit_form(document: Document) -> DraftForm:
    names = ("description", "details", "quantity", "unit_price", "tax_class")
    form = DraftForm(
        data={
            "lines": [{name: getattr(row, name) for name in names} for row in document.lines],
            "reference": document.reference,
            "notes": document.notes,
        }
    )
    del form.kind, form.company
    form.set_currency(document.currency)
    return form


def _edited(form: DraftForm) -> bool:
    """Return whether the draft is to be saved; a button may ask for a further line instead."""
    if not form.is_submitted():
        return False
    is_valid = bool(form.validate())
    if "add" in request.form:
        form.lines.append_entry()
    return is_valid and "save" in request.form


def _page(
    form: DraftForm,
    client: Client,
    company: Company,
    currency: str,
    document: Document | None = None,
) -> ResponseReturnValue:
    crumbs = [
        (str(_("Documents")), url_for("admin.documents.index")),
        (client.name, url_for("admin.clients.show", uuid=client.uuid)),
    ]
    return form_page(
        form,
        "admin/billing/documents/draft.html",
        client=client,
        company=company,
        missing=companies.missing_details(company),
        currency=currency,
        document=document,
        crumbs=crumbs,
        is_net=(document.entry if document else company.entry) == PriceEntry.NET,
        reckoning=_reckoning(form, client, company, document),
        Money=Money,
    )


def _reckoning(
    form: DraftForm, client: Client, company: Company, document: Document | None
) -> Reckoning | None:
    """Return what the lines amount to; None if they are not valid yet."""
    if any(entry.errors for entry in form.entries()):
        return None
    currency, entry = (document.currency, document.entry) if document else (client.currency, "")
    try:
        return documents.preview(client, company, form.draft().lines, currency, entry)
    except UserError:
        return None
