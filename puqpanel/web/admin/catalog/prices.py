"""Staff pages for the prices of a product, and the option groups it is sold with."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Blueprint, url_for
from flask.typing import ResponseReturnValue
from wtforms import BooleanField, IntegerField
from wtforms.validators import NumberRange, Optional

from puqpanel.domain.permissions import PRODUCTS_MANAGE
from puqpanel.domain.texts import Text, _n
from puqpanel.infra.db import session
from puqpanel.models import OptionGroup, Product, Service
from puqpanel.operations.catalog import derived_prices, price_rows, prices, products
from puqpanel.operations.catalog import options as option_operations
from puqpanel.web.admin.catalog.options import describe
from puqpanel.web.admin.catalog.price_matrix import Actions, matrix_page
from puqpanel.web.forms import Form, _, save_or_show
from puqpanel.web.guard import actor, allow

bp = Blueprint("prices", __name__, url_prefix="/products")


@bp.route("/<uuid>/prices", methods=["GET", "POST"])
@allow(PRODUCTS_MANAGE)
def edit(uuid: str) -> ResponseReturnValue:
    """Show or save the prices of a product."""
    product = products.find_product(uuid)
    return matrix_page(
        price_rows.live(product),
        prices.periods_of(product),
        Actions(
            lambda: price_rows.live(products.lock_product(uuid)),
            lambda cells: prices.save_prices(actor=actor(), product_uuid=uuid, cells=cells),
            lambda to: derived_prices.derive(actor=actor(), product_uuid=uuid, currency=to),
            lambda of: prices.copy_down(actor=actor(), product_uuid=uuid, currency=of),
        ),
        url_for("admin.prices.edit", uuid=uuid),
        "admin/catalog/products/prices.html",
        product=product,
        earlier=prices.earlier_prices(product, 50),
        sold_text=_sold_text(product),
    )


def _sold_text(product: Product) -> Text:
    """Return how many services keep their price."""
    query = sa.select(sa.func.count()).where(
        Service.product_id == product.id, Service.status.in_(("pending", "active", "suspended"))
    )
    count = session().scalar(query) or 0
    return _n(
        "%(num)s service keeps the price at which it was sold.",
        "%(num)s services keep the price at which they were sold.",
        count,
    )


@bp.route("/<uuid>/options", methods=["GET", "POST"])
@allow(PRODUCTS_MANAGE)
def options(uuid: str) -> ResponseReturnValue:
    """Choose with which option groups a product is sold."""
    product = products.find_product(uuid)
    groups = option_operations.option_groups()
    used = {group.uuid: at for at, group in enumerate(option_operations.groups_of(product), 1)}
    form = _assignment(groups, used)

    def save() -> tuple[Text, str]:
        chosen = [group.uuid for group in groups if form[f"use-{group.uuid}"].data]
        chosen.sort(key=lambda each: form[f"at-{each}"].data or 0)
        option_operations.assign_option_groups(actor=actor(), product_uuid=uuid, group_uuids=chosen)
        return _("Options saved."), url_for("admin.prices.options", uuid=uuid)

    rows = [
        (group, form[f"use-{group.uuid}"], form[f"at-{group.uuid}"], describe(group))
        for group in groups
    ]
    return save_or_show(
        form, save, "admin/catalog/products/options.html", product=product, rows=rows
    )


def _assignment(groups: Any, used: dict[str, int]) -> Any:
    """Return the form with a box and a position for each option group."""
    fields: dict[str, Any] = {}
    data: dict[str, Any] = {}
    group: OptionGroup
    for group in groups:
        fields[f"use-{group.uuid}"] = BooleanField(group.label)
        fields[f"at-{group.uuid}"] = IntegerField(
            f"{group.label}, {_('Position')}", [Optional(), NumberRange(0, 9999)]
        )
        data[f"use-{group.uuid}"] = group.uuid in used
        data[f"at-{group.uuid}"] = used.get(group.uuid)
    return type("AssignmentForm", (Form,), fields)(data=data)
