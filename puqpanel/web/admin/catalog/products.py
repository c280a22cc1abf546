"""Staff pages for products and their module settings."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import BooleanField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from puqpanel.domain.errors import InvalidInput, UserError
from puqpanel.domain.money import CURRENCIES, PERIODS, Money
from puqpanel.host import calls
from puqpanel.infra.db import session
from puqpanel.models import Product
from puqpanel.operations.catalog import products
from puqpanel.operations.system import audit
from puqpanel.web.exports import csv_answer, csv_wanted
from puqpanel.web.forms import Form, add_errors, answers, choices
from puqpanel.web.guard import actor, allow
from puqpanel.web.list_page import Tab
from puqpanel.web.lists import Column, Filter, Listing, Sort

bp = Blueprint("products", __name__, url_prefix="/products")

PRODUCTS = Listing(
    sa.select(
        Product.uuid,
        Product.name,
        Product.description,
        Product.module,
        Product.price_minor,
        Product.currency,
        Product.period,
        Product.active,
        Product.created_at,
    ),
    key=Product.id,
    sorts={"name": Sort(Product.name), "new": Sort(Product.id, descending=True)},
    tabs={
        "all": Tab("All"),
        "active": Tab("On sale", Product.active),
        "inactive": Tab("Not on sale", ~Product.active),
    },
    filters={
        "module": Filter(
            "Module",
            lambda key: Product.module == key,
            choices=lambda: [(m.key, m.title) for m in products.product_modules()],
        ),
    },
    search=lambda text: sa.or_(Product.name.icontains(text, autoescape=True), Product.uuid == text),
    columns=(
        Column("Product", lambda row: row.name),
        Column("Module", lambda row: row.module),
        Column("Price", lambda row: Money(row.price_minor, row.currency).major),
        Column("Currency", lambda row: row.currency),
        Column("Period", lambda row: row.period),
        Column("On sale", lambda row: "yes" if row.active else "no"),
        Column("Created", lambda row: row.created_at),
        Column("UUID", lambda row: row.uuid),
    ),
    noun="products",
    placeholder="Name or ID",
)


class ProductForm(Form):
    """A product."""

    SAVED = ("name", "module", "price", "currency", "period", "active", "description")
    name = StringField(
        "Name",
        [InputRequired("Enter a name."), Length(max=200)],
        description="Shown to customers.",
    )
    module = SelectField(
        "Module",
        description="Provisions this product. Can't be changed once it has services.",
    )
    price = StringField(
        "Price", [InputRequired("Enter a price, or 0 if it is free."), Length(max=20)], default="0"
    )
    currency = SelectField("Currency", choices=choices((code, code) for code in CURRENCIES))
    period = SelectField(
        "Billing period",
        choices=choices(
            (key, "Once" if key == "one_time" else f"Every {word}") for key, word in PERIODS.items()
        ),
        default="monthly",
    )
    active = BooleanField("On sale", default=True)
    description = TextAreaField("Description", [Length(max=10_000)])


def _with_modules(form: ProductForm, current: str = "") -> ProductForm:
    """Fill the choices of the module field; an inactive current module stays selectable."""
    pairs = [("", "No module"), *((m.key, m.title) for m in products.product_modules())]
    if current and current not in dict(pairs):
        pairs.append((current, f"{current} (inactive)"))
    form.module.choices = choices(pairs)
    return form


@bp.get("/")
@allow("products.view")
def index() -> ResponseReturnValue:
    """List products."""
    if csv_wanted():
        return csv_answer(PRODUCTS, "products")
    page = PRODUCTS.page(session(), request.path, request.args)
    titles = {module.key: module.title for module in products.product_modules()}
    return render_template(
        "admin/catalog/products/index.html", list=page, Money=Money, periods=PERIODS, titles=titles
    )


@bp.get("/new")
@allow("products.manage")
def create_form() -> ResponseReturnValue:
    """Show the form of a new product."""
    return _new(_with_modules(ProductForm(data={"module": request.args.get("module", "")})))


@bp.post("/new")
@allow("products.manage")
def create_submit() -> ResponseReturnValue:
    """Create a product and continue to its module settings."""
    form = _with_modules(ProductForm())
    if form.validate_on_submit():
        try:
            product = products.save_product(
                actor=actor(), uuid=None, **form.values(*ProductForm.SAVED)
            )
        except UserError as error:
            add_errors(form, error)
        else:
            if product.module:
                flash(f"{product.name} added. Next, configure the module.", "good")
                return redirect(url_for("admin.products.settings_form", uuid=product.uuid))
            flash(f"{product.name} added.", "good")
            return redirect(url_for("admin.products.show", uuid=product.uuid))
    return _new(form), 422


def _new(form: ProductForm) -> str:
    back = url_for("admin.products.index")
    return render_template(
        "admin/form.html",
        title="Add product",
        crumbs=[("Products", back)],
        form=form,
        label="Add product",
        back=back,
    )


@bp.get("/<uuid>")
@allow("products.view")
def show(uuid: str) -> ResponseReturnValue:
    """Show a product."""
    product = products.find_product(uuid)
    return render_template(
        "admin/catalog/products/show.html",
        product=product,
        module=products.module_of(product),
        periods=PERIODS,
        timeline=audit.timeline("product", uuid, 20),
    )


@bp.get("/<uuid>/edit")
@allow("products.manage")
def edit_form(uuid: str) -> ResponseReturnValue:
    """Show the form of a product."""
    product = products.find_product(uuid)
    form = ProductForm(obj=product)
    form.price.data = str(product.price.major)
    return _edit(_with_modules(form, product.module), product)


@bp.post("/<uuid>/edit")
@allow("products.manage")
def edit_submit(uuid: str) -> ResponseReturnValue:
    """Update a product."""
    product = products.find_product(uuid)
    form = _with_modules(ProductForm(), product.module)
    if form.validate_on_submit():
        try:
            products.save_product(actor=actor(), uuid=uuid, **form.values(*ProductForm.SAVED))
        except UserError as error:
            add_errors(form, error)
        else:
            flash("Product saved.", "good")
            return redirect(url_for("admin.products.show", uuid=uuid))
    return _edit(form, products.find_product(uuid)), 422


def _edit(form: ProductForm, product: Product) -> str:
    back = url_for("admin.products.show", uuid=product.uuid)
    return render_template(
        "admin/form.html",
        title=f"Edit {product.name}",
        crumbs=[("Products", url_for("admin.products.index")), (product.name, back)],
        form=form,
        label="Save product",
        back=back,
        consequence="Existing services keep their price.",
    )


@bp.get("/<uuid>/settings")
@allow("products.manage")
def settings_form(uuid: str) -> ResponseReturnValue:
    """Show the module's form for the product: a page, or a fragment for htmx."""
    return _settings(products.find_product(uuid))


