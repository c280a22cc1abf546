"""Test connection: is there a Nextcloud, and may the panel manage its users."""

from __future__ import annotations

from puqpanel.sdk import __

from ..models.servers import Server
from .explanations import explain
from .ocs_client import OcsClient, version


def test_connection(server: Server) -> tuple[bool, str]:
    """Check the connection to a server and the panel's rights there.

    Returns:
        Whether the test succeeded, and a sentence for staff.
    """
    client = OcsClient(server.url, server.username, server.password, verify=server.verify_tls)
    capabilities = client.capabilities()
    if not capabilities.ok:
        return False, explain(capabilities, server.name)
    users = client.users()
    if not users.ok:
        return False, explain(users, server.name)
    release = version(capabilities.data)
    values = {"name": server.name, "version": release}
    if not release:
        return True, __("Connected to :name. The panel can manage its users.", values)
    return True, __(
        "Connected to :name (version :version). The panel can manage its users.", values
    )
