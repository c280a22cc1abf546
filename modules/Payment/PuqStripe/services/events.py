"""Webhook events: which ones matter, and what to ask Stripe about each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from puqpanel.sdk import ExternalServiceError, MethodReport, WebhookEvent, __

from .client import Client
from .reports import (
    checkout_reports,
    dispute_reports,
    intent_report,
    method_reports,
    payout_reports,
    refund_reports,
)

CHECKOUTS = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
)
INTENTS = (
    "payment_intent.succeeded",
    "payment_intent.processing",
    "payment_intent.payment_failed",
    "payment_intent.requires_action",
    "payment_intent.canceled",
)
REFUNDS = ("refund.created", "refund.updated", "refund.failed")
DISPUTES = (
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
)
METHODS = (
    "payment_method.detached",
    "payment_method.updated",
    "payment_method.automatically_updated",
)
PAYOUTS = ("payout.created", "payout.updated", "payout.paid", "payout.failed", "payout.canceled")
SUBSCRIBED = (*CHECKOUTS, *INTENTS, *REFUNDS, *DISPUTES, *METHODS, *PAYOUTS)


def content(event: WebhookEvent) -> tuple[str, Mapping[str, Any]]:
    """Return the type of an event, and the object it is about.

    Raises:
        ExternalServiceError: it is not an event as Stripe documents it.
    """
    body = event.json
    name, data = body.get("type"), body.get("data")
    item = data.get("object") if isinstance(data, dict) else None
    if isinstance(name, str) and name not in SUBSCRIBED:
        return name, {}
    if not isinstance(name, str) or not isinstance(item, dict) or not _is_id(item.get("id")):
        raise ExternalServiceError(__("The webhook is not an event of Stripe."))
    return name, item


def method(name: str, item: Mapping[str, Any]) -> list[MethodReport]:
    """Return what an event about a saved method says; it has everything itself."""
    return method_reports(item, removed=name == "payment_method.detached")


def read(client: Client, name: str, item: Mapping[str, Any]) -> list[Any]:
    """Return the current state of what an event is about.

    Args:
        client: the client.
        name: the type of the event, one of `SUBSCRIBED`.
        item: the object of the event; only its id is used.
    """
    outside_id = item["id"]
    if name in CHECKOUTS:
        return list(checkout_reports(client.checkout(outside_id)))
    if name in REFUNDS:
        return list(refund_reports(client.refund(outside_id)))
    if name in DISPUTES:
        return list(dispute_reports(client.dispute(outside_id)))
    if name in PAYOUTS:
        return list(payout_reports(client.payout(outside_id)))
    report = intent_report(client.intent(outside_id))
    return [report] if report else []


def _is_id(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 200