@bp.post("/<uuid>/settings")
@allow("products.manage")
def settings_submit(uuid: str) -> ResponseReturnValue:
    """Save the module's form."""
    data = answers()
    try:
        products.save_config(actor=actor(), uuid=uuid, data=data)
    except UserError as error:
        errors = error.errors if isinstance(error, InvalidInput) else {"": [str(error)]}
        return _settings(products.find_product(uuid), data, errors), 422
    flash("Module settings saved.", "good")
    return redirect(url_for("admin.products.show", uuid=uuid))


def _settings(
    product: Product, data: dict[str, Any] | None = None, errors: dict[str, list[str]] | None = None
) -> str:
    module = products.module_of(product)
    stored = None if data is None else {"product_data": data, "errors": errors or {}}
    called = (
        calls.invoke(
            calls.Call(
                module, "get_product_page", product_uuid=product.uuid, actor=actor(), stored=stored
            )
        )
        if module
        else None
    )
    fragment = "HX-Request" in request.headers
    return render_template(
        "admin/module_form.html" if fragment else "admin/catalog/products/settings.html",
        product=product,
        module=module,
        called=called,
        errors=errors or {},
        label="Save settings",
        action=url_for("admin.products.settings_submit", uuid=product.uuid),
        consequence="Applies to new services. Existing ones are updated by Change package.",
    )
