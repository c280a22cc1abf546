"""What Stripe's objects mean as reports; pure functions over the objects as dictionaries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from puqpanel.sdk import (
    DisputeReport,
    ExternalServiceError,
    MethodReport,
    PaymentReport,
    PayoutReport,
    RefundReport,
    __,
    now,
)

from .amounts import from_stripe
from .methods import expiry, saved_method

ATTEMPT, REFUND_KEY = "puqpanel_attempt", "puqpanel_refund"
"""Names in the metadata of what this module creates."""
# The client is still at the bank or the 3-D Secure page: nothing is decided.
UNDECIDED = ("use_stripe_sdk", "redirect_to_url", "alipay_handle_redirect")
REFUND_STATUSES = {
    "pending": "pending",
    "requires_action": "pending",
    "succeeded": "succeeded",
    "failed": "failed",
    "canceled": "failed",
}
DISPUTE_STATUSES = {
    "warning_needs_response": "open",
    "warning_under_review": "open",
    "warning_closed": "won",
    "needs_response": "open",
    "under_review": "open",
    "won": "won",
    "lost": "lost",
}
PAYOUT_STATUSES = {
    "pending": "pending",
    "in_transit": "pending",
    "paid": "paid",
    "failed": "failed",
    "canceled": "failed",
}
DAY = 24 * 60 * 60
P = ParamSpec("P")
R = TypeVar("R")


def _readable(work: Callable[P, R]) -> Callable[P, R]:
    """Let a function raise a clear error if an object is not as documented."""

    @wraps(work)
    def read(*args: P.args, **options: P.kwargs) -> R:
        try:
            return work(*args, **options)
        except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError):
            raise ExternalServiceError(__("Stripe's response could not be read.")) from None

    return read


@_readable
def checkout_reports(session: Mapping[str, Any]) -> list[PaymentReport]:
    """Return what a Checkout Session with its PaymentIntent says; nothing while it is open.

    One that expired before the client tried to pay has no PaymentIntent: its own id stands in.
    """
    expired = session["status"] == "expired"
    if intent := session.get("payment_intent"):
        report = intent_report(intent, checkout=session["id"], expired=expired)
        return [report] if report else []
    attempt = _attempt(session)
    if not (expired and attempt):
        return []
    currency = session["currency"].upper()
    amount = from_stripe(session["amount_total"], currency)
    reason = __("The payment page expired.")
    return [
        PaymentReport(
            session["id"],
            "cancelled",
            amount,
            currency,
            attempt=attempt,
            checkout=session["id"],
            reason=reason,
        )
    ]


@_readable
def intent_report(
    intent: Mapping[str, Any], *, checkout: str = "", expired: bool = False, charged: bool = False
) -> PaymentReport | None:
    """Return what a PaymentIntent says; None if nothing is decided or the panel did not create it.

    Args:
        intent: with `latest_charge.balance_transaction` and `payment_method` expanded.
        checkout: the id of its Checkout Session, if that is known.
        expired: whether that session expired.
        charged: whether the panel charged it without the client.
    """
    attempt = _attempt(intent)
    status, reason = _outcome(intent, expired=expired, charged=charged)
    if not attempt or not status:
        return None
    currency = intent["currency"].upper()
    succeeded = status == "succeeded"
    charge = _object(intent.get("latest_charge"))
    details = _object(charge.get("billing_details"))
    return PaymentReport(
        intent["id"],
        status,
        from_stripe(intent["amount_received" if succeeded else "amount"], currency),
        currency,
        attempt=attempt,
        checkout=checkout,
        fee=_fee(charge, currency) if succeeded else None,
        reason=reason,
        payer=str(details.get("name") or details.get("email") or ""),
        paid_on=_paid_on(charge) if succeeded else None,
        method=saved_method(intent) if succeeded else None,
        action_url="" if succeeded else _action_url(intent),
    )


@_readable
def refund_reports(refund: Mapping[str, Any]) -> list[RefundReport]:
    """Return what a refund says; nothing if it is not of a payment of the panel."""
    payment = _payment(refund)
    if not payment:
        return []
    currency = refund["currency"].upper()
    failure = refund.get("failure_reason") or refund.get("pending_reason")
    reason = __("Stripe: :reason", {"reason": _words(failure)}) if failure else ""
    return [
        RefundReport(
            payment,
            refund["id"],
            REFUND_STATUSES[refund["status"]],
            from_stripe(refund["amount"], currency),
            currency,
            key=str(_object(refund.get("metadata")).get(REFUND_KEY, "")),
            reason=reason,
        )
    ]


@_readable
def dispute_reports(dispute: Mapping[str, Any]) -> list[DisputeReport]:
    """Return what a dispute says; nothing if it is not of a payment of the panel.

    Whether money was taken follows from its balance transactions: an inquiry (`warning_…`) has
    none, and one that was won has two that add up to 0.
    """
    payment = _payment(dispute)
    if not payment:
        return []
    moved = sum(entry["amount"] for entry in dispute.get("balance_transactions") or [])
    currency, status = dispute["currency"].upper(), dispute["status"]
    if status == "prevented":  # settled before it became a dispute, mostly by a refund
        outcome = "lost" if moved < 0 else "won"
    else:
        outcome = DISPUTE_STATUSES[status]
    said = {"reason": _words(dispute.get("reason")), "status": _words(status)}
    return [
        DisputeReport(
            payment,
            dispute["id"],
            outcome,
            from_stripe(dispute["amount"], currency),
            currency,
            withdrawn=moved < 0,
            reason=__("Stripe: :reason (:status)", said),
        )
    ]


@_readable
def method_reports(method: Mapping[str, Any], *, removed: bool) -> list[MethodReport]:
    """Return what a payment method says.

    Args:
        method: the payment method.
        removed: whether it was detached from its customer.
    """
    card = _object(method.get("card"))
    return [MethodReport(method["id"], removed, "" if removed else expiry(card))]


@_readable
def payout_reports(payout: Mapping[str, Any]) -> list[PayoutReport]:
    """Return what a payout to the bank account of the company says."""
    currency = payout["currency"].upper()
    return [
        PayoutReport(
            payout["id"],
            PAYOUT_STATUSES[payout["status"]],
            from_stripe(payout["amount"], currency),
            currency,
            datetime.fromtimestamp(payout["arrival_date"], UTC).date(),
            str(payout.get("failure_message") or ""),
        )
    ]


def _outcome(intent: Mapping[str, Any], *, expired: bool, charged: bool) -> tuple[str, str]:
    """Return the panel's status, empty if nothing is decided, and the reason."""
    status = intent["status"]
    if status == "succeeded":
        return "succeeded", ""
    if status == "canceled":
        return "cancelled", __("The payment was cancelled.")
    if expired:
        return "cancelled", __("The payment page expired.")
    if status in ("processing", "requires_capture"):
        return "pending", __("The bank has not confirmed the payment yet.")
    failure = _object(intent.get("last_payment_error"))
    if charged:
        return "failed", _why(failure)
    if status == "requires_payment_method":
        return ("failed", _why(failure)) if failure else ("", "")
    if status == "requires_action":
        if _object(intent.get("next_action")).get("type") in UNDECIDED:
            return "", ""
        return "pending", __("The transfer or voucher has not been paid yet.")
    if status == "requires_confirmation":
        return "", ""
    raise ValueError(status)


