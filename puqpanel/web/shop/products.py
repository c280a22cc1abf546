"""The pages of the shop: what is sold, and a product with its options and its price.

The price is computed on the server, by the function that also charges; the button “Update price”
sends a change of period or options.
"""

from __future__ import annotations

import secrets
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from puqpanel.domain.catalog import BillingMode
from puqpanel.domain.errors import UserError
from puqpanel.domain.money import Money
from puqpanel.domain.periods import Period
from puqpanel.domain.permissions import CLIENT_ORDERS_MANAGE
from puqpanel.domain.tax_rules import NoTaxRateError
from puqpanel.domain.texts import _
from puqpanel.host import calls, registry
from puqpanel.models import Client, Product
from puqpanel.operations.accounts.clients import find_client
from puqpanel.operations.billing.companies import NoCompanyError, company_for
from puqpanel.operations.catalog.options import groups_of
from puqpanel.operations.catalog.prices import prices_of
from puqpanel.operations.catalog.products import NotConfiguredError
from puqpanel.operations.ordering import orders, shop
from puqpanel.operations.ordering.orders import Request
from puqpanel.operations.ordering.quotes import Choice, price_choices
from puqpanel.operations.system import currencies, settings
from puqpanel.web.answers import flash
from puqpanel.web.forms import answers, field_errors
from puqpanel.web.guard import actor, current_client, customer, find_principal, public
from puqpanel.web.prices import EVERY

bp = Blueprint("products", __name__)
OURS = "shop."
"""Prefix of the shop's own fields, so that the fields of a module keep their names."""


@bp.get("/")
@public
def index() -> ResponseReturnValue:
    """Show what is sold."""
    currency = _currency()
    return render_template(
        "shop/index.html",
        shelves=shop.shelves(currency),
        currency=currency,
        excludes_tax=shop.excludes_tax(_client()),
        currencies=[] if current_client() else currencies.enabled_codes(),
        every=EVERY,
    )


@bp.route("/<slug>", methods=["GET", "POST"])
@public
def show(slug: str) -> ResponseReturnValue:
    """Show a product with its options; a change of them shows the new price."""
    return _page(shop.find_offered(slug), {})


@bp.get("/<slug>/order")
@public
def ordered(slug: str) -> ResponseReturnValue:
    """Return to the product, for a page that is reloaded after a refused order."""
    return redirect(url_for("shop.products.show", slug=slug))


@bp.post("/<slug>/order")
@customer(CLIENT_ORDERS_MANAGE)
def order(slug: str) -> ResponseReturnValue:
    """Order the product as it was chosen, at the price that was shown."""
    product, client = shop.find_offered(slug), _client()
    shown = request.form.get(f"{OURS}total", "")
    try:
        placed = orders.place(
            actor=actor(),
            request=Request(
                client_uuid=client.uuid,
                choices=[_choice(product)],
                token=request.form.get(f"{OURS}token", "")[:64] or secrets.token_urlsafe(24),
                expected=_expected(shown, client.currency),
            ),
        )
    except UserError as error:
        return _page(product, _reasons(error))
    flash(_("Thank you. Your order was placed."), "good")
    if placed.document is not None:
        return redirect(url_for("client.documents.show", uuid=placed.document.uuid))
    return redirect(url_for("client.services.index"))


def _page(product: Product, errors: dict[str, list[str]]) -> ResponseReturnValue:
    client = _client()
    rows = [row for row in prices_of(product) if row.currency == client.currency]
    choice = _choice(product, rows[0].period if rows else Period.ONE_TIME.value)
    quote = None
    try:
        quote = price_choices(company_for(client), client, [choice]).quote
    except UserError as error:
        errors = errors or _reasons(error)
    page = render_template(
        "shop/product.html",
        product=product,
        prices=rows,
        period=choice.period,
        groups=groups_of(product),
        chosen=choice.options,
        quote=quote,
        errors=errors,
        fields=_module_fields(product, choice, errors),
        token=secrets.token_urlsafe(24),
        name=choice.name,
        currency=client.currency,
        signed_in=current_client() is not None,
        registration=bool(settings.get("shop.registration")),
        Money=Money,
        every=EVERY,
        is_free=product.billing_mode == BillingMode.FREE,
        sold_out=product.stock is not None and product.stock <= 0,
    )
    return page, 422 if errors and request.method == "POST" else 200


def _reasons(error: UserError) -> dict[str, list[str]]:
    """Return why an order is refused; what only staff can mend is not explained to customers."""
    if isinstance(error, NoTaxRateError | NoCompanyError | NotConfiguredError):
        text = _("This product can't be ordered at the moment. Contact support.")
        return {"": [str(text)]}
    return field_errors(error)


def _client() -> Client:
    """Return the current client of a signed-in user, or one that stands for a visitor."""
    current = current_client()
    if current is not None:
        return find_client(current.uuid)
    return shop.visitor(_currency())


def _currency() -> str:
    """Return the currency of the client, or the one that a visitor chose."""
    current = current_client()
    if current is not None:
        return find_client(current.uuid).currency
    chosen = request.args.get("currency", "").upper()
    return chosen if chosen in currencies.enabled_codes() else currencies.base_currency()


def _choice(product: Product, period: str = "") -> Choice:
    """Return what the submitted form chose; the first of everything on a new page."""
    values = {**request.args, **request.form}
    chosen = {
        group.key: values[f"{OURS}option.{group.key}"]
        for group in groups_of(product)
        if f"{OURS}option.{group.key}" in values
    }
    data = {
        name: value
        for name, value in answers().items()
        if not name.startswith(OURS) and name != "currency"
    }
    return Choice(
        product=product,
        period=values.get(f"{OURS}period", period),
        options=chosen,
        name=values.get(f"{OURS}name", "")[:200],
        data=data if _service_form(product) else None,
    )


def _service_form(product: Product) -> bool:
    module = registry.current().get(product.module) if product.module else None
    return module is not None and getattr(module.cls, "ServiceForm", None) is not None


def _module_fields(product: Product, choice: Choice, errors: dict[str, list[str]]) -> Any:
    """Return the fields of the module's form for a new service; empty if it has none."""
    module = registry.current().get(product.module) if product.module else None
    if module is None or not _service_form(product):
        return ""
    stored: dict[str, dict[str, Any]] | None = None
    if request.method == "POST":
        stored = {"service_data": dict(choice.data or {}), "errors": errors}
    call = calls.Call(
        module,
        "_order_page",
        product_uuid=product.uuid,
        actor=find_principal() or shop.VISITOR,
        stored=stored,
    )
    called = calls.invoke(call)
    return called.value if called.ok else ""


def _expected(text: str, currency: str) -> Money:
    """Return the total that was shown.

    Raises:
        UserError: the form has none.
    """
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise UserError(_("The total is missing. Check the price and order again."))
    return Money(int(text), currency)
