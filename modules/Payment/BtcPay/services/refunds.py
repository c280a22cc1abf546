"""Refunds: a pull payment that the client claims; it is refunded once its payouts are completed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from puqpanel.sdk import RefundReport, __

from .client import Client, Refused
from .reports import decimal, payment_of, readable

_DESCRIPTION = re.compile(r"puqpanel-refund/(?P<key>[^\s/]+)/(?P<payment>[^\s:/]+:[^\s:/]+)")


def describe(key: str, payment: str) -> str:
    """Return the description of a refund's pull payment, by which it is found again."""
    return f"puqpanel-refund/{key}/{payment}"


def create(client: Client, transaction_id: str, amount: Decimal, key: str) -> RefundReport:
    """Create the pull payment of a refund, or return the one that was created for the key.

    Raises:
        Refused: the payment is unknown, or less is left of it.
    """
    invoice_id, _, payment_id = transaction_id.partition(":")
    if not invoice_id or not payment_id:
        raise Refused(__("This is not the ID of a payment at BTCPay Server."))
    earlier = [one for one in client.pull_payments() if _of(one, "payment") == transaction_id]
    for one in earlier:
        if key and _of(one, "key") == key:
            return report(one, client.payouts(str(one["id"])))
    currency = str(client.invoice(invoice_id).get("currency") or "")
    found = payment_of(client.payment_methods(invoice_id), payment_id, currency)
    if found is None or found[0].get("status") != "Settled":
        raise Refused(__("This payment has not arrived, so it cannot be refunded."))
    _, paid, method = found
    left = paid - sum(_taken(client, one) for one in earlier)
    if not 0 < amount <= left:
        rest = {"amount": f"{left} {currency}"}
        raise Refused(__("Only :amount is left to refund.", rest))
    body = {
        "name": __("Refund of :payment", {"payment": invoice_id})[:50],
        "description": describe(key, transaction_id),
        "payoutMethodId": method,
        "refundVariant": "Custom",
        "customAmount": f"{amount:f}",
        "customCurrency": currency,
    }
    created = client.create_refund(invoice_id, body)
    return report(created | {"description": body["description"]}, [])


def of_invoice(client: Client, invoice_id: str) -> list[RefundReport]:
    """Return the refunds of an invoice's payments."""
    return [
        report(one, client.payouts(str(one["id"])))
        for one in client.pull_payments()
        if _of(one, "payment").partition(":")[0] == invoice_id
    ]


def of_pull_payment(client: Client, id: str) -> list[RefundReport]:
    """Return the refund of a pull payment; nothing if it is not one of the panel."""
    found = client.pull_payment(id)
    return [report(found, client.payouts(id))] if _of(found, "payment") else []


@readable
def report(pull: Mapping[str, Any], payouts: Iterable[Mapping[str, Any]]) -> RefundReport:
    """Return what a pull payment and its payouts mean.

    A client may claim in parts. It succeeded when all is paid; if it is archived before, what was
    paid counts, and without any it failed.
    """
    amount, paid = decimal(pull["amount"]), _paid(payouts)
    status, reason = "pending", __("The client claims it at :link", {"link": pull["viewLink"]})
    if paid >= amount:
        status, reason = "succeeded", ""
    elif pull.get("archived"):
        status = "succeeded" if paid else "failed"
        reason = "" if paid else __("The refund was cancelled in BTCPay Server.")
    return RefundReport(
        payment=_of(pull, "payment"),
        outside_id=str(pull["id"]),
        status=status,
        amount=paid if status == "succeeded" and paid < amount else amount,
        currency=str(pull["currency"]),
        key=_of(pull, "key"),
        reason=reason,
    )


def _paid(payouts: Iterable[Mapping[str, Any]]) -> Decimal:
    """Return what was paid out, in the currency of the pull payment."""
    # "amount" in versions before 2.0
    done = [one for one in payouts if one.get("state") == "Completed"]
    return sum((decimal(one.get("originalAmount", one.get("amount"))) for one in done), Decimal(0))


@readable
def _taken(client: Client, pull: Mapping[str, Any]) -> Decimal:
    """Return how much of the payment a refund takes."""
    if pull.get("archived"):
        return _paid(client.payouts(str(pull["id"])))
    return decimal(pull["amount"])


def _of(pull: Mapping[str, Any], part: str) -> str:
    match = _DESCRIPTION.search(str(pull.get("description") or ""))
    return match[part] if match else ""
