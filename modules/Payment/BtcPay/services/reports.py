"""What BTCPay Server's objects mean as reports; pure functions over the objects.

Payments are booked by the amounts that arrived, not by the status of the invoice: an invoice that
was paid late or in parts has payments of its own all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from puqpanel.sdk import ExternalServiceError, PaymentReport, __, major_units

P = ParamSpec("P")
R = TypeVar("R")
PAYMENT_STATUSES = {"Settled": "succeeded", "Processing": "pending", "Invalid": "failed"}
ENDED = {"Expired": "cancelled", "Invalid": "failed"}


def readable(work: Callable[P, R]) -> Callable[P, R]:
    """Let a function raise a clear error if an object is not as documented."""

    @wraps(work)
    def read(*args: P.args, **options: P.kwargs) -> R:
        try:
            return work(*args, **options)
        except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError):
            raise ExternalServiceError(__("BTCPay Server's response could not be read.")) from None

    return read


def decimal(value: Any) -> Decimal:
    """Return an amount of the API, which is a string or, in older versions, a number."""
    found = Decimal(str(value))
    if not found.is_finite():
        raise ValueError(value)
    return found


@readable
def payment_reports(
    invoice: Mapping[str, Any], methods: Iterable[Mapping[str, Any]]
) -> list[PaymentReport]:
    """Return a report of each payment of an invoice; without any, of its end.

    Args:
        invoice: the invoice.
        methods: its payment methods with their payments.
    """
    currency, metadata = str(invoice["currency"]), invoice.get("metadata") or {}
    shared: dict[str, Any] = {
        "currency": currency,
        "attempt": str(metadata.get("orderId") or ""),
        "checkout": str(invoice["id"]),
    }
    reports = []
    for payment, amount in _valued(methods, currency):
        if amount <= 0:
            continue  # dust: less than the smallest unit of the currency
        status = PAYMENT_STATUSES[payment["status"]]
        received = datetime.fromtimestamp(int(payment["receivedDate"]), UTC)
        reports.append(
            PaymentReport(
                outside_id=f"{invoice['id']}:{payment['id']}",
                status=status,
                amount=amount,
                reason=_reason(status),
                paid_on=received.date() if status == "succeeded" else None,
                **shared,
            )
        )
    ended = ENDED.get(str(invoice["status"]), "")
    if ended and all(report.status == "failed" for report in reports):
        reason = _end_reason(ended)
        amount = decimal(invoice["amount"])
        reports.append(PaymentReport(str(invoice["id"]), ended, amount, reason=reason, **shared))
    return reports


@readable
def payment_of(
    methods: Iterable[Mapping[str, Any]], payment_id: str, currency: str
) -> tuple[Mapping[str, Any], Decimal, str] | None:
    """Return a payment, its amount and the method in which it is refunded; None if unknown."""
    methods = list(methods)
    for payment, amount in _valued(methods, currency):
        if payment["id"] == payment_id:
            method = next(one for one in methods if payment in (one.get("payments") or []))
            # a client claims a Lightning refund with an invoice of theirs, however they paid
            return payment, amount, str(method["paymentMethodId"]).replace("-LNURL", "-LN")
    return None


def _valued(
    methods: Iterable[Mapping[str, Any]], currency: str
) -> list[tuple[Mapping[str, Any], Decimal]]:
    """Return each payment with its amount in the invoice's currency, in the order of arrival.

    The sum is rounded, not each payment: parts of an invoice add up to it exactly. Later payments
    do not change the amounts of earlier ones. The network fee that an invoice may add for the
    payer is not part of what the invoice asks for.
    """
    payments: list[tuple[int, str, Decimal, Mapping[str, Any]]] = []
    for method in methods:
        found: Sequence[Mapping[str, Any]] = method.get("payments") or []
        for payment in found:
            net = decimal(payment["value"]) - decimal(payment.get("fee") or 0)
            value = net * decimal(method["rate"])
            payments.append((int(payment["receivedDate"]), str(payment["id"]), value, payment))
    unit = major_units(1, currency)
    exact = rounded = Decimal(0)
    valued = []
    for _, _, value, payment in sorted(payments, key=lambda one: one[:2]):
        exact += value
        until = exact.quantize(unit, ROUND_HALF_UP)
        valued.append((payment, until - rounded))
        rounded = until
    return valued


def _reason(status: str) -> str:
    if status == "pending":
        return __("The payment waits for confirmations of the network.")
    return __("The payment was replaced or not confirmed.") if status == "failed" else ""


def _end_reason(status: str) -> str:
    if status == "failed":
        return __("The payment was not confirmed in time.")
    return __("The payment page expired before anything was paid.")
