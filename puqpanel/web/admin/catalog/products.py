"""Staff pages for products and their module settings."""

from __future__ import annotations

from dataclasses import fields
from functools import partial
from typing import Any, TypeVar

import sqlalchemy as sa
from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import (
    BooleanField,
    IntegerField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, Optional

from puqpanel.domain.catalog import BillingMode, ProvisioningPolicy
from puqpanel.domain.money import Money
from puqpanel.domain.periods import Period
from puqpanel.domain.permissions import PRODUCTS_MANAGE, PRODUCTS_VIEW, TASKS_VIEW
from puqpanel.domain.slugs import MAX_LENGTH
from puqpanel.domain.tax_rules import STANDARD_CLASS, class_label
from puqpanel.domain.texts import Text
from puqpanel.infra.db import session
from puqpanel.models import CountryTax, Price, Product, ProductGroup
from puqpanel.operations.catalog import groups, options, prices, products
from puqpanel.operations.catalog.offered_options import unpriced
from puqpanel.operations.oversight import tasks
from puqpanel.operations.system import audit
from puqpanel.web.admin.catalog.options import describe
from puqpanel.web.admin.settings_page import settings_page
from puqpanel.web.edits import EditForm, unchanged
from puqpanel.web.fields import CurrencyField
from puqpanel.web.forms import Form, _, choices, save_or_show
from puqpanel.web.guard import actor, allow, can
from puqpanel.web.list_filters import Filter, date_filter, uuid_starts
from puqpanel.web.list_page import Column, Tab
from puqpanel.web.list_view import list_view
from puqpanel.web.lists import Listing, Sort
from puqpanel.web.money_field import MoneyField
from puqpanel.web.navigation import crumbs
from puqpanel.web.prices import EVERY

bp = Blueprint("products", __name__, url_prefix="/products")

MODES = {
    BillingMode.RECURRING: _("Recurring invoices"),
    BillingMode.PREPAID: _("Prepaid, from credit"),
    BillingMode.ONE_TIME: _("One-time"),
    BillingMode.FREE: _("Free"),
}
POLICIES = {
    ProvisioningPolicy.AT_PAYMENT: _("After the first payment"),
    ProvisioningPolicy.AT_ORDER: _("When ordered"),
    ProvisioningPolicy.BY_HAND: _("Manually by staff"),
}


def _amount(row: Any) -> Money:
    return Money(row.recurring_minor, row.currency)


def _sold_for(period: str) -> sa.ColumnElement[bool]:
    offered = sa.select(Price.product_id).where(Price.period == period, Price.live.is_(True))
    return Product.id.in_(offered)


FormOf = TypeVar("FormOf", bound="ProductForm")
PRODUCTS = Listing(
    sa.select(
        Product.uuid,
        Product.name,
        Product.description,
        Product.module,
        Product.billing_mode,
        Price.recurring_minor,
        Price.currency,
        Price.period,
        ProductGroup.name.label("group"),
        Product.active,
        Product.configured,
        Product.created_at,
    )
    .select_from(Product)
    .outerjoin(Price, Price.id == prices.first_price())
    .outerjoin(ProductGroup, ProductGroup.id == Product.group_id),
    key=Product.id,
    sorts={"name": Sort(Product.name), "new": Sort(Product.id, descending=True)},
    tabs={
        "all": Tab(_("All")),
        "active": Tab(_("On sale"), Product.active),
        "inactive": Tab(_("Not on sale"), ~Product.active),
    },
    filters={
        "group": Filter(
            _("Group"),
            lambda uuid: ProductGroup.uuid == uuid,
            choices=lambda: [(each.group.uuid, each.group.name) for each in groups.groups()],
        ),
        "module": Filter(
            _("Module"),
            lambda key: Product.module == key,
            choices=lambda: [(m.key, m.title) for m in products.product_modules()],
        ),
        "period": Filter(
            _("Billing period"),
            lambda key: _sold_for(key) if key in EVERY else None,
            choices=lambda: [(key, str(word)) for key, word in EVERY.items()],
        ),
        "created": date_filter(_("Created"), Product.created_at),
    },
    search=lambda text: sa.or_(Product.matches(text), uuid_starts(Product.uuid, text)),
    columns={
        "product": Column(_("Product"), lambda row: row.name),
        "module": Column(_("Module"), lambda row: row.module),
        "group": Column(_("Group"), lambda row: row.group or ""),
        "price": Column(_("Price"), lambda row: _amount(row).major if row.currency else ""),
        "currency": Column(_("Currency"), lambda row: row.currency or "", export_only=True),
        "period": Column(_("Period"), lambda row: row.period or "", export_only=True),
        "on_sale": Column(_("On sale"), lambda row: "yes" if row.active else "no"),
        "created": Column(_("Created"), lambda row: row.created_at),
        "uuid": Column("UUID", lambda row: row.uuid, export_only=True),
    },
    noun="products",
    placeholder=_("Name or ID"),
)


class ProductForm(Form):
    """A product."""

    SAVED: tuple[str, ...] = ("name", "module", "active", "description")
    name = StringField(
        _("Name"),
        [InputRequired(_("Enter a name.")), Length(max=200)],
        description=_("Shown to customers."),
    )
    module = SelectField(
        _("Module"),
        description=_("Provisions this product. Can't be changed once it has services."),
    )
    active = BooleanField(_("On sale"), default=True)
    description = TextAreaField(_("Description"), [Length(max=10_000)])


class DetailsForm(ProductForm, EditForm):
    """A product with how it is shown, billed and provisioned."""

    SECTIONS = (
        (_("Product"), ("name", "module", "description", "active")),
        (_("Shop"), ("group_uuid", "slug", "position", "stock", "highlighted", "hidden")),
        (_("Billing"), ("billing_mode", "tax_class", "anchor_day", "next_after")),
        (
            _("Services"),
            ("provisioning", "suspend_after_days", "terminate_after_days", "welcome"),
        ),
    )
    group_uuid = SelectField(_("Group"))
    slug = StringField(
        _("Shop URL"),
        [Length(max=MAX_LENGTH)],
        description=_("Leave blank to generate it from the name."),
    )
    position = IntegerField(
        _("Position"),
        [InputRequired(_("Enter a whole number."))],
        description=_("Smaller numbers come first."),
    )
    stock = IntegerField(
        _("Stock"), [Optional()], description=_("How many are left to sell; blank for no limit.")
    )
    highlighted = BooleanField(_("Recommended"), description=_("Highlighted in the shop."))
    hidden = BooleanField(
        _("Hidden"), description=_("Not listed in the shop, but available by direct link.")
    )
    billing_mode = SelectField(
        _("Billing mode"),
        choices=lambda: choices((key, str(text)) for key, text in MODES.items()),
        description=_("Determines which billing periods can have prices."),
    )
    tax_class = SelectField(_("Tax class"), description=_("Which tax rates apply."))
    anchor_day = IntegerField(
        _("Billing day of the month"),
        [Optional()],
        description=_(
            "Periods begin on this day; the days before it are prorated."
            " Leave blank to begin on the order date."
        ),
    )
    next_after = IntegerField(
        _("Also charge the next period after day"),
        [Optional()],
        description=_("Orders after this day of the month also pay the first full period."),
    )
    provisioning = SelectField(
        _("Provisioning"),
        choices=lambda: choices((key, str(text)) for key, text in POLICIES.items()),
        description=_("When a service is created at the provider."),
    )
    suspend_after_days = IntegerField(
        _("Suspend after (days)"),
        [Optional()],
        description=_("Days after the due date of an unpaid invoice. Leave blank for never."),
    )
    terminate_after_days = IntegerField(
        _("Terminate after (days)"),
        [Optional()],
        description=_("Days after the due date of an unpaid invoice. Leave blank for never."),
    )
    welcome = TextAreaField(
        _("Welcome text"),
        [Length(max=10_000)],
        description=_("Shown to the customer once the service is active."),
    )


class NewProductForm(ProductForm):
    """A new product with its first price."""

    SAVED = (*ProductForm.SAVED, "price", "currency", "period")
    price = MoneyField(
        _("Price"),
        [InputRequired(_("Enter a price, or 0 if it is free."))],
        default=0,
        description=_("More currencies and periods can be added afterwards."),
    )
    currency = CurrencyField(_("Currency"))
    period = SelectField(
        _("Billing period"),
        choices=lambda: choices((key, str(text)) for key, text in EVERY.items()),
        default=Period.MONTHLY.value,
    )


def _with_modules(form: FormOf, current: str = "") -> FormOf:
    """Fill the choices of the module field; an inactive current module stays selectable."""
    pairs = [("", _("No module")), *((m.key, m.title) for m in products.product_modules())]
    if current and current not in dict(pairs):
        pairs.append((current, _("%(current)s (inactive)", current=current)))
    form.module.choices = choices(pairs)
    return form


@bp.get("/")
@allow(PRODUCTS_VIEW)
def index() -> ResponseReturnValue:
    """List products."""
    return list_view(
        PRODUCTS,
        "products",
        "admin/catalog/products/index.html",
        amount=_amount,
        without_settings=products.modules_without_settings(),
        titles={module.key: module.title for module in products.product_modules()},
    )


@bp.route("/new", methods=["GET", "POST"])
@allow(PRODUCTS_MANAGE)
def create() -> ResponseReturnValue:
    """Create a product and continue to its module settings."""
    form = _with_modules(NewProductForm(data={"module": request.args.get("module", "")}))

    def save() -> tuple[Text, str]:
        product = products.save_product(actor=actor(), uuid=None, **form.values(*form.SAVED))
        if product.module:
            page = url_for("admin.products.settings", uuid=product.uuid)
            return _("%(name)s added. Next, configure the module.", name=product.name), page
        return _("%(name)s added.", name=product.name), url_for(
            "admin.products.show", uuid=product.uuid
        )

    return save_or_show(
        form, save, title=_("Add product"), crumbs=crumbs("products"), label=_("Add product")
    )


@bp.get("/<uuid>")
@allow(PRODUCTS_VIEW)
def show(uuid: str) -> ResponseReturnValue:
    """Show a product."""
    product = products.find_product(uuid)
    rows, attached = prices.prices_of(product), options.groups_of(product)
    return render_template(
        "admin/catalog/products/show.html",
        product=product,
        prices=rows,
        groups=attached,
        unpriced=unpriced(attached, {(row.currency, row.period) for row in rows}),
        describe=describe,
        mode=MODES[BillingMode(product.billing_mode)],
        policy=POLICIES[ProvisioningPolicy(product.provisioning)],
        module=products.module_of(product),
        needs_settings=products.needs_settings(product),
        tasks=tasks.tasks_about("product", uuid, 5) if can(TASKS_VIEW) else [],
        timeline=audit.timeline(actor(), "product", uuid, 20),
    )


@bp.route("/<uuid>/edit", methods=["GET", "POST"])
@allow(PRODUCTS_MANAGE)
def edit(uuid: str) -> ResponseReturnValue:
    """Update a product."""
    product = products.find_product(uuid)
    form = _details_form(product)

    def save() -> tuple[Text, str]:
        names = [field.name for field in fields(products.Details)]
        with unchanged(form, lambda: _details_form(products.lock_product(uuid))):
            products.save_product(
                actor=actor(),
                uuid=uuid,
                details=products.Details(**{name: form[name].data for name in names}),
                **form.values(*ProductForm.SAVED),
            )
        return _("Product saved."), url_for("admin.products.show", uuid=uuid)

    return save_or_show(
        form,
        save,
        "admin/catalog/products/edit.html",
        title=_("Edit %(name)s", name=product.name),
        crumbs=crumbs("products", product),
        label=_("Save product"),
        consequence=_("Existing services keep their price."),
    )


def _details_form(product: Product) -> DetailsForm:
    listed = groups.groups()
    group = next((row.group.uuid for row in listed if row.group.id == product.group_id), "")
    form = DetailsForm(obj=product, data={"group_uuid": group})
    _with_modules(form, product.module)
    form.group_uuid.choices = choices(
        [
            ("", _("No group")),
            *((row.group.uuid, "– " * row.level + row.group.name) for row in listed),
        ]
    )
    known = session().scalars(sa.select(CountryTax.tax_class).distinct())
    classes = sorted({STANDARD_CLASS, product.tax_class, *known})
    form.tax_class.choices = choices((each, class_label(each)) for each in classes)
    return form


@bp.route("/<uuid>/settings", methods=["GET", "POST"])
@allow(PRODUCTS_MANAGE)
def settings(uuid: str) -> ResponseReturnValue:
    """Show or save the module's form for the product."""
    product = products.find_product(uuid)
    return settings_page(
        product,
        products.module_of(product),
        partial(products.save_config, actor=actor(), uuid=uuid),
        consequence=_("Applies to new services. To update existing ones, run Change package."),
    )
