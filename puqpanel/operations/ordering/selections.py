"""What was chosen of the options of orders and services, as it is shown: label and value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from puqpanel.domain.catalog import OptionKind
from puqpanel.domain.texts import Text, _
from puqpanel.infra.db import session
from puqpanel.models import OptionGroup, Order, OrderItem, ProductOptionGroup, Service

Selection = list[tuple[str, Text | str]]
"""The labels of option groups, each with what was chosen."""


def of_order(order: Order) -> dict[int, Selection]:
    """Return what was chosen at the order, by the id of the item."""
    keys = {key for item in order.items for key in item.selection}
    groups = _groups(OptionGroup.key.in_(keys)) if keys else {}
    return {item.id: described(groups, item.selection) for item in order.items}


def of_service(service: Service) -> Selection:
    """Return the options that a service has now.

    Its data also holds values of its module. The order tells which of them are options of a group
    that the product no longer has.
    """
    data = service.service_data
    if not data:
        return []
    query = sa.select(OrderItem.selection).where(OrderItem.service_id == service.id)
    ordered = session().scalar(query) or {}
    offered = sa.select(ProductOptionGroup.group_id).where(
        ProductOptionGroup.product_id == service.product_id
    )
    groups = _groups(sa.or_(OptionGroup.id.in_(offered), OptionGroup.key.in_(ordered)))
    chosen = {key: data[key] for key in data if key in groups or key in ordered}
    return described(groups, chosen)


def named(values: Mapping[str, Any]) -> Selection:
    """Return values with the labels of their option groups."""
    return described(_groups(OptionGroup.key.in_(values)), values)


def described(groups: Mapping[str, OptionGroup], values: Mapping[str, Any]) -> Selection:
    """Return values with the labels of today; what has none any more is shown by its key."""
    return [
        (groups[key].label if key in groups else key, _value(groups.get(key), value))
        for key, value in values.items()
    ]


def _value(group: OptionGroup | None, value: Any) -> Text | str:
    if isinstance(value, bool) or (group is not None and group.kind == OptionKind.YES_NO):
        return _("Yes") if value in (True, "y") else _("No")
    if group is not None and group.kind == OptionKind.CHOICE:
        labels = {option.key: option.label for option in group.options}
        return labels.get(value, str(value))
    return f"{value} {group.unit}".strip() if group is not None else str(value)


def _groups(where: sa.ColumnElement[bool]) -> dict[str, OptionGroup]:
    query = sa.select(OptionGroup).where(where).options(selectinload(OptionGroup.options))
    found: Sequence[OptionGroup] = session().scalars(query).all()
    return {group.key: group for group in found}