def _why(failure: Mapping[str, Any]) -> str:
    codes = (failure.get("code"), failure.get("decline_code"))
    if not failure or "authentication_required" in codes:
        return __("The bank requires that you confirm this payment yourself. Pay it online.")
    return str(failure.get("message") or __("The payment was declined."))


def _fee(charge: Mapping[str, Any], currency: str) -> Decimal | None:
    """Return the fee; None if Stripe does not know it yet, or settles in another currency."""
    entry = _object(charge.get("balance_transaction"))
    if str(entry.get("currency", "")).upper() != currency or entry.get("fee") is None:
        return None
    return from_stripe(entry["fee"], currency)


def _paid_on(charge: Mapping[str, Any]) -> date | None:
    """Return the day of a payment that is reported late; today's is the panel's to tell."""
    created = _object(charge.get("balance_transaction")).get("created") or charge.get("created")
    if not created or now().timestamp() - created < DAY:
        return None
    return datetime.fromtimestamp(created, UTC).date()


def _action_url(intent: Mapping[str, Any]) -> str:
    """Return the page on which the client confirms a payment or reads how to pay it."""
    action = _object(intent.get("next_action"))
    details = _object(action.get(str(action.get("type"))))
    addresses = (
        value
        for name, value in details.items()
        if name == "url" or (name.startswith("hosted_") and name.endswith("_url"))
    )
    return next((str(url) for url in addresses if str(url).startswith("https://")), "")


def _attempt(item: Mapping[str, Any]) -> str:
    return str(_object(item.get("metadata")).get(ATTEMPT, ""))


def _payment(item: Mapping[str, Any]) -> str:
    """Return the id of the PaymentIntent; empty if it is another software's."""
    intent = item.get("payment_intent")
    if isinstance(intent, Mapping):
        return str(intent["id"]) if _attempt(intent) else ""
    return str(intent or "")


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _words(code: Any) -> str:
    return str(code or "general").replace("_", " ")
