"""What PayPal's objects mean for the panel."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from puqpanel.sdk import (
    DisputeReport,
    ExternalServiceError,
    PaymentReport,
    RefundReport,
    __,
    major_units,
    minor_units,
    noop__,
)

WITHOUT_DECIMALS = frozenset({"HUF", "JPY", "TWD"})
"""Currencies whose amounts PayPal accepts without decimals only."""
PAYMENTS = {
    "COMPLETED": "succeeded",
    "PARTIALLY_REFUNDED": "succeeded",
    "REFUNDED": "succeeded",
    "PENDING": "pending",
    "DECLINED": "failed",
    "DENIED": "failed",
    "FAILED": "failed",
}
REFUNDS = {
    "COMPLETED": "succeeded",
    "PENDING": "pending",
    "FAILED": "failed",
    "CANCELLED": "failed",
}
WON = frozenset(
    {"RESOLVED_SELLER_FAVOUR", "RESOLVED_WITH_PAYOUT", "CANCELED_BY_BUYER", "DENIED", "NONE"}
)
REASONS = {
    "BUYER_COMPLAINT": noop__("The payer has opened a dispute."),
    "CHARGEBACK": noop__("The payer's bank has taken the money back."),
    "ECHECK": noop__("The payment was made by eCheck, which takes several days to clear."),
    "INTERNATIONAL_WITHDRAWAL": noop__("The recipient must accept the payment at PayPal."),
    "PENDING_REVIEW": noop__("PayPal is reviewing the payment."),
    "RECEIVING_PREFERENCE_MANDATES_MANUAL_ACTION": noop__(
        "The recipient must accept payments in this currency at PayPal."
    ),
    "TRANSACTION_APPROVED_AWAITING_FUNDING": noop__("PayPal is waiting for the payer's transfer."),
    "UNILATERAL": noop__("The recipient's PayPal account is not confirmed."),
    "VERIFICATION_REQUIRED": noop__("The recipient's PayPal account is not verified."),
    "DECLINED_BY_RISK_FRAUD_FILTERS": noop__("A fraud filter declined the payment."),
}


def money(amount: Decimal, currency: str) -> dict[str, str]:
    """Return an amount as PayPal takes it.

    Raises:
        ExternalServiceError: PayPal does not accept so many decimals in this currency.
    """
    decimals = 0 if currency in WITHOUT_DECIMALS else 2
    try:
        value = major_units(minor_units(amount, currency, decimals), currency, decimals)
    except ValueError as error:
        raise ExternalServiceError(
            __(
                "PayPal accepts :currency with :decimals decimals at most, not :amount.",
                {"currency": currency, "decimals": decimals, "amount": amount},
            )
        ) from error
    return {"currency_code": currency, "value": f"{value:.{decimals}f}"}


def order_reports(order: Mapping[str, Any]) -> list[PaymentReport | RefundReport]:
    """Return reports of an order's payments and refunds; none before it is captured."""
    order_id = _text(order, "id")
    payer = _object(order, "payer")
    name = _object(payer, "name")
    shown = _text(payer, "email_address") or " ".join(
        filter(None, (_text(name, "given_name"), _text(name, "surname")))
    )
    reports: list[PaymentReport | RefundReport] = []
    for unit in _objects(order, "purchase_units"):
        payments = _object(unit, "payments")
        captures = _objects(payments, "captures")
        for capture in captures:
            named = {"custom_id": unit.get("custom_id"), **capture}
            reports.append(capture_report(named, order_id, shown))
        only = _text(captures[0], "id") if len(captures) == 1 else ""
        reports += [refund_report(refund, only) for refund in _objects(payments, "refunds")]
    if not reports and order.get("status") == "VOIDED":
        reports = [ended(order, "cancelled", __("The order was cancelled at PayPal."))]
    return reports


def ended(order: Mapping[str, Any], status: str, reason: str) -> PaymentReport:
    """Return the report of an order that ended without a payment."""
    unit = next(iter(_objects(order, "purchase_units")), {})
    amount, currency = _money(unit, "amount")
    order_id, attempt = _text(order, "id"), _text(unit, "custom_id")
    return PaymentReport(
        order_id, status, amount, currency, attempt=attempt, checkout=order_id, reason=reason
    )


