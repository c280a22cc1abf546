"""Test connection: does DigitalOcean accept the token, and may the panel read servers."""

from __future__ import annotations

from puqpanel.sdk import __

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
    name = {"name": account.name}
    if details.data.get("status") == "locked":
        return False, __(
            "DigitalOcean locked the account :name. Contact DigitalOcean support.", name
        )
    limit = details.data.get("droplet_limit")
    message = __("Connected to :name. The panel can read its servers.", name)
    if isinstance(limit, int):
        message += " " + __("Server limit at DigitalOcean: :limit.", {"limit": limit})
    return True, message
