"""Test connection: does DigitalOcean accept the token, and may the panel read servers."""

from __future__ import annotations

from ..models.accounts import Account
from .api import DigitalOcean
from .responses import explain

TIMEOUT_SECONDS = 15.0


def test_connection(account: Account) -> tuple[bool, str]:
    """Check the connection and the token of an account.

    Returns:
        Whether the test succeeded, and a sentence for staff.
    """
    client = DigitalOcean(account, timeout_seconds=TIMEOUT_SECONDS)
    details = client.account()
    if not details.ok:
        return False, explain(details, account.name)
    servers = client.tagged("puqpanel")
    if not servers.ok:
        return False, explain(servers, account.name)
    if details.data.get("status") == "locked":
        return False, f"DigitalOcean locked the account {account.name}. Contact its support."
    limit = details.data.get("droplet_limit")
    limit_text = f" Server limit at DigitalOcean: {limit}." if isinstance(limit, int) else ""
    return True, f"Connected to {account.name}. The panel can read its servers.{limit_text}"
