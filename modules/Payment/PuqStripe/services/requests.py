"""What the module asks of Stripe: the parameters of checkouts, charges and refunds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from puqpanel.sdk import ExternalServiceError, PaymentAttempt, SavedMethod, __

from .amounts import to_stripe
from .reports import ATTEMPT, REFUND_KEY

# The fee is known as soon as the payment succeeds; by default Stripe tells it later.
CAPTURE = "automatic"


def checkout_params(
    attempt: PaymentAttempt, return_url: str, cancel_url: str, customer: str
) -> dict[str, Any]:
    """Return the parameters of a Checkout Session.

    They depend on the attempt only: Stripe refuses a repetition that differs. So `expires_at` is
    Stripe's own, 24 hours.

    Args:
        attempt: what to pay.
        return_url: where the client returns after paying.
        cancel_url: where the client returns otherwise.
        customer: the id of the customer at Stripe; empty for a new one.
    """
    currency = attempt.currency
    price = {
        "currency": currency.lower(),
        "unit_amount": to_stripe(attempt.amount, currency),
        "product_data": {"name": attempt.description[:250] or attempt.uuid},
    }
    metadata = {ATTEMPT: attempt.uuid}
    intent: dict[str, Any] = {
        "metadata": metadata,
        "description": attempt.description[:500],
        "capture_method": CAPTURE,
    }
    params: dict[str, Any] = {
        "mode": "payment",
        "line_items": [{"price_data": price, "quantity": 1}],
        "client_reference_id": attempt.uuid,
        "metadata": metadata,
        "payment_intent_data": intent,
        "success_url": return_url,
        "cancel_url": cancel_url,
        # The amount that arrives must be the amount of the document.
        "adaptive_pricing": {"enabled": False},
    }
    if customer:
        params["customer"] = customer
    elif attempt.invoice.client.email:
        params["customer_email"] = attempt.invoice.client.email
    if attempt.save_method:
        intent["setup_future_usage"] = "off_session"
        if not customer:
            params["customer_creation"] = "always"
    return params


def charge_params(attempt: PaymentAttempt, method: SavedMethod) -> dict[str, Any]:
    """Return the parameters of a PaymentIntent that is charged without the client.

    Args:
        attempt: what to pay.
        method: the saved method of a customer.
    """
    return {
        "amount": to_stripe(attempt.amount, attempt.currency),
        "currency": attempt.currency.lower(),
        "customer": method.customer_id,
        "payment_method": method.outside_id,
        # those that need a page of a bank can't be charged without the client
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        "confirm": True,
        "off_session": True,
        "capture_method": CAPTURE,
        "description": attempt.description[:500],
        "metadata": {ATTEMPT: attempt.uuid},
    }


def refund_params(intent: Mapping[str, Any], amount: Decimal, key: str) -> dict[str, Any]:
    """Return the parameters of a refund.

    Args:
        intent: the refunded PaymentIntent.
        amount: in major units of its currency.
        key: the panel's key of the refund.
    """
    currency = intent.get("currency")
    if not isinstance(currency, str) or len(currency) != 3:
        raise ExternalServiceError(__("Stripe's response could not be read."))
    return {
        "payment_intent": intent["id"],
        "amount": to_stripe(amount, currency.upper()),
        "metadata": {REFUND_KEY: key},
    }


def made_with(items: Iterable[dict[str, Any]], name: str, value: str) -> dict[str, Any] | None:
    """Return the object that this module created with a value in its metadata, or None."""
    for item in items:
        metadata = item.get("metadata")
        if value and isinstance(metadata, Mapping) and metadata.get(name) == value:
            return item
    return None
