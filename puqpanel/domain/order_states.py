"""The states of an order."""

from __future__ import annotations

from enum import StrEnum

from puqpanel.domain.texts import _, _c


class OrderStatus(StrEnum):
    """The status of an order; its payment and provisioning have statuses of their own."""

    DRAFT = "draft"
    OFFERED = "offered"
    WAITING = "waiting"
    PLACED = "placed"
    FRAUD = "fraud"
    CANCELLED = "cancelled"


class Acceptance(StrEnum):
    """Which orders of customers staff accept before their services are provisioned."""

    NEVER = "never"
    FIRST = "first"
    ALL = "all"


LABELS = {
    OrderStatus.DRAFT: _c("order", "Draft"),
    OrderStatus.OFFERED: _c("order", "Offered"),
    OrderStatus.WAITING: _c("order", "Waiting for acceptance"),
    OrderStatus.PLACED: _c("order", "Placed"),
    OrderStatus.FRAUD: _c("order", "Fraud"),
    OrderStatus.CANCELLED: _c("order", "Cancelled"),
}
NOT_PLACED = (OrderStatus.DRAFT, OrderStatus.OFFERED)
"""Statuses without services, a document and a number."""
LIVE = (OrderStatus.WAITING, OrderStatus.PLACED)
"""Statuses in which it can be cancelled or marked as fraud."""
ACCEPTANCE_LABELS = {
    Acceptance.NEVER: _("No orders"),
    Acceptance.FIRST: _("The first order of each client"),
    Acceptance.ALL: _("All orders"),
}
