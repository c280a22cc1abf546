"""Staff pages for coupons."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import BooleanField, DateField, IntegerField, StringField
from wtforms.validators import InputRequired, Length, Optional

from puqpanel.domain.permissions import PRODUCTS_MANAGE, PRODUCTS_VIEW
from puqpanel.domain.texts import Text
from puqpanel.infra.clock import now
from puqpanel.infra.db import session
from puqpanel.models import Coupon, Product
from puqpanel.operations.ordering import coupons
from puqpanel.operations.ordering.coupons import CouponValues
from puqpanel.web.answers import flash, flashed_errors
from puqpanel.web.documents import shown_day
from puqpanel.web.fields import CurrencyField
from puqpanel.web.forms import Form, MultiCheckboxField, _, choices, save_or_show
from puqpanel.web.guard import actor, allow
from puqpanel.web.locale import viewer_zone
from puqpanel.web.money_field import MoneyField, NumberField
from puqpanel.web.navigation import crumbs

bp = Blueprint("coupons", __name__, url_prefix="/coupons")


class CouponForm(Form):
    """A coupon."""

    code = StringField(
        _("Code"),
        [InputRequired(_("Enter a code.")), Length(max=40)],
        description=_("What customers enter, such as SPRING-26."),
    )
    percent = NumberField(
        _("Percent off"), [Optional()], description=_("Leave blank for a fixed amount.")
    )
    amount = MoneyField(
        _("Amount off"), [Optional()], description=_("Off the whole order, at most its price.")
    )
    currency = CurrencyField(
        _("Currency"), description=_("Of the amount. Orders in other currencies can't use it.")
    )
    cycles = IntegerField(
        _("Periods"),
        [Optional()],
        default=1,
        description=_("How many periods of a service are reduced. Leave blank for all."),
    )
    setup = BooleanField(_("Setup fees too"))
    valid_from = DateField(_("Valid from"), [Optional()])
    valid_until = DateField(
        _("Valid until"), [Optional()], description=_("The last day. Leave blank for no limit.")
    )
    max_uses = IntegerField(
        _("Total uses"),
        [Optional()],
        description=_("How many orders can use it. Leave blank for no limit."),
    )
    once_per_client = BooleanField(_("Once per client"))
    products = MultiCheckboxField(
        _("Products"), description=_("Select none to allow all products.")
    )

    def coupon_values(self) -> CouponValues:
        """Return what was entered."""
        entered = {field.short_name: field.data for field in self if field.short_name in FIELDS}
        return CouponValues(**{**entered, "products": tuple(self.products.data or ())})


FIELDS = CouponValues.__dataclass_fields__.keys()


def _form(coupon: Coupon | None = None) -> CouponForm:
    form = CouponForm(obj=coupon)
    query = sa.select(Product.uuid, Product.name).order_by(Product.name, Product.id)
    chosen = coupon.products if coupon else []
    rows = session().execute(query.where(sa.or_(Product.active, Product.uuid.in_(chosen))))
    form.products.choices = choices((row.uuid, row.name) for row in rows)
    return form


def state(coupon: Coupon, today: date) -> str:
    """Return what the list shows of a coupon: `active`, `later`, `used_up` or `ended`."""
    if coupon.ended_at is not None or (coupon.valid_until and coupon.valid_until < today):
        return "ended"
    if coupon.max_uses is not None and coupon.uses >= coupon.max_uses:
        return "used_up"
    return "later" if coupon.valid_from and coupon.valid_from > today else "active"


@bp.get("/")
@allow(PRODUCTS_VIEW)
def index() -> ResponseReturnValue:
    """List coupons."""
    return render_template(
        "admin/ordering/coupons/index.html",
        rows=coupons.coupons(),
        today=now().astimezone(viewer_zone()).date(),
        state=state,
        day=shown_day,
    )


@bp.route("/new", methods=["GET", "POST"])
@allow(PRODUCTS_MANAGE)
def create() -> ResponseReturnValue:
    """Create a coupon."""
    form = _form()

    def save() -> tuple[Text, str]:
        made = coupons.save_coupon(actor=actor(), uuid=None, values=form.coupon_values())
        return _("Coupon %(code)s created.", code=made.code), url_for("admin.coupons.index")

    return save_or_show(
        form,
        save,
        title=_("Add coupon"),
        crumbs=crumbs("coupons"),
        label=_("Add coupon"),
        wide=("products",),
    )


@bp.route("/<uuid>/edit", methods=["GET", "POST"])
@allow(PRODUCTS_MANAGE)
def edit(uuid: str) -> ResponseReturnValue:
    """Change a coupon."""
    coupon = coupons.find_coupon(uuid)
    form = _form(coupon)
    form.code.render_kw = {"readonly": True}

    def save() -> tuple[Text, str]:
        coupons.save_coupon(actor=actor(), uuid=uuid, values=form.coupon_values())
        return _("Coupon saved."), url_for("admin.coupons.index")

    return save_or_show(
        form,
        save,
        title=_("Edit %(name)s", name=coupon.code),
        crumbs=crumbs("coupons"),
        label=_("Save coupon"),
        consequence=_("Orders that used it keep their discount."),
        wide=("products",),
    )


@bp.route("/<uuid>/end", methods=["GET", "POST"])
@allow(PRODUCTS_MANAGE)
def end(uuid: str) -> ResponseReturnValue:
    """End a coupon, after a confirmation."""
    coupon, back = coupons.find_coupon(uuid), url_for("admin.coupons.index")
    if request.method == "POST":
        with flashed_errors():
            coupons.end_coupon(actor=actor(), uuid=uuid)
            flash(_("Coupon %(code)s ended.", code=coupon.code), "good")
        return redirect(back)
    return render_template(
        "admin/confirm.html",
        title=_("End %(name)s?", name=coupon.code),
        button=_("End coupon"),
        back=back,
        goes=[_("New orders can no longer use it")],
        stays=_("Orders that used it keep their discount."),
    )
