"""The Overview tab: the server's details, its status, and its power."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify
from flask import request as current_request

from puqpanel.sdk import Request, __, abort, noop__, reading, refuse_impersonation

from ..models.servers import ACTIVE, STOPPED, Server
from ..services import catalog, placement, sizes
from ..services.api import DigitalOcean
from ..services.power import ARCHIVED
from .base import UNAVAILABLE, Tab

# The action at DigitalOcean of each button, and the message when it has started.
POWER = {
    "start": ("power_on", noop__("The server is starting.")),
    "stop": ("shutdown", noop__("The server is shutting down.")),
    "reboot": ("reboot", noop__("The server is restarting.")),
    "force": ("power_cycle", noop__("The server is being power-cycled.")),
}


def power_actions() -> dict[str, dict[str, str]]:
    """Return the power actions for a running server and their consequences."""
    return {
        "reboot": {
            "label": __("Restart"),
            "icon": "rotate-right",
            "button": __("Restart server"),
            "consequence": __("All running programs will be restarted."),
        },
        "stop": {
            "label": __("Shut down"),
            "icon": "power-off",
            "button": __("Shut down server"),
            "consequence": __("The server is offline until you start it. Billing continues."),
        },
        "force": {
            "label": __("Force restart"),
            "icon": "bolt",
            "button": __("Cut power and restart"),
            "consequence": __("Use this if the server does not respond. Unsaved data is lost."),
        },
    }


def statuses() -> dict[str, dict[str, str]]:
    """Return how the page shows each status."""
    return {
        "on": {"tone": "good", "icon": "circle-check", "label": __("Running")},
        "off": {"tone": "mute", "icon": "power-off", "label": __("Stopped")},
        "changing": {"tone": "busy", "icon": "rotate", "label": __("Updating")},
        "archived": {"tone": "warn", "icon": "box-archive", "label": __("Archived")},
        "unknown": {"tone": "warn", "icon": "circle-question", "label": __("Unknown")},
    }


class Overview(Tab):
    """`general`."""

    def variables_general(self) -> dict[str, Any]:
        """Return the server's details, never its password.

        The page loads the status later, unless `?state=1` requests it (for browsers without
        JavaScript).
        """
        server = self.ready_server()
        show_status = bool(current_request.args.get("state"))
        return {
            "server": server,
            "specs": self._specs(server),
            "backups": self.product_data["backup_enabled"],
            "city": _city(server) if server else "",
            "image": _image_name(server) if server else "",
            "has_password": bool(server and server.root_password),
            "api": self.api("general"),
            "show_status": show_status,
            "action": current_request.args.get("ask", ""),
            **(self._status(server) if show_status and server else {}),
        }

    @reading
    def controller_client_general_state(self, request: Request) -> Any:
        """Return the status as JSON, or as a fragment of the page for htmx."""
        server = self.target_or_404().server
        status = self._status(server)
        if request.headers.get("HX-Request"):
            return self.view("client_area.state", {"api": self.api("general"), **status})
        if status["state"] == "unknown":
            return {"status": "error", "message": __(UNAVAILABLE), "code": 503}, 503
        return {"status": "success", "data": {"state": status["state"]}}

    def controller_client_general_power(self, request: Request) -> Any:
        """Start, stop or restart the server."""
        target = self.target_to_change(request)
        power = POWER.get(request.form.get("action", ""))
        if power is None:
            abort(400)
        if target is None:
            return self.not_now(request, "general")
        action, success = power
        self.log_info(f"power: {action} by the customer")
        response = target.client.act(target.server_id, action)
        if response.ok:
            placement.update(self._uuid, status=STOPPED if action == "shutdown" else ACTIVE)
        return self.respond_to(request, "general", response, __(success))

    def controller_client_general_password(self, request: Request) -> Any:
        """Return the initial root password for a POST only, never cached."""
        if request.method != "POST":
            abort(405)
        refuse_impersonation()
        password = self.target_or_404().server.root_password
        if not password:
            abort(404)
        self.log_info("password shown to the customer")
        if request.headers.get("HX-Request"):
            response = Response(self.view("client_area.password", {"password": password}))
        elif request.accept_mimetypes.accept_html:  # a browser without JavaScript
            response = Response(password, mimetype="text/plain")
        else:
            response = jsonify({"status": "success", "data": {"password": password}})
        response.headers["Cache-Control"] = "no-store"
        return response

    def _specs(self, server: Server | None) -> dict[str, Any]:
        """Return the size of the server, or of the product until it is created."""
        size = sizes.BY_SLUG.get(server.size) if server else None
        plan = self.product_data
        ram_mb = size.ram if size else plan["ram_mb"]
        return {
            "cpu": size.cpu if size else plan["cpu_cores"],
            "memory": f"{ram_mb} MB" if ram_mb % 1024 else f"{ram_mb // 1024} GB",
            "disk": size.disk if size else plan["disk_gb"],
            "traffic": size.traffic if size else plan["bandwidth_gb"],
        }

    def _status(self, server: Server) -> dict[str, Any]:
        """Return the server's status now and what the customer may do."""
        response = DigitalOcean(server.account).droplet(server.server_id or "")
        if not response.ok:
            state = "unknown"
        elif response.data.get("locked") is True or response.data.get("status") == "new":
            state = "changing"
        else:
            names = {"active": "on", "off": "off", ARCHIVED: "archived"}
            state = names.get(str(response.data.get("status")), "unknown")
        return {
            "state": state,
            "status": statuses()[state],
            "may_change": response.ok and self.may_change(),
            "power_actions": power_actions(),
            "page_address": f"/client/services/{self.service_uuid}/general",
            "unavailable": UNAVAILABLE,
        }


def _city(server: Server) -> str:
    for location, region in sizes.REGIONS.items():
        if region == server.region:
            return sizes.CITIES[location]
    return ""


def _image_name(server: Server) -> str:
    image = catalog.find(server.image)
    return image.name if image else server.image
