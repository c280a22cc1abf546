"""`Test connection`: is there DigitalOcean's API, does it know the token, and what may the
account do.
"""

from __future__ import annotations

from ..models.accounts import Account
from .answers import explain
from .api import DigitalOcean

SECONDS = 15.0


def test_connection(account: Account) -> tuple[bool, str]:
    """Ask in the order in which things go wrong.

    Returns:
        Whether all is well, and a sentence for staff.
    """
    cloud = DigitalOcean(account, timeout=SECONDS)
    about = cloud.account()
    if not about.ok:
        return False, explain(about, account.name)
    servers = cloud.tagged("puqpanel")
    if not servers.ok:
        return False, explain(servers, account.name)
    status = str(about.data.get("status") or "active")
    if status == "locked":
        return False, f"DigitalOcean has locked the account {account.name}. Ask its support why."
    limit = about.data.get("droplet_limit")
    room = f" It may have {limit} servers." if isinstance(limit, int) else ""
    return True, f"{account.name} answers, and the panel may see its servers.{room}"
