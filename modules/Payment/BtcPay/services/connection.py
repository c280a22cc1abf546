"""What “Test connection” finds out about the key, the store and the webhook."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from puqpanel.sdk import Result, __

from .client import Client, Refused

# a permission for a store has the store's ID appended: btcpay.store.cancreateinvoice:STORE
REQUIRED = (
    "btcpay.store.cancreateinvoice",
    "btcpay.store.canviewinvoices",
    "btcpay.store.canmanagepullpayments",
)
ALL = ("unrestricted", "btcpay.store.canmodifystoresettings")
WEBHOOKS = "btcpay.store.webhooks.canmodifywebhooks"
SUBSCRIBED = (
    "InvoiceReceivedPayment",
    "InvoiceProcessing",
    "InvoicePaymentSettled",
    "InvoiceSettled",
    "InvoiceExpired",
    "InvoiceInvalid",
)
PAYOUTS = ("PayoutCreated", "PayoutApproved", "PayoutUpdated")
"""Optional: refunds are also asked about regularly."""


def check(client: Client, store_id: str, webhook_url: str) -> Result:
    """Say in a sentence whether payments can be taken."""
    granted = {name for name, _, store in _split(client.permissions()) if store in ("", store_id)}
    everything = bool(granted & set(ALL))
    missing = [name for name in REQUIRED if name not in granted]
    if missing and not everything:
        text = __("The API key lacks: :permissions.", {"permissions": ", ".join(missing)})
        return Result.error(text)
    client.invoices(take=1)
    if WEBHOOKS not in granted and not everything:
        return Result.success(
            __("Connected to the store. The API key may not view webhooks: check them yourself.")
        )
    try:
        hooks = [one for one in client.webhooks() if one.get("url") == webhook_url]
    except Refused as refusal:
        return Result.error(str(refusal))
    if not any(_is_complete(hook) for hook in hooks):
        return Result.error(
            __(
                "Connected to the store, but it has no enabled webhook to :url with all events.",
                {"url": webhook_url},
            )
        )
    return Result.success(__("Connected to the store, and its webhook is complete."))


def _split(permissions: Iterable[str]) -> list[tuple[str, str, str]]:
    return [one.partition(":") for one in permissions]


def _is_complete(hook: dict[str, Any]) -> bool:
    events = hook.get("authorizedEvents")
    if not isinstance(events, dict) or hook.get("enabled") is False:
        return False
    specific = events.get("specificEvents")
    chosen = set(specific) if isinstance(specific, list) else set()
    return events.get("everything") is True or chosen >= set(SUBSCRIBED)
