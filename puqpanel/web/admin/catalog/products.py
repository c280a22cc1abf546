"""Staff pages for products and their module settings."""

from __future__ import annotations

from functools import partial
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import BooleanField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from puqpanel.domain.money import Money
from puqpanel.domain.periods import Period
from puqpanel.domain.permissions import PRODUCTS_MANAGE, PRODUCTS_VIEW, TASKS_VIEW
from puqpanel.domain.texts import Text
from puqpanel.models import Price, Product, ProductGroup
from puqpanel.operations.catalog import groups, prices, products
from puqpanel.operations.oversight import tasks
from puqpanel.operations.system import audit
from puqpanel.web.admin.settings_page import settings_page
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


def _amount(row: Any) -> Money:
    return Money(row.recurring_minor, row.currency)


def _sold_for(period: str) -> sa.ColumnElement[bool]:
    offered = sa.select(Price.product_id).where(Price.period == period, Price.live.is_(True))
    return Product.id.in_(offered)


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


def _with_modules(form: ProductForm, current: str = "") -> ProductForm:
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
    return render_template(
        "admin/catalog/products/show.html",
        product=product,
        prices=prices.prices_of(product),
        module=products.module_of(product),
        needs_settings=products.needs_settings(product),
        tasks=tasks.tasks_about("product", uuid, 5) if can(TASKS_VIEW) else [],
        timeline=audit.timeline("product", uuid, 20),
    )


@bp.route("/<uuid>/edit", methods=["GET", "POST"])
@allow(PRODUCTS_MANAGE)
def edit(uuid: str) -> ResponseReturnValue:
    """Update a product."""
    product = products.find_product(uuid)
    form = _with_modules(ProductForm(obj=product), product.module)

    def save() -> tuple[Text, str]:
        products.save_product(actor=actor(), uuid=uuid, **form.values(*ProductForm.SAVED))
        return _("Product saved."), url_for("admin.products.show", uuid=uuid)

    return save_or_show(
        form,
        save,
        title=_("Edit %(name)s", name=product.name),
        crumbs=crumbs("products", product),
        label=_("Save product"),
        consequence=_("Existing services keep their price."),
    )


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
