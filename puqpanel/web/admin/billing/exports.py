"""Staff pages for exports: the documents of a company's period as ZIP and as tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from itertools import chain
from typing import Any

from flask import (
    Blueprint,
    Response,
    redirect,
    render_template,
    request,
    stream_with_context,
    url_for,
)
from flask.typing import ResponseReturnValue
from wtforms import BooleanField, DateField, IntegerField, SelectField
from wtforms.validators import InputRequired

from puqpanel.domain.document_states import KIND_LABELS
from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.errors import UserError
from puqpanel.domain.permissions import DOCUMENTS_VIEW
from puqpanel.models import Document
from puqpanel.operations.billing import companies, export_tables, exports, ledger
from puqpanel.operations.billing.companies import NO_COMPANY
from puqpanel.operations.billing.export_datev import Accounts, datev_csv
from puqpanel.operations.billing.export_jpk import jpk_csv
from puqpanel.operations.billing.exports import Selection
from puqpanel.web import live_parts
from puqpanel.web.answers import flash, flashed_errors
from puqpanel.web.forms import Form, MultiCheckboxField, _, choices, errors_in, field_errors
from puqpanel.web.guard import actor, allow

bp = Blueprint("exports", __name__, url_prefix="/documents/export")
BOM = "\ufeff"
TAX_KINDS = (DocumentKind.INVOICE, DocumentKind.CREDIT_NOTE)
"""What tax records have; proformas are no tax invoices."""


class ExportForm(Form):
    """What to export; it is sent in the URL, so that a page can be reloaded and bookmarked."""

    company = SelectField(
        _("Company"),
        choices=lambda: choices((each.uuid, each.name) for each in companies.companies()),
    )
    start = DateField(_("From"), [InputRequired(_("Enter a valid date."))])
    end = DateField(_("To"), [InputRequired(_("Enter a valid date."))])
    kinds = MultiCheckboxField(
        _("Types"), choices=lambda: choices((str(key), text) for key, text in KIND_LABELS.items())
    )

    def selection(self) -> Selection:
        """Return what was entered."""
        start, end = self.start.data, self.end.data
        assert start is not None
        assert end is not None
        return Selection(self.company.data, start, end, tuple(self.kinds.data or ()))


class FileForm(Form):
    """Options of the files, which are sent in the URL too."""

    ubl = BooleanField(_("Include UBL"))
    consultant = IntegerField(_("Consultant number"), default=1001)
    client = IntegerField(_("Client number"), default=1)
    receivables = IntegerField(_("Receivables account"), default=10000)
    revenue = IntegerField(_("Revenue account"), default=4400)


@bp.get("/")
@allow(DOCUMENTS_VIEW)
def index() -> ResponseReturnValue:
    """Show the form, and what was selected."""
    form = _form()
    if form is None:
        return redirect(url_for("admin.companies.index"))
    context = _context(form) if request.args else {}
    page = render_template(
        "admin/billing/exports/index.html", form=form, file_form=_file_form(), **context
    )
    return page, 422 if form.errors else 200


@bp.get("/live")
@allow(DOCUMENTS_VIEW)
def live() -> ResponseReturnValue:
    """Return the progress as a fragment; reload the page once nothing runs any more."""
    form = _form()
    context = _context(form) if form is not None else {}
    if "state" not in context:
        return redirect(url_for("admin.exports.index"))
    fragment = render_template("admin/billing/exports/_live.html", **context)
    return live_parts.answer(fragment, busy=context["state"].busy)


@bp.post("/prepare")
@allow(DOCUMENTS_VIEW)
def prepare() -> ResponseReturnValue:
    """Start the task that makes the missing PDFs."""
    form = _form()
    if form is not None and form.validate():
        with flashed_errors():
            exports.request(actor=actor(), selection=form.selection())
            flash(_("The PDFs are being generated. You can leave this page."), "good")
    return redirect(_back())


@bp.get("/files/<any('zip', 'documents', 'lines', 'jpk', 'datev'):file>")
@allow(DOCUMENTS_VIEW)
def download(file: str) -> ResponseReturnValue:
    """Return a file, made while it is downloaded."""
    form, options = _form(), _file_form()
    back = _back()
    if form is None or not form.validate():
        return redirect(back)
    try:
        selection = form.selection()
        parts = FILES[file](selection, options)
    except UserError as error:
        flash(
            " ".join(str(text) for texts in field_errors(error).values() for text in texts), "bad"
        )
        return redirect(back)
    name = f"EXTF_{selection.name}.csv" if file == "datev" else f"{selection.name}-{file}.csv"
    if file == "zip":
        name = f"{selection.name}.zip"
    kind = "application/zip" if file == "zip" else "text/csv"
    response = Response(stream_with_context(parts), mimetype=kind)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


def _zip(selection: Selection, options: FileForm) -> Iterator[bytes]:
    return exports.zip_of(actor=actor(), selection=selection, with_ubl=bool(options.ubl.data))


def _documents(selection: Selection, _options: FileForm) -> Iterator[str]:
    return chain((BOM,), export_tables.documents_csv(_rows(selection)))


def _lines(selection: Selection, _options: FileForm) -> Iterator[str]:
    return chain((BOM,), export_tables.lines_csv(_rows(selection)))


def _jpk(selection: Selection, _options: FileForm) -> Iterator[str]:
    if selection.company.country != "PL":
        raise UserError(_("JPK_V7M is for companies in Poland only."))
    return chain((BOM,), jpk_csv(_rows(_taxed(selection))))


def _datev(selection: Selection, options: FileForm) -> Iterator[str]:
    accounts = Accounts(**{name: options[name].data or 0 for name in Accounts.__dataclass_fields__})
    taxed = _taxed(selection)
    return chain((BOM,), datev_csv(taxed, accounts, _rows(taxed)))


FILES: dict[str, Callable[[Selection, FileForm], Iterator[Any]]] = {
    "zip": _zip,
    "documents": _documents,
    "lines": _lines,
    "jpk": _jpk,
    "datev": _datev,
}


def _rows(selection: Selection) -> Iterator[Document]:
    return exports.documents_of(actor=actor(), selection=selection)


def _taxed(selection: Selection) -> Selection:
    """Return the selection without proformas."""
    kinds = tuple(kind for kind in selection.kinds if kind in TAX_KINDS)
    return Selection(selection.company_uuid, selection.start, selection.end, kinds)


def _form() -> ExportForm | None:
    """Return the form with the values of the URL, or of last month; None without a company."""
    company = next(iter(companies.companies()), None)
    if company is None:
        flash(NO_COMPANY, "warn")
        return None
    last = ledger.today(company).replace(day=1) - timedelta(days=1)
    first: dict[str, str | date | list[str]] = {
        "company": company.uuid,
        "start": last.replace(day=1),
        "end": last,
        "kinds": [str(kind) for kind in TAX_KINDS],
    }
    return ExportForm(request.args or None, data=first, meta={"csrf": False})


def _back() -> str:
    """Return the URL of the page with the same query."""
    query: dict[str, Any] = request.args.to_dict(flat=False)
    return url_for("admin.exports.index", **query)


def _file_form() -> FileForm:
    has_options = "consultant" in request.args or "ubl" in request.args
    return FileForm(request.args if has_options else None, meta={"csrf": False})


def _context(form: ExportForm) -> dict[str, Any]:
    """Return what the page shows of a valid form; the errors are in the form."""
    if form.validate():
        with errors_in(form):
            selection = form.selection()
            state = exports.state_of(actor=actor(), selection=selection)
            query = selection.data()
            query["company"] = query.pop("company_uuid")
            return {
                "state": state,
                "query": query,
                "is_polish": selection.company.country == "PL",
            }
    return {}
