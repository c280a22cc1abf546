"""The Console tab.

DigitalOcean's API has no console to embed; its control panel has one, for those who can sign in
to the account. Customers get the way that works for them, SSH. Staff get a link to the control
panel on the service's page.
"""

from __future__ import annotations

from typing import Any

from puqpanel.sdk import Request, __

from .base import Tab

USER = "root"


class Console(Tab):
    """`console`."""

    def variables_console(self) -> dict[str, Any]:
        """Return the commands and the sign-in details."""
        server = self.ready_server()
        address = server.ip_address if server else ""
        return {
            "server": server,
            "user": USER,
            "command": f"ssh {USER}@{address}",
            "address": f"ssh://{USER}@{address}",
            "forget_command": f"ssh-keygen -R {address}",
            "has_keys": bool(self.service_data["ssh_keys"]),
            "has_password": bool(server and server.root_password),
            "api": self.api("general"),
        }

    def controller_client_console_get(self, request: Request) -> Any:
        """Return `{success, console_url}` as documented, with a URL that SSH clients open."""
        server = self.ready_server()
        if server is None:
            return {"success": False, "error": __("Server not found")}, 404
        return {
            "success": True,
            "console_url": f"ssh://{USER}@{server.ip_address}",
            "command": f"ssh {USER}@{server.ip_address}",
        }


def control_panel(server_id: str) -> str:
    """Return the address of the console in DigitalOcean's control panel."""
    return f"https://cloud.digitalocean.com/droplets/{server_id}/console"
