"""`Test connection`: is there a cloud, does it know the panel, and may the panel manage users."""

from __future__ import annotations

from ..models.servers import Server
from .ocs_client import OcsClient, explain, version

SECONDS = 15.0


def test_connection(server: Server) -> tuple[bool, str]:
    """Ask in the order in which things go wrong.

    Returns:
        Whether all is well, and a sentence for staff.
    """
    cloud = OcsClient(
        server.url, server.username, server.password, verify=server.verify_tls, timeout=SECONDS
    )
    about = cloud.capabilities()
    if not about.ok:
        return False, explain(about, server.name)
    users = cloud.users()
    if not users.ok:
        return False, explain(users, server.name)
    known = version(about.data)
    return (
        True,
        (
            f"{server.name} answers{f' as version {known}' if known else ''}, and the panel may"
            " manage its users."
        ),
    )
