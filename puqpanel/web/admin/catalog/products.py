"""Products, and the settings that their module keeps with them."""

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
    """What is sold."""

    ASKED = ("name", "module", "price", "currency", "period", "active", "description")
    name = StringField(
        "Name",
        [InputRequired("A name is needed."), Length(max=200)],
        description="As customers see it.",
    )
    module = SelectField(
        "Module",
        description="What makes it at the provider. It cannot be changed once services exist.",
    )
    price = StringField(
        "Price", [InputRequired("A price is needed, 0 for nothing."), Length(max=20)], default="0"
    )
    currency = SelectField("Currency", choices=choices((code, code) for code in CURRENCIES))
    period = SelectField("For each", choices=choices(PERIODS.items()), default="monthly")
    active = BooleanField("On sale", default=True)
    description = TextAreaField("Description", [Length(max=10_000)])


def _offer(form: ProductForm, held: str = "") -> ProductForm:
    pairs = [
        ("", "None: nothing is made at a provider"),
        *((m.key, m.title) for m in products.product_modules()),
    ]
    if held and held not in dict(pairs):
        pairs.append((held, f"{held} (not switched on)"))
    form.module.choices = choices(pairs)
    return form


@bp.get("/")
@allow("products.view")
def index() -> ResponseReturnValue:
    """The list."""
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
    """The form of a new product."""
    return _new(_offer(ProductForm(data={"module": request.args.get("module", "")})))


@bp.post("/new")
@allow("products.manage")
def create_submit() -> ResponseReturnValue:
    """Makes a product, then leads on to its module's settings."""
    form = _offer(ProductForm())
    if form.validate_on_submit():
        try:
            product = products.save_product(
                actor=actor(), uuid=None, **form.values(*ProductForm.ASKED)
            )
        except UserError as error:
            add_errors(form, error)
        else:
            flash(
                f"{product.name} was added."
                + (" Now say how its module makes it." if product.module else ""),
                "good",
            )
            return redirect(
                url_for(
                    "admin.products.settings_form" if product.module else "admin.products.show",
                    uuid=product.uuid,
                )
            )
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
    """One product."""
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
    """The form of a product."""
    product = products.find_product(uuid)
    return _edit(
        _offer(ProductForm(obj=product, data={"price": str(product.price.major)}), product.module),
        product,
    )


@bp.post("/<uuid>/edit")
@allow("products.manage")
def edit_submit(uuid: str) -> ResponseReturnValue:
    """Changes a product."""
    product = products.find_product(uuid)
    form = _offer(ProductForm(), product.module)
    if form.validate_on_submit():
        try:
            products.save_product(actor=actor(), uuid=uuid, **form.values(*ProductForm.ASKED))
        except UserError as error:
            add_errors(form, error)
        else:
            flash("The product was saved.", "good")
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
        consequence="Services keep the price they were sold at.",
    )


@bp.get("/<uuid>/settings")
@allow("products.manage")
def settings_form(uuid: str) -> ResponseReturnValue:
    """The module's form for this product; alone where a page asks for it as a fragment."""
    return _settings(products.find_product(uuid))


@bp.post("/<uuid>/settings")
@allow("products.manage")
def settings_submit(uuid: str) -> ResponseReturnValue:
    """Lets the module check and keep its form."""
    sent = answers()
    try:
        products.save_config(actor=actor(), uuid=uuid, data=sent)
    except UserError as error:
        errors = error.errors if isinstance(error, InvalidInput) else {"": [str(error)]}
        return _settings(products.find_product(uuid), sent, errors), 422
    flash("The module's settings were saved.", "good")
    return redirect(url_for("admin.products.show", uuid=uuid))


def _settings(
    product: Product, sent: dict[str, Any] | None = None, errors: dict[str, list[str]] | None = None
) -> str:
    module = products.module_of(product)
    stored = None if sent is None else {"product_data": sent, "errors": errors or {}}
    called = (
        calls.invoke(
            calls.Call(
                module, "get_product_page", product_uuid=product.uuid, actor=actor(), stored=stored
            )
        )
        if module
        else None
    )
    template = (
        "admin/module_form.html"
        if request.headers.get("HX-Request")
        else "admin/catalog/products/settings.html"
    )
    return render_template(
        template,
        product=product,
        module=module,
        called=called,
        errors=errors or {},
        label="Save settings",
        action=url_for("admin.products.settings_submit", uuid=product.uuid),
        consequence="New services use them at once, existing ones with Change package.",
    )
