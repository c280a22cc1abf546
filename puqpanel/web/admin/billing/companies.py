"""Staff pages for companies: who sells, number series, and tax rules."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import (
    BooleanField,
    EmailField,
    FileField,
    IntegerField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length

from puqpanel.domain.document_states import KIND_LABELS
from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.numbering import Reset, number_text
from puqpanel.domain.permissions import COMPANIES_MANAGE, COMPANIES_VIEW
from puqpanel.domain.tax import PriceEntry, TaxCategory
from puqpanel.domain.tax_rules import BUYER_LABELS, EU
from puqpanel.domain.texts import Text
from puqpanel.models import Company
from puqpanel.operations.billing import companies, ledger, tax_tables, taxes
from puqpanel.operations.billing.print_failures import LOGO, TEMPLATE, failure
from puqpanel.operations.system import audit
from puqpanel.web.answers import flash, flashed_errors
from puqpanel.web.edits import EditForm, unchanged
from puqpanel.web.fields import CountryField, RegionField, TimeZoneField, countries, country_name
from puqpanel.web.forms import Form, _, choices, save_or_show
from puqpanel.web.guard import actor, allow

bp = Blueprint("companies", __name__, url_prefix="/companies")
ENTRIES = {
    PriceEntry.NET: _("Excluding tax (net)"),
    PriceEntry.GROSS: _("Including tax (gross)"),
}
RESETS = {
    Reset.NEVER: _("Never"),
    Reset.YEARLY: _("Each year"),
    Reset.MONTHLY: _("Each month"),
}
CATEGORIES = {
    TaxCategory.STANDARD: _("S: standard (rates of the buyer's country)"),
    TaxCategory.ZERO: _("Z: zero rate"),
    TaxCategory.EXEMPT: _("E: exempt"),
    TaxCategory.REVERSE_CHARGE: _("AE: reverse charge"),
    TaxCategory.EXPORT: _("G: export"),
    TaxCategory.OUTSIDE_SCOPE: _("O: outside the scope of VAT"),
}


class CompanyForm(EditForm):
    """A company."""

    name = StringField(_("Legal name"), [InputRequired(_("Enter a name.")), Length(max=200)])
    country = CountryField(_("Country"), blank=_("Choose a country…"))
    street = StringField(_("Street"), [Length(max=200)])
    postcode = StringField(_("Postal code"), [Length(max=20)])
    city = StringField(_("City"), [Length(max=100)])
    region = RegionField(_("State or province"), [Length(max=100)])
    vat_number = StringField(_("VAT number"), [Length(max=40)])
    tax_number = StringField(_("Tax number"), [Length(max=40)])
    registration = StringField(_("Registration"), [Length(max=200)])
    email = EmailField(_("E-mail"), [Length(max=254)])
    phone = StringField(_("Phone"), [Length(max=40)])
    website = StringField(_("Website"), [Length(max=200)])
    bank_holder = StringField(
        _("Account holder"), [Length(max=200)], description=_("If different from the legal name.")
    )
    bank = StringField(_("Bank"), [Length(max=200)])
    iban = StringField("IBAN", [Length(max=50)])
    bic = StringField("BIC", [Length(max=20)])
    entry = SelectField(_("Prices entered"), choices=lambda: choices(ENTRIES.items()))
    zone = TimeZoneField(
        _("Time zone"), default="UTC", description=_("Used for the dates on documents.")
    )
    due_days = IntegerField(_("Payment terms (days)"), [InputRequired()], default=14)
    countries = SelectMultipleField(
        _("Sells to"),
        choices=countries,
        description=_("The default company sells to all other countries."),
    )
    vat_registered = BooleanField(_("Registered for VAT"), default=True)
    one_stop_shop = BooleanField(
        _("EU One-Stop Shop"),
        description=_("Charges EU consumers the VAT rate of their own country."),
    )
    proforma_first = BooleanField(
        _("Issue a proforma first"),
        description=_("The invoice is issued when the proforma is paid."),
    )
    active = BooleanField(_("Active"), default=True)
    logo_file = FileField(_("Logo"), description=_("PNG, JPEG, WebP or SVG, for documents."))
    notes = TextAreaField(
        _("Text on all documents"), [Length(max=2000)], description=_("Printed below the totals.")
    )


FIELDS = tuple(
    name for name in vars(CompanyForm) if not name.startswith("_") and name != "logo_file"
)


class SeriesForm(EditForm):
    """The numbers of one kind of document."""

    pattern = StringField(
        _("Pattern"),
        [InputRequired(_("Enter a pattern.")), Length(max=80)],
        description=_(
            "Fields: {year}, {yy}, {month}, {number}, and {number:04} with leading zeros."
        ),
    )
    reset = SelectField(_("Restart numbering"), choices=lambda: choices(RESETS.items()))


class RuleForm(Form):
    """A tax rule of a company."""

    country = CountryField(_("Country of the buyer"), blank=_("All countries"))
    region = RegionField(_("State or province"), [Length(max=100)])
    buyer_kind = SelectField(
        _("Buyer"), choices=lambda: choices([("", _("All buyers")), *BUYER_LABELS.items()])
    )
    category = SelectField(
        _("Tax"),
        choices=lambda: choices(CATEGORIES.items()),
        description=_("Reverse charge applies only to buyers with a VAT or tax number."),
    )
    reason = TextAreaField(
        _("Reason on documents"),
        [Length(max=1000)],
        description=_(
            "Why no tax is charged, such as the article of law. Standard and zero rates have no"
            " reason."
        ),
    )


@bp.get("/")
@allow(COMPANIES_VIEW)
def index() -> ResponseReturnValue:
    """List companies."""
    return render_template(
        "admin/billing/companies/index.html",
        rows=companies.companies(),
        country_name=country_name,
        next_number=_next_number,
    )


@bp.route("/new", methods=["GET", "POST"])
@allow(COMPANIES_MANAGE)
def create() -> ResponseReturnValue:
    """Add a company; the first one that charges VAT of the EU also loads its rates."""
    form = CompanyForm()

    def save() -> tuple[Text, str]:
        company = companies.save_company(actor=actor(), uuid=None, values=_values(form))
        if (company.country in EU or company.one_stop_shop) and not taxes.rates():
            taxes.load_eu_rates(actor=actor())
        return _("%(name)s added.", name=company.name), url_for(
            "admin.companies.show", uuid=company.uuid
        )

    return save_or_show(
        form,
        save,
        "admin/billing/companies/form.html",
        title=_("Add company"),
        crumbs=_crumbs(),
        label=_("Add company"),
    )


@bp.get("/<uuid>")
@allow(COMPANIES_VIEW)
def show(uuid: str) -> ResponseReturnValue:
    """Show a company with its number series and tax rules."""
    company = companies.find_company(uuid)
    return render_template(
        "admin/billing/companies/show.html",
        company=company,
        template_failure=failure(TEMPLATE, company),
        logo_failure=failure(LOGO, company),
        missing=companies.missing_details(company),
        no_rates=[country_name(code) for code in tax_tables.missing_rates([company])],
        country_name=country_name,
        kinds=KIND_LABELS,
        next_number=_next_number,
        resets=RESETS,
        rules=tax_tables.rules(company),
        buyers=BUYER_LABELS,
        categories=CATEGORIES,
        entries=ENTRIES,
        timeline=audit.timeline(actor(), "company", uuid, 20),
    )


@bp.route("/<uuid>/edit", methods=["GET", "POST"])
@allow(COMPANIES_MANAGE)
def edit(uuid: str) -> ResponseReturnValue:
    """Change a company."""
    company = companies.find_company(uuid)
    form = CompanyForm(obj=company)

    def save() -> tuple[Text, str]:
        with unchanged(form, lambda: CompanyForm(obj=companies.lock_company(uuid))):
            companies.save_company(actor=actor(), uuid=uuid, values=_values(form))
        return _("Company saved."), url_for("admin.companies.show", uuid=uuid)

    return save_or_show(
        form,
        save,
        "admin/billing/companies/form.html",
        title=_("Edit %(name)s", name=company.name),
        crumbs=_crumbs(company),
        label=_("Save company"),
        consequence=_("Issued documents don't change."),
    )


@bp.post("/<uuid>/default")
@allow(COMPANIES_MANAGE)
def make_default(uuid: str) -> ResponseReturnValue:
    """Make a company the default one."""
    with flashed_errors():
        companies.make_default(actor=actor(), uuid=uuid)
        flash(_("Default company changed."), "good")
    return redirect(url_for("admin.companies.show", uuid=uuid))


@bp.route("/<uuid>/series/<kind>", methods=["GET", "POST"])
@allow(COMPANIES_MANAGE)
def series(uuid: str, kind: str) -> ResponseReturnValue:
    """Change the numbers of one kind of document."""
    company = companies.find_company(uuid)
    if kind not in set(DocumentKind):
        abort(404)
    found = companies.find_series(company, kind)
    form = SeriesForm(obj=found)

    def save() -> tuple[Text, str]:
        with unchanged(form, lambda: SeriesForm(obj=companies.lock_series(company.id, kind))):
            companies.save_series(
                actor=actor(), company_uuid=uuid, kind=kind, **form.values("pattern", "reset")
            )
        return _("Numbering saved."), url_for("admin.companies.show", uuid=uuid)

    return save_or_show(
        form,
        save,
        title=_("Numbering: %(kind)s", kind=KIND_LABELS[DocumentKind(kind)]),
        crumbs=_crumbs(company),
        label=_("Save numbering"),
        consequence=_("Numbers already issued don't change."),
    )


@bp.route("/<uuid>/rules/new", methods=["GET", "POST"])
@allow(COMPANIES_MANAGE)
def add_rule(uuid: str) -> ResponseReturnValue:
    """Add a tax rule."""
    company = companies.find_company(uuid)
    form = RuleForm()

    def save() -> tuple[Text, str]:
        fields = form.values("country", "region", "buyer_kind", "category", "reason")
        taxes.save_rule(actor=actor(), company_uuid=uuid, **fields)
        return _("Tax rule saved."), url_for("admin.companies.show", uuid=uuid)

    return save_or_show(
        form,
        save,
        title=_("Add tax rule"),
        crumbs=_crumbs(company),
        label=_("Save tax rule"),
        consequence=_("Takes precedence over the built-in rules. The most specific rule applies."),
    )


@bp.post("/<uuid>/rules/delete")
@allow(COMPANIES_MANAGE)
def delete_rule(uuid: str) -> ResponseReturnValue:
    """Delete a tax rule."""
    with flashed_errors():
        taxes.delete_rule(actor=actor(), uuid=request.form.get("rule", ""))
        flash(_("Tax rule deleted."), "good")
    return redirect(url_for("admin.companies.show", uuid=uuid))


def _values(form: CompanyForm) -> dict[str, object]:
    """Return the fields, with the content of a new logo."""
    values = {name: form[name].data for name in FIELDS}
    values = {name: "" if value is None else value for name, value in values.items()}
    if uploaded := form.logo_file.data:
        values["logo_file"] = uploaded.read()
    return values


def _next_number(company: Company, kind: str = DocumentKind.INVOICE) -> str:
    """Return the number that the next document would get today."""
    found = companies.find_series(company, kind)
    today = ledger.today(company)
    return number_text(found.pattern, companies.next_count(found, today), today)


def _crumbs(company: Company | None = None) -> list[tuple[str, str]]:
    links = [(str(_("Companies")), url_for("admin.companies.index"))]
    if company is not None:
        links.append((company.name, url_for("admin.companies.show", uuid=company.uuid)))
    return links
