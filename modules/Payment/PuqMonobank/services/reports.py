"""What monobank's invoices mean for the panel."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from puqpanel.sdk import (
    ExternalServiceError,
    PaymentReport,
    RefundReport,
    __,
    major_units,
    minor_units,
)

CURRENCY, CODE = "UAH", 980
PAYMENTS = {
    "processing": "pending",
    "hold": "pending",
    "success": "succeeded",
    "reversed": "succeeded",
    "failure": "failed",
    "expired": "cancelled",
}
REFUNDS = {"processing": "pending", "success": "succeeded", "failure": "failed"}
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def kopiykas(amount: Decimal, currency: str = CURRENCY) -> int:
    """Return an amount as monobank takes it.

    Raises:
        ExternalServiceError: it is not an amount in hryvnia.
    """
    if currency != CURRENCY:
        raise ExternalServiceError(
            __("monobank accepts UAH only, not :currency.", {"currency": currency})
        )
    try:
        return minor_units(amount, CURRENCY, 2)
    except ValueError as error:
        raise ExternalServiceError(
            __("monobank accepts two decimals at most, not :amount.", {"amount": amount})
        ) from error


def newest(invoice: Mapping[str, Any], other: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return which of two states of an invoice was modified last; the first if it is the same."""
    return other if _time(other, "modifiedDate") > _time(invoice, "modifiedDate") else invoice


def invoice_reports(invoice: Mapping[str, Any]) -> list[PaymentReport | RefundReport]:
    """Return reports of an invoice's payment and refunds; none before someone pays."""
    status, invoice_id = _text(invoice, "status"), _text(invoice, "invoiceId")
    if status == "created":
        return []
    if not invoice_id:
        raise ExternalServiceError(__("monobank's response contains no invoice."))
    cancels = _cancels(invoice)
    outcome = PAYMENTS.get(status, "pending")
    if status == "reversed" and not cancels:
        outcome = "cancelled"
    reason = "" if outcome == "succeeded" else _reason(invoice, status)
    info = invoice.get("paymentInfo")
    fee = info.get("fee") if isinstance(info, Mapping) else None
    payment = PaymentReport(
        invoice_id,
        outcome,
        _received(invoice, cancels) if outcome == "succeeded" else _amount(invoice, "amount"),
        CURRENCY,
        attempt=_text(invoice, "reference"),
        checkout=invoice_id,
        fee=major_units(fee, CURRENCY, 2) if isinstance(fee, int) and fee >= 0 else None,
        reason=reason,
        paid_on=None if cancels or outcome != "succeeded" else _day(invoice),
    )
    return [payment, *(refund_report(invoice_id, cancel) for cancel in cancels)]


def refund_report(invoice_id: str, cancel: Mapping[str, Any]) -> RefundReport:
    """Return the report of one entry of `cancelList`."""
    reference = _text(cancel, "extRef")
    status = REFUNDS.get(_text(cancel, "status"), "pending")
    reasons = {
        "pending": __("monobank has not completed the refund yet."),
        "failed": __("monobank could not refund the payment."),
    }
    return RefundReport(
        invoice_id,
        reference or f"{invoice_id}/{_text(cancel, 'createdDate')}",
        status,
        _amount(cancel, "amount"),
        CURRENCY,
        key=reference,
        reason=reasons.get(status, ""),
    )


def find_refund(invoice: Mapping[str, Any], reference: str) -> Mapping[str, Any] | None:
    """Return the entry of `cancelList` with our reference, or None."""
    found = (cancel for cancel in _cancels(invoice) if cancel.get("extRef") == reference)
    return next(found, None) if reference else None


def _received(invoice: Mapping[str, Any], cancels: list[Mapping[str, Any]]) -> Decimal:
    """Return what was paid: `finalAmount` is what refunds have left of it."""
    amount = _amount(invoice, "amount")
    if invoice.get("finalAmount") is None:
        return amount
    refunded = sum(
        _amount(cancel, "amount") for cancel in cancels if cancel.get("status") != "failure"
    )
    return min(amount, _amount(invoice, "finalAmount") + refunded)


def _reason(invoice: Mapping[str, Any], status: str) -> str:
    texts = {
        "processing": __("The bank is processing the payment."),
        "hold": __("The amount is held on the card and has not been charged yet."),
        "reversed": __("The held amount was released."),
        "expired": __("The payment page expired before it was paid."),
        "failure": __("The bank declined the payment."),
    }
    text = texts.get(status) or __("The state of the payment is unknown.")
    detail = _text(invoice, "failureReason").strip()[:200]
    return f"{text} {detail}".strip() if status == "failure" else text


def _amount(value: Mapping[str, Any], name: str) -> Decimal:
    minor = value.get(name)
    if not _is_amount(minor) or value.get("ccy", CODE) != CODE:
        raise ExternalServiceError(__("monobank's response contains no valid amount in UAH."))
    return major_units(int(str(minor)), CURRENCY, 2)


def _is_amount(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _cancels(invoice: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = invoice.get("cancelList")
    entries = found if isinstance(found, list) else []
    return [entry for entry in entries if isinstance(entry, Mapping)]


def _time(value: Mapping[str, Any], name: str) -> datetime:
    try:
        found = datetime.fromisoformat(_text(value, name))
    except ValueError:
        return _LONG_AGO
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _day(invoice: Mapping[str, Any]) -> Any:
    found = _time(invoice, "modifiedDate")
    return found.date() if found != _LONG_AGO else None


def _text(value: Mapping[str, Any], name: str) -> str:
    found = value.get(name)
    return found if isinstance(found, str) else ""