def capture_report(
    capture: Mapping[str, Any], order_id: str = "", payer: str = ""
) -> PaymentReport:
    """Return the report of a captured payment.

    Args:
        capture: PayPal's object.
        order_id: of its order; read from the object unless given.
        payer: who paid.
    """
    amount, currency = _money(capture, "amount")
    status = PAYMENTS.get(_text(capture, "status"), "pending")
    return PaymentReport(
        _text(capture, "id"),
        status,
        amount,
        currency,
        attempt=_text(capture, "custom_id"),
        checkout=order_id or order_of(capture),
        fee=_fee(capture, currency),
        reason="" if status == "succeeded" else _reason(capture),
        payer=payer,
        paid_on=_day(capture) if status == "succeeded" else None,
    )


def refund_report(refund: Mapping[str, Any], capture_id: str = "", note: str = "") -> RefundReport:
    """Return the report of a refund.

    Args:
        refund: PayPal's object.
        capture_id: of the refunded payment; read from the object's links unless given.
        note: a reason to use instead of PayPal's.
    """
    amount, currency = _money(refund, "amount")
    status = REFUNDS.get(_text(refund, "status"), "pending")
    return RefundReport(
        capture_of(refund) or capture_id,
        _text(refund, "id"),
        status,
        amount,
        currency,
        key=_text(refund, "custom_id"),
        reason=note or ("" if status == "succeeded" else _reason(refund)),
    )


def dispute_reports(dispute: Mapping[str, Any]) -> list[DisputeReport]:
    """Return the reports of a dispute, one for each disputed payment.

    They never say that money was withdrawn: PayPal reports that as a reversed payment.
    """
    amount, currency = _money(dispute, "dispute_amount")
    outcome = _text(_object(dispute, "dispute_outcome"), "outcome_code")
    status = "open"
    if _text(dispute, "status") == "RESOLVED":
        status = "won" if outcome in WON else "lost"
    words = (_text(dispute, "reason"), _text(dispute, "dispute_life_cycle_stage"), outcome)
    reason = ", ".join(word.replace("_", " ").capitalize() for word in words if word)
    payments = [
        found
        for transaction in _objects(dispute, "disputed_transactions")
        if (found := _text(transaction, "seller_transaction_id"))
    ]
    dispute_id = _text(dispute, "dispute_id")
    return [
        DisputeReport(
            payment,
            dispute_id if len(payments) == 1 else f"{dispute_id}/{payment}",
            status,
            amount,
            currency,
            reason=reason,
        )
        for payment in payments
    ]


def order_of(capture: Mapping[str, Any]) -> str:
    """Return the id of a captured payment's order; empty if PayPal does not say it."""
    return _text(_object(_object(capture, "supplementary_data"), "related_ids"), "order_id")


def capture_of(refund: Mapping[str, Any]) -> str:
    """Return the id of the payment that a refund belongs to; empty if PayPal does not say it."""
    path = link(refund, "up").partition("?")[0]
    return path.rpartition("/captures/")[2] if "/captures/" in path else ""


def link(value: Mapping[str, Any], *relations: str) -> str:
    """Return the first link with one of these relations; empty if there is none."""
    for relation in relations:
        for found in _objects(value, "links"):
            if found.get("rel") == relation:
                return _text(found, "href")
    return ""


def _reason(value: Mapping[str, Any]) -> str:
    code = _text(_object(value, "status_details"), "reason")
    if code in REASONS:
        return __(REASONS[code])
    if _text(value, "status") == "PENDING":
        return __("PayPal has not completed it yet.")
    return __("PayPal declined it.")


def _fee(capture: Mapping[str, Any], currency: str) -> Decimal | None:
    breakdown = _object(capture, "seller_receivable_breakdown")
    if not breakdown.get("paypal_fee"):
        return None
    fee, fee_currency = _money(breakdown, "paypal_fee")
    return fee if fee_currency == currency else None


def _day(capture: Mapping[str, Any]) -> date | None:
    # a pending payment succeeds later than it was created; a refund changes the update's time
    name = "update_time" if _text(capture, "status") == "COMPLETED" else "create_time"
    try:
        return datetime.fromisoformat(_text(capture, name)).date()
    except ValueError:
        return None


def _money(value: Mapping[str, Any], name: str) -> tuple[Decimal, str]:
    found = _object(value, name)
    currency = _text(found, "currency_code")
    try:
        amount = Decimal(_text(found, "value"))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or len(currency) != 3:
        raise ExternalServiceError(__("PayPal's response contains no valid amount."))
    return amount, currency


def _text(value: Mapping[str, Any], name: str) -> str:
    found = value.get(name)
    return found if isinstance(found, str) else ""


def _object(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = value.get(name)
    return found if isinstance(found, Mapping) else {}


def _objects(value: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = value.get(name)
    return (
        [entry for entry in found if isinstance(entry, Mapping)] if isinstance(found, list) else []
    )
