"""Staff pages for tax rates: by country, tax class and first day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import BooleanField, DateField, SelectField, StringField
from wtforms.validators import InputRequired, Length

from puqpanel.domain.permissions import COMPANIES_MANAGE, COMPANIES_VIEW
from puqpanel.domain.tax import MAX_TAXES
from puqpanel.domain.tax_rules import STANDARD_CLASS, class_label
from puqpanel.domain.texts import Text, _n
from puqpanel.operations.billing import taxes
from puqpanel.operations.billing.taxes import RateValues
from puqpanel.web.answers import flash, flashed_errors
from puqpanel.web.documents import shown_day
from puqpanel.web.edits import EditForm, unchanged
from puqpanel.web.fields import CountryField, RegionField, country_name
from puqpanel.web.forms import _, choices, save_or_show
from puqpanel.web.guard import actor, allow
from puqpanel.web.money_field import NumberField, format_number

bp = Blueprint("tax_rates", __name__, url_prefix="/tax-rates")


class RateForm(EditForm):
    """A tax rate."""

    country = CountryField(_("Country"), blank=_("Choose a country…"))
    region = RegionField(
        _("State or province"),
        [Length(max=100)],
        description=_("Leave blank for the whole country."),
    )
    name = StringField(_("Name"), [InputRequired(_("Enter a name."))], default="VAT")
    rate = NumberField(_("Rate in percent"), [InputRequired(_("Enter a rate."))])
    tax_class = StringField(
        _("Tax class"),
        [InputRequired(_("Enter a tax class.")), Length(max=40)],
        default=STANDARD_CLASS,
        description=_("Most products use “standard”."),
    )
    valid_from = DateField(_("Valid from"), [InputRequired(_("Enter a date."))])
    position = SelectField(
        _("Place"),
        coerce=int,
        choices=lambda: choices((str(at), str(at)) for at in range(1, MAX_TAXES + 1)),
        description=_("Where several taxes apply, such as GST and PST."),
    )
    compound = BooleanField(_("Compound"), description=_("Also charged on the preceding taxes."))

    def rate_values(self) -> RateValues:
        """Return what was entered."""
        return RateValues(
            **self.values("country", "name", "rate", "region", "tax_class", "compound"),
            valid_from=self.valid_from.data or date.min,
            position=self.position.data,
        )


@bp.get("/")
@allow(COMPANIES_VIEW)
def index() -> ResponseReturnValue:
    """List tax rates."""
    return render_template(
        "admin/billing/tax_rates/index.html",
        class_label=class_label,
        rows=taxes.rates(),
        country_name=country_name,
        format_number=format_number,
        day=shown_day,
        first_day=taxes.FIRST_DAY,
    )


@bp.route("/new", methods=["GET", "POST"])
@allow(COMPANIES_MANAGE)
def create() -> ResponseReturnValue:
    """Add a tax rate."""
    form = RateForm()

    def save() -> None:
        taxes.save_rate(actor=actor(), uuid=None, values=form.rate_values())

    return _page(form, save, _("Add tax rate"))


@bp.route("/<uuid>/edit", methods=["GET", "POST"])
@allow(COMPANIES_MANAGE)
def edit(uuid: str) -> ResponseReturnValue:
    """Change a tax rate."""
    form = RateForm(obj=taxes.find_rate(uuid))

    def save() -> None:
        with unchanged(form, lambda: RateForm(obj=taxes.lock_rate(uuid))):
            taxes.save_rate(actor=actor(), uuid=uuid, values=form.rate_values())

    return _page(form, save, _("Edit tax rate"))


@bp.route("/<uuid>/delete", methods=["GET", "POST"])
@allow(COMPANIES_MANAGE)
def delete(uuid: str) -> ResponseReturnValue:
    """Delete a tax rate, after a confirmation."""
    row, back = taxes.find_rate(uuid), url_for("admin.tax_rates.index")
    if request.method == "POST":
        with flashed_errors():
            taxes.delete_rate(actor=actor(), uuid=uuid)
            flash(_("Tax rate deleted."), "good")
        return redirect(back)
    return render_template(
        "admin/confirm.html",
        title=_("Delete this tax rate?"),
        button=_("Delete tax rate"),
        back=back,
        goes=[f"{country_name(row.country)}, {row.name} {format_number(row.rate)} %"],
        stays=_("Issued documents don't change."),
    )


@bp.post("/load")
@allow(COMPANIES_MANAGE)
def load() -> ResponseReturnValue:
    """Add the VAT rates of the EU that are missing."""
    with flashed_errors():
        added = taxes.load_eu_rates(actor=actor())
        flash(
            _n("%(num)s rate added.", "%(num)s rates added.", added)
            if added
            else _("All rates are up to date."),
            "good",
        )
    return redirect(url_for("admin.tax_rates.index"))


def _page(form: RateForm, operation: Callable[[], None], title: Text) -> ResponseReturnValue:
    def save() -> tuple[Text, str]:
        operation()
        return _("Tax rate saved."), url_for("admin.tax_rates.index")

    return save_or_show(
        form,
        save,
        title=title,
        crumbs=[(str(_("Tax rates")), url_for("admin.tax_rates.index"))],
        label=_("Save tax rate"),
        consequence=_("Issued documents don't change."),
    )
