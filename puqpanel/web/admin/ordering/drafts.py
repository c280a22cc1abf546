"""Staff pages for drafts of orders: the client, the products, and placing the order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import StringField
from wtforms.validators import InputRequired

from puqpanel.domain.errors import ConflictError, UserError
from puqpanel.domain.money import Money
from puqpanel.domain.order_states import OrderStatus
from puqpanel.domain.permissions import ORDERS_MANAGE
from puqpanel.domain.texts import Text
from puqpanel.infra.redact import storable
from puqpanel.models import Order
from puqpanel.operations.accounts import addresses
from puqpanel.operations.catalog.options import groups_of
from puqpanel.operations.catalog.products import find_product
from puqpanel.operations.ordering import draft_contents, draft_items, drafts, offers
from puqpanel.operations.ordering.orders import find_order
from puqpanel.operations.ordering.quotes import Choice
from puqpanel.operations.system import audit
from puqpanel.web.admin.accounts.pick import ClientSearch, find_clients
from puqpanel.web.admin.ordering import product_form
from puqpanel.web.answers import flash, flashed_errors
from puqpanel.web.documents import shown_day
from puqpanel.web.forms import Form, _, field_errors, save_or_show
from puqpanel.web.guard import actor, allow
from puqpanel.web.prices import EVERY

bp = Blueprint("order_drafts", __name__, url_prefix="/orders")
NEW_TEMPLATE = "admin/ordering/drafts/new.html"


class NewOrderForm(Form):
    """The client of a new order."""

    find = StringField(_("Find a client"))
    client = StringField(_("Client"), [InputRequired(_("Choose a client."))])


@bp.route("/new", methods=["GET", "POST"])
@allow(ORDERS_MANAGE)
def create() -> ResponseReturnValue:
    """Choose the client of a new order, or search clients if "Find" was clicked."""
    form = NewOrderForm(data={"client": request.args.get("client", "")})
    if "look" in request.form:
        found = find_clients(form.find.data)
        form.client.data = found.only()
        return _new(form, found)
    found = find_clients(form.find.data, form.client.data or "")
    if form.is_submitted() and not form.client.data and (client_uuid := found.only()):
        form.client.data, form.client.raw_data = client_uuid, [client_uuid]

    def save() -> tuple[Text | str, str]:
        order = drafts.create(actor=actor(), client_uuid=str(form.client.data))
        return "", url_for("admin.orders.show", uuid=order.uuid)

    return save_or_show(form, save, NEW_TEMPLATE, found=found)


def _new(form: NewOrderForm, found: ClientSearch) -> str:
    return render_template(NEW_TEMPLATE, form=form, found=found)


def page(order: Order) -> ResponseReturnValue:
    """Show a draft with its products and their price today."""
    items, errors, quote = draft_contents.items(order), {}, None
    if items:
        try:
            quote = drafts.price_all(order).quote
        except UserError as error:
            errors = field_errors(error)
    return render_template(
        "admin/ordering/drafts/show.html",
        order=order,
        address=addresses.chosen(order.client, order.address_id),
        addresses=addresses.addresses_of(order.client),
        items=items,
        quote=quote,
        errors=errors,
        labels=_labels(items) if errors else {},
        products=_offered(order),
        every=EVERY,
        expired=order.id in offers.expired({order.id}),
        offers=offers.offers_of(order),
        offer_status=offers.status_of,
        day=shown_day,
        timeline=audit.timeline(actor(), "order", order.uuid, 20),
    )


def _labels(items: Sequence[tuple[str, Choice]]) -> dict[str, str]:
    """Return the labels of the options of products, by the names that errors have."""
    products = {choice.product.id: choice.product for _key, choice in items}
    return {group.key: group.label for each in products.values() for group in groups_of(each)}


def _offered(order: Order) -> list[tuple[str, str]]:
    """Return the products that can be added, hidden ones included, by name."""
    return [(row.uuid, row.name) for row in draft_items.sellable(order.client.currency)]


@bp.route("/<uuid>/products/new", methods=["GET", "POST"])
@allow(ORDERS_MANAGE)
def add(uuid: str) -> ResponseReturnValue:
    """Add a product to a draft."""
    order, product = _draft(uuid), find_product(request.args.get("product", ""))
    if request.method == "GET":
        return _item(order, product_form.context(order, product_form.blank(order, product), {}))
    return _submit(order, product_form.submitted(product), "")


@bp.route("/<uuid>/products/<item>", methods=["GET", "POST"])
@allow(ORDERS_MANAGE)
def edit(uuid: str, item: str) -> ResponseReturnValue:
    """Change a product of a draft."""
    order = _draft(uuid)
    choice = draft_contents.find_item(order, item)
    if request.method == "GET":
        return _item(order, product_form.context(order, choice, {}))
    return _submit(order, product_form.submitted(choice.product), item)


@bp.post("/<uuid>/products/<item>/remove")
@allow(ORDERS_MANAGE)
def remove(uuid: str, item: str) -> ResponseReturnValue:
    """Remove a product from a draft."""
    with flashed_errors():
        draft_items.remove_item(actor=actor(), uuid=uuid, item_id=item)
    return redirect(url_for("admin.orders.show", uuid=uuid))


@bp.post("/<uuid>/address")
@allow(ORDERS_MANAGE)
def address(uuid: str) -> ResponseReturnValue:
    """Choose the billing address of a draft."""
    with flashed_errors(ConflictError):
        chosen = storable(request.form.get("address", ""))[:36]
        drafts.set_address(actor=actor(), uuid=uuid, address_uuid=chosen)
    return redirect(url_for("admin.orders.show", uuid=uuid))


@bp.post("/<uuid>/coupon")
@allow(ORDERS_MANAGE)
def coupon(uuid: str) -> ResponseReturnValue:
    """Set the coupon of a draft, or remove it."""
    with flashed_errors():
        code = "" if "remove" in request.form else request.form.get("code", "")
        drafts.set_coupon(actor=actor(), uuid=uuid, code=code)
    return redirect(url_for("admin.orders.show", uuid=uuid))


@bp.post("/<uuid>/place")
@allow(ORDERS_MANAGE)
def place(uuid: str) -> ResponseReturnValue:
    """Place a draft at the total that was shown."""
    order = find_order(uuid)
    shown = request.form.get("total", type=int)
    if shown is None:
        abort(400, _("The total is missing."))
    with flashed_errors():
        expected = Money(shown, order.client.currency)
        drafts.place(actor=actor(), uuid=uuid, expected=expected)
        flash(_("Order placed."), "good")
    return redirect(url_for("admin.orders.show", uuid=uuid))


@bp.route("/<uuid>/delete", methods=["GET", "POST"])
@allow(ORDERS_MANAGE)
def delete(uuid: str) -> ResponseReturnValue:
    """Delete a draft, after a confirmation."""
    back = url_for("admin.orders.show", uuid=uuid)
    if request.method == "POST":
        with flashed_errors():
            drafts.delete(actor=actor(), uuid=uuid)
            flash(_("Draft deleted."), "good")
            back = url_for("admin.orders.index", tab="drafts")
        return redirect(back)
    order = _draft(uuid)
    return render_template(
        "admin/confirm.html",
        title=_("Delete the draft for %(name)s?", name=order.client.name),
        button=_("Delete draft"),
        back=back,
        keep=_("Keep it"),
        goes=[_("The products of the draft")],
    )


def _draft(uuid: str) -> Order:
    order = find_order(uuid)
    if order.status != OrderStatus.DRAFT:
        abort(404)
    return order


def _submit(order: Order, choice: Any, item_id: str) -> ResponseReturnValue:
    """Save a product, or show its price if "Update price" was clicked."""
    try:
        own_price = product_form.own_price(order.client.currency)
        choice = replace(choice, own_price=own_price)
        if f"{product_form.PREFIX}look" in request.form:
            return _item(order, product_form.context(order, choice, {}))
        draft_items.save_item(actor=actor(), uuid=order.uuid, choice=choice, item_id=item_id)
    except UserError as error:
        return _item(order, product_form.context(order, choice, field_errors(error)))
    return redirect(url_for("admin.orders.show", uuid=order.uuid))


def _item(order: Order, context: dict[str, Any]) -> ResponseReturnValue:
    html = render_template("admin/ordering/drafts/product.html", **context)
    return html, 422 if context["errors"] and request.method == "POST" else 200
