"""The states of an order."""

from __future__ import annotations

from enum import StrEnum

from puqpanel.domain.texts import _c


class OrderStatus(StrEnum):
    """The status of an order; its payment and provisioning have statuses of their own."""

    PLACED = "placed"
    CANCELLED = "cancelled"


LABELS = {
    OrderStatus.PLACED: _c("order", "Placed"),
    OrderStatus.CANCELLED: _c("order", "Cancelled"),
}
