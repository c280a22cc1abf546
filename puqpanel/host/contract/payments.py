"""What a Payment module reports to the panel, and what it is given of a webhook."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

PAYMENT_STATUSES = ("pending", "succeeded", "failed", "cancelled")
REFUND_STATUSES = ("pending", "succeeded", "failed")
DISPUTE_STATUSES = ("open", "won", "lost")
PAYOUT_STATUSES = ("pending", "paid", "failed")
_LONGEST_ID = 200


@dataclass(frozen=True, slots=True)
class SavedMethod:
    """A card or mandate that the provider stores and can be charged without the client.

    Args:
        outside_id: the provider's id of it, such as `pm_…`.
        customer_id: the provider's id of the customer, if it has one.
        brand: such as `visa` or `sepa_debit`.
        last4: the last four digits.
        expires: the last month in which it is valid, as `YYYY-MM`; empty if it does not expire.
    """

    outside_id: str
    customer_id: str = ""
    brand: str = ""
    last4: str = ""
    expires: str = ""


@dataclass(frozen=True, slots=True)
class PaymentReport:
    """What the provider says about one payment.

    The panel decides what follows: it finds the document, counts the payment once per gateway and
    `outside_id`, and books it.

    Args:
        outside_id: the provider's id of the payment, which never changes.
        status: pending, succeeded, failed or cancelled.
        amount: in major units; what was received if it succeeded.
        currency: ISO 4217 code.
        attempt: UUID of the panel's attempt, if the provider returned it.
        checkout: the `outside_id` of the checkout that the payment belongs to.
        invoice: UUID of a document, if the provider returned that instead.
        reference: a text in which the payer may have written a reference or a number.
        fee: what the provider keeps of the amount, in the same currency; None if it is unknown.
        reason: why it is pending or failed, in a sentence for the client.
        payer: name or e-mail address of the payer.
        paid_on: the day on which it succeeded; today unless given.
        method: the payment method, if the provider saved it for later charges.
        action_url: where the client must confirm the payment, such as 3-D Secure.
    """

    outside_id: str
    status: str
    amount: Decimal
    currency: str
    attempt: str = ""
    checkout: str = ""
    invoice: str = ""
    reference: str = ""
    fee: Decimal | None = None
    reason: str = ""
    payer: str = ""
    paid_on: date | None = None
    method: SavedMethod | None = None
    action_url: str = ""


@dataclass(frozen=True, slots=True)
class RefundReport:
    """What the provider says about one refund.

    Args:
        payment: the `outside_id` of the refunded payment.
        outside_id: the provider's id of the refund; empty if it has none.
        status: pending, succeeded or failed.
        amount: in major units.
        currency: ISO 4217 code.
        key: the panel's key of the refund, if the provider returned it.
        reason: why it is pending or failed, in a sentence for staff.
    """

    payment: str
    outside_id: str
    status: str
    amount: Decimal
    currency: str
    key: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class DisputeReport:
    """What the provider says about one dispute (chargeback).

    Args:
        payment: the `outside_id` of the disputed payment.
        outside_id: the provider's id of the dispute.
        status: open, won or lost.
        amount: the disputed amount in major units.
        currency: ISO 4217 code.
        withdrawn: whether the provider has taken the money back.
        reason: in a sentence for staff.
    """

    payment: str
    outside_id: str
    status: str
    amount: Decimal
    currency: str
    withdrawn: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class MethodReport:
    """What the provider says about a saved payment method.

    Args:
        outside_id: the provider's id of it.
        removed: whether it can no longer be charged.
        expires: its new last month, as `YYYY-MM`; empty if that did not change.
    """

    outside_id: str
    removed: bool = False
    expires: str = ""


@dataclass(frozen=True, slots=True)
class PayoutReport:
    """What the provider says about one payout to the bank account of the company.

    Args:
        outside_id: the provider's id of the payout.
        status: pending, paid or failed. A payout may fail after it was paid.
        amount: in major units.
        currency: ISO 4217 code.
        paid_on: the day on which it arrives at the bank; today unless given.
        reason: why it failed, in a sentence for staff.
    """

    outside_id: str
    status: str
    amount: Decimal
    currency: str
    paid_on: date | None = None
    reason: str = ""


Report = PaymentReport | RefundReport | DisputeReport | MethodReport | PayoutReport


@dataclass(frozen=True, slots=True)
class Checkout:
    """How the provider takes the payment of an attempt.

    Args:
        outside_id: the provider's id of the checkout, by which it is observed later.
        url: the provider's page on which the client pays; empty if `get_client_area_html` shows
            everything.
        data: further values that the module needs later; they are stored encrypted.
        expires_at: when the client can no longer use it; None if that is unknown.
    """

    outside_id: str = ""
    url: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """A webhook as the panel stored it.

    Args:
        uuid: the panel's UUID of it.
        body: the raw bytes, over which signatures are computed.
        headers: by lower-case name.
        received_at: when it was received first, in UTC.
    """

    uuid: str
    body: bytes
    headers: Mapping[str, str]
    received_at: datetime

    def header(self, name: str) -> str:
        """Return a header by its name in any case; empty if it is missing."""
        return self.headers.get(name.lower(), "")

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    @property
    def json(self) -> dict[str, Any]:
        """The body as a JSON object; empty if it is none."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}


def reports_of(value: Any) -> list[Report]:
    """Return what a module reported, checked.

    Args:
        value: a report, several, or None for nothing.

    Raises:
        ValueError: it is something else, or a value is invalid.
    """
    if value is None:
        return []
    found = [value] if isinstance(value, Report) else value
    if not isinstance(found, Iterable) or isinstance(found, str | bytes | Mapping):
        raise ValueError(f"expected reports, got {type(value).__name__}")
    reports = list(found)
    for report in reports:
        if not isinstance(report, Report):
            raise ValueError(f"expected reports, got {type(report).__name__}")
        _check(report)
    return reports


def _check(report: Report) -> None:
    if isinstance(report, MethodReport):
        _check_id(report.outside_id, "method")
        return
    allowed, key = {
        PaymentReport: (PAYMENT_STATUSES, report.outside_id),
        RefundReport: (REFUND_STATUSES, getattr(report, "payment", "")),
        DisputeReport: (DISPUTE_STATUSES, report.outside_id),
        PayoutReport: (PAYOUT_STATUSES, report.outside_id),
    }[type(report)]
    if report.status not in allowed:
        raise ValueError(f"status must be one of {', '.join(allowed)}, not {report.status!r}")
    _check_id(key, "payout" if isinstance(report, PayoutReport) else "payment")
    if not isinstance(report.amount, Decimal) or not report.amount.is_finite():
        raise ValueError("amount must be a finite Decimal in major units")
    if isinstance(report, PaymentReport | PayoutReport):
        _check_day(report.paid_on)
    if isinstance(report, PaymentReport):
        if report.fee is not None and not isinstance(report.fee, Decimal):
            raise ValueError("fee must be a Decimal in major units, or None")
    elif not isinstance(report, PayoutReport):
        _check_id(report.payment, "payment")
        if len(report.outside_id) > _LONGEST_ID:
            raise ValueError(f"the id of a refund must have at most {_LONGEST_ID} characters")
    if not (isinstance(report.currency, str) and len(report.currency) == 3):
        raise ValueError("currency must be an ISO 4217 code")


def _check_day(value: object) -> None:
    if isinstance(value, datetime) or not isinstance(value, date | None):
        raise ValueError("paid_on must be a date without a time, or None")


def _check_id(value: object, noun: str) -> None:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_ID:
        raise ValueError(f"the id of a {noun} must have 1 to {_LONGEST_ID} characters")
