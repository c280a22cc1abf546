"""The tab Console.

DigitalOcean's API gives no console to embed: its own opens in its control panel, for who is signed
in to the account there. To a customer that address is worth nothing, so customers get the way in
that works for them, SSH; the other one stands on the service's page of staff.
"""

from __future__ import annotations

from typing import Any

from puqpanel.sdk import Request

from .answers import Tab

USER = "root"


class Console(Tab):
    """`console`."""

    def variables_console(self) -> dict[str, Any]:
        """The way in."""
        server = self.made()
        return {
            "server": server,
            "user": USER,
            "command": f"ssh {USER}@{server.ip_address}" if server else "",
            "address": f"ssh://{USER}@{server.ip_address}" if server else "",
            "forget": f"ssh-keygen -R {server.ip_address}" if server else "",
            "has_keys": bool(self.service_data["ssh_keys"]),
            "has_password": bool(server and server.root_password),
            "api": self.api("general"),
        }

    def controller_client_console_get(self, request: Request) -> Any:
        """`{success, console_url}` as documented; the address is one that SSH programs open."""
        server = self.made()
        if server is None:
            return {"success": False, "error": "Server not found"}, 404
        return {
            "success": True,
            "console_url": f"ssh://{USER}@{server.ip_address}",
            "command": f"ssh {USER}@{server.ip_address}",
        }


def control_panel(server_id: str) -> str:
    """The console in DigitalOcean's own control panel, for who can sign in to the account there."""
    return f"https://cloud.digitalocean.com/droplets/{server_id}/console"
