"""Saved payment methods: the card or mandate that a succeeded PaymentIntent leaves for later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from puqpanel.sdk import SavedMethod


def saved_method(intent: Mapping[str, Any]) -> SavedMethod | None:
    """Return the method that can be charged later; None if the client did not agree to save it.

    Some methods, such as iDEAL and Bancontact, can't be charged again themselves: they leave a SEPA
    mandate.
    """
    customer, method = intent.get("customer"), intent.get("payment_method")
    customer = customer.get("id") if isinstance(customer, Mapping) else customer
    if intent.get("setup_future_usage") != "off_session" or not customer:
        return None
    charge = intent.get("latest_charge")
    used = charge.get("payment_method_details") if isinstance(charge, Mapping) else None
    used = used.get(used.get("type")) if isinstance(used, Mapping) else None
    if isinstance(used, Mapping) and "generated_sepa_debit" in used:
        mandate = used["generated_sepa_debit"]
        mandate = mandate.get("id") if isinstance(mandate, Mapping) else mandate
        last4 = str(used.get("iban_last4") or "")
        return SavedMethod(mandate, customer, "sepa_debit", last4) if mandate else None
    if not isinstance(method, Mapping):
        return None
    details = method.get(method["type"]) or {}
    return SavedMethod(
        method["id"],
        customer,
        str(details.get("brand") or method["type"]),
        str(details.get("last4") or ""),
        expiry(details),
    )


def expiry(card: Mapping[str, Any]) -> str:
    """Return the last month of a card as `YYYY-MM`; empty if it has none."""
    if not (card.get("exp_year") and card.get("exp_month")):
        return ""
    return f"{int(card['exp_year']):04}-{int(card['exp_month']):02}"
