"""The states of payments, attempts, refunds and webhook events, and in which order they follow."""

from __future__ import annotations

from enum import StrEnum

from puqpanel.domain.texts import _c


class PaymentStatus(StrEnum):
    """The status of a payment.

    UNKNOWN is one whose outcome the provider did not confirm, so it may still succeed. PARKED is
    money that arrived and belongs to no document or client yet; staff decide. CLOSED is a parked
    payment that staff closed or that was refunded.
    """

    PENDING = "pending"
    UNKNOWN = "unknown"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PARKED = "parked"
    SUCCEEDED = "succeeded"
    CLOSED = "closed"


_P = PaymentStatus
_RANK = {
    _P.PENDING: 1,
    _P.UNKNOWN: 1,
    _P.FAILED: 2,
    _P.CANCELLED: 2,
    _P.PARKED: 3,
    _P.SUCCEEDED: 3,
    _P.CLOSED: 4,
}
AWAITED = (_P.PENDING, _P.UNKNOWN)
"""Statuses of payments that may still succeed: nothing is charged again while there is one."""
ARRIVED = (_P.PARKED, _P.SUCCEEDED)
"""Statuses of payments whose money arrived."""
LABELS = {
    _P.PENDING: _c("payment", "Pending"),
    _P.UNKNOWN: _c("payment", "Unknown"),
    _P.FAILED: _c("payment", "Failed"),
    _P.CANCELLED: _c("payment", "Cancelled"),
    _P.PARKED: _c("payment", "Parked"),
    _P.SUCCEEDED: _c("payment", "Succeeded"),
    _P.CLOSED: _c("payment", "Closed"),
}


def advances(before: PaymentStatus, after: PaymentStatus) -> bool:
    """Return whether a reported status replaces the stored one.

    Providers deliver messages twice and out of order, so a status never returns to an earlier one:
    what arrived stays, and a late `cancelled` changes nothing.
    """
    if before in AWAITED and after in AWAITED:
        return before != after
    return _RANK[after] > _RANK[before]


class AttemptStatus(StrEnum):
    """The status of a client's attempt to pay."""

    OPEN = "open"
    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    EXPIRED = "expired"


class EventStatus(StrEnum):
    """The status of a stored webhook event."""

    RECEIVED = "received"
    READ = "read"
    REJECTED = "rejected"
    FAILED = "failed"


class RefundStatus(StrEnum):
    """The status of a refund."""

    REQUESTED = "requested"
    PENDING = "pending"
    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class PayoutStatus(StrEnum):
    """The status of a payout to the bank account of a company.

    REMOVED is one that staff recorded by mistake.
    """

    PENDING = "pending"
    PAID = "paid"
    FAILED = "failed"
    REMOVED = "removed"


class DisputeStatus(StrEnum):
    """The status of a dispute (chargeback)."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"
