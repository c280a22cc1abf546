"""Read the payload that a module passes to `on_payment_success` or `on_payment_failed`.

The vendor documentation passes the provider's message as it is, so identifiers are looked for
where payment providers put them: at the top level, in `data.object`, `resource`, or `metadata`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from puqpanel.host.contract.payments import PaymentReport
from puqpanel.sdk.money import major_units

TRANSACTION = ("transaction_id", "transactionId", "txn_id", "payment_id", "id")
INVOICE = ("invoice_uuid", "invoiceUuid", "reference_id", "referenceId", "client_reference_id")
AMOUNT = ("amount", "amount_received", "amount_total", "value")
CURRENCY = ("currency", "currency_code", "ccy")
_NESTED = ("data", "object", "resource", "payment", "metadata", "amount")


def read(payload: Mapping[str, Any], *, succeeded: bool) -> PaymentReport:
    """Return what a payload reports.

    Args:
        payload: of the module.
        succeeded: whether it was paid.

    Raises:
        ValueError: it has no transaction id, amount or currency; the text says which.
    """
    levels = list(_levels(payload))
    depths = {id(level): depth for depth, level in enumerate(levels)}
    amount, level = _find(levels, AMOUNT)
    currency, _level = _find(levels, CURRENCY)
    number = _decimal(amount)
    code = str(currency or "").upper()
    missing = [
        name
        for name, value in (("amount", number), ("currency", code if len(code) == 3 else None))
        if value is None
    ]
    transaction = str(_transaction(levels) or "")
    if succeeded and not transaction:
        missing.append("transaction_id")
    if missing or number is None:
        raise ValueError(f"the payload has no {', '.join(missing)}")
    nested = level is not None and depths[id(level)] > 0 and isinstance(amount, int)
    if nested:
        # providers count in minor units in their own messages
        number = major_units(int(number), code)
    return PaymentReport(
        outside_id=(transaction or _digest(payload))[:200],
        status="succeeded" if succeeded else "failed",
        amount=number,
        currency=code,
        invoice=invoice_of(payload),
        reference=str(_find(levels, ("reference", "description"))[0] or "")[:500],
        reason=str(_find(levels, ("reason", "message", "error"))[0] or "")[:500],
    )


def invoice_of(payload: Mapping[str, Any]) -> str:
    """Return the UUID of the invoice in a payload; empty if it has none."""
    value, _level = _find(list(_levels(payload)), INVOICE)
    return str(value or "")[:36]


def _levels(payload: Mapping[str, Any], depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """Yield the payload and the mappings nested where providers nest them, outermost first."""
    yield payload
    if depth < 3:
        for name in _NESTED:
            if isinstance(payload.get(name), Mapping):
                yield from _levels(payload[name], depth + 1)


def _find(
    levels: list[Mapping[str, Any]], names: tuple[str, ...]
) -> tuple[Any, Mapping[str, Any] | None]:
    """Return the first value under one of the names, and the mapping that has it."""
    for level in levels:
        for name in names:
            value = level.get(name)
            if value not in (None, "") and not isinstance(value, Mapping):
                return value, level
    return None, None


def _transaction(levels: list[Mapping[str, Any]]) -> Any:
    """Return the transaction id: a nested `id`, rather than that of the whole message."""
    explicit, _level = _find(levels, TRANSACTION[:-1])
    if explicit is not None:
        return explicit
    nested = next((level["id"] for level in levels[1:] if level.get("id")), None)
    return levels[0].get("id") if nested is None else nested


def _decimal(value: Any) -> Decimal | None:
    if value is None or isinstance(value, bool):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _digest(payload: Mapping[str, Any]) -> str:
    """Return an id of a failed payment without one: the same for the same message."""
    text = json.dumps(payload, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
