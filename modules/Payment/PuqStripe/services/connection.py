"""Test connection: is the key right, may the account take payments, is the webhook set up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from puqpanel.sdk import ExternalServiceError, Result, __

from .client import Client
from .events import SUBSCRIBED


def check(client: Client, settings: Mapping[str, Any], webhook_url: str) -> Result:
    """Return what is right or wrong with a gateway, in a sentence for staff.

    Args:
        client: the client.
        settings: the settings of the gateway.
        webhook_url: the address that Stripe must call.
    """
    try:
        account = client.account()
        name = {"name": str(account["settings"]["dashboard"]["display_name"] or account["id"])}
    except ExternalServiceError as error:
        return Result.error(str(error))
    except (KeyError, TypeError):
        return Result.error(__("Stripe's response could not be read."))
    if settings.get("sandbox"):
        message = __("Connected to the sandbox of “:name”: test payments only.", name)
    elif account.get("charges_enabled") is False:
        return Result.error(
            __("“:name” can't take payments yet: complete its activation in Stripe.", name)
        )
    else:
        message = __("Connected to “:name”, live mode.", name)
    problem = _webhook_problem(client, webhook_url)
    return Result.error(f"{message} {problem}") if problem else Result.success(message)


def _webhook_problem(client: Client, url: str) -> str:
    """Return what is wrong with the webhook endpoint; empty if nothing is, or it can't be read."""
    try:
        endpoints = client.webhooks()
    except ExternalServiceError:
        return ""  # a restricted key need not be allowed to read them
    ours = [entry for entry in endpoints if entry.get("url") == url]
    if not ours:
        return __("But it has no webhook endpoint with the address of this gateway.")
    if all(entry.get("status") != "enabled" for entry in ours):
        return __("But its webhook endpoint is switched off.")
    sent = {name for entry in ours for name in entry.get("enabled_events") or []}
    missing = [name for name in SUBSCRIBED if name not in sent and "*" not in sent]
    if missing:
        return __("But its webhook endpoint lacks events: :events.", {"events": ", ".join(missing)})
    return ""
