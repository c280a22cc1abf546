"""The pages of the shop: what is sold, and a product with its options and its price.

The price is computed on the server, by the function that also charges; the button “Update price”
sends a change of period or options, and with JavaScript the price follows each change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from puqpanel.domain.catalog import BillingMode
from puqpanel.domain.errors import InvalidInput, UserError
from puqpanel.domain.periods import Period
from puqpanel.domain.pricing import Quote
from puqpanel.domain.tax_rules import NoTaxRateError
from puqpanel.domain.texts import _
from puqpanel.models import Price, Product
from puqpanel.operations.billing.companies import NoCompanyError, company_for
from puqpanel.operations.billing.ledger import today
from puqpanel.operations.catalog.offered_options import offered, prices_in
from puqpanel.operations.catalog.options import groups_of
from puqpanel.operations.catalog.prices import prices_of
from puqpanel.operations.catalog.products import NotConfiguredError
from puqpanel.operations.ordering import order_forms, shop
from puqpanel.operations.ordering.cart_prices import choices_of
from puqpanel.operations.ordering.carts import MAX_SERVICES, CartItem
from puqpanel.operations.ordering.coupons import clean_code, valid_coupon
from puqpanel.operations.ordering.quotes import price_choices
from puqpanel.web import limits
from puqpanel.web.fields import country_name
from puqpanel.web.forms import field_errors
from puqpanel.web.guard import public
from puqpanel.web.prices import EVERY
from puqpanel.web.shop import choices, page_cache, shopper

bp = Blueprint("products", __name__)
Errors = dict[str, list[str]]
TOO_MANY_CODES = _("Too many coupon codes were tried from your network. Try again in an hour.")


@bp.get("/")
@public
def index() -> ResponseReturnValue:
    """Show what is sold."""
    body = page_cache.part(
        ("index", shopper.currency(), shopper.country()),
        lambda: render_template(
            "shop/index_body.html",
            shelves=shop.shelves(shopper.currency()),
            excludes_tax=shop.excludes_tax(shopper.buyer()),
        ),
    )
    return render_template("shop/index.html", body=body)


@bp.route("/<slug>", methods=["GET", "POST"])
@public
def show(slug: str) -> ResponseReturnValue:
    """Show a product with its options; a change of them shows the new price."""
    product = shop.find_offered(slug)
    if request.method == "POST" or not set(request.args) <= {"currency", "country"}:
        return page(product, {})
    body = page_cache.part(
        ("product", slug, shopper.currency(), shopper.country()), lambda: _body(product, {})[0]
    )
    return render_template("shop/product.html", product=product, body=body)


@bp.get("/<slug>/price")
@public
def price(slug: str) -> ResponseReturnValue:
    """Return the part of a product's page that shows the price of what is chosen."""
    product = shop.find_offered(slug)
    item, quote, errors = _quoted(product, _offered(product), {})
    shown = render_template(
        "shop/price_part.html",
        product=product,
        item=item,
        quote=quote,
        errors=errors,
        submitted=choices.submitted(),
        **_options(product, item),
    )
    # htmx shows no answer with an error code
    return shown, 422 if errors and "HX-Request" not in request.headers else 200


def page(product: Product, errors: Errors) -> tuple[str, int]:
    """Return the page of a product with what was chosen; 422 if a form was refused.

    Args:
        product: the product.
        errors: why the form was refused, by field.
    """
    body, errors = _body(product, errors)
    finished = page_cache.finished(body)
    shown = render_template("shop/product.html", product=product, body=finished)
    return shown, 422 if errors and request.method == "POST" else 200


def _body(product: Product, errors: Errors) -> tuple[str, Errors]:
    """Return the part of a product's page below the navigation, and the errors that it shows."""
    rows = _offered(product)
    item, quote, errors = _quoted(product, rows, errors)
    shown = render_template(
        "shop/product_body.html",
        csrf_placeholder=page_cache.TOKEN,
        product=product,
        prices=rows,
        item=item,
        **_options(product, item),
        quote=quote,
        errors=errors,
        coupon=clean_code(choices.submitted().get("coupon", "")),
        every=EVERY,
        countable=not order_forms.has_form(product),
        max_quantity=MAX_SERVICES,
        is_free=product.billing_mode == BillingMode.FREE,
        replaces="item" in choices.submitted(),
    )
    return shown, errors


def reasons(error: UserError) -> Errors:
    """Return why an order is refused; what only staff can mend is not explained to customers."""
    if isinstance(error, NoTaxRateError) and error.country:
        text = _(
            "This product can't be ordered from %(country)s at the moment. Contact support.",
            country=country_name(error.country),
        )
        return {"": [str(text)]}
    if isinstance(error, NoTaxRateError | NoCompanyError | NotConfiguredError):
        text = _("This product can't be ordered at the moment. Contact support.")
        return {"": [str(text)]}
    return field_errors(error)


def first_period(product: Product) -> str:
    """Return the period that is chosen on a new page: the shortest one."""
    rows = _offered(product)
    return rows[0].period if rows else Period.ONE_TIME.value


def _options(product: Product, item: CartItem) -> dict[str, Any]:
    """Return the option groups of a product with what can be ordered, their labels and prices."""
    groups = groups_of(product)
    prices = prices_in(product, groups, shopper.currency(), item.period)
    labels = {group.key: group.label for group in groups}
    return {"groups": offered(groups, prices), "option_prices": prices, "labels": labels}


def _offered(product: Product) -> Sequence[Price]:
    currency = shopper.currency()
    return [row for row in prices_of(product) if row.currency == currency]


def _quoted(
    product: Product, rows: Sequence[Price], errors: Mapping[str, list[str]]
) -> tuple[CartItem, Quote | None, Errors]:
    """Return what was chosen with its price, and why it has none."""
    found: dict[str, Any] = dict(errors)
    period = rows[0].period if rows else Period.ONE_TIME.value
    item = CartItem(product.uuid, period)
    try:
        item = choices.item_of(product, period)
        choices.check_quantity(product, item.quantity)
    except InvalidInput as error:
        item = replace(item, quantity=1)  # what the button adds
        found = found or field_errors(error)
    client = shopper.buyer()
    try:
        company, chosen = company_for(client), choices_of(item, product)
        quote = price_choices(company, client, chosen).quote
    except UserError as error:
        return item, None, found or reasons(error)
    code = choices.submitted().get("coupon", "")
    if code and not limits.may_try_code():
        found = found or {"coupon": [str(TOO_MANY_CODES)]}
    elif code:
        try:
            coupon = valid_coupon(code, client, today(company))
            quote = price_choices(company, client, chosen, coupon).quote
        except InvalidInput as error:
            limits.count_code()
            found = found or field_errors(error)
    return item, quote, found
