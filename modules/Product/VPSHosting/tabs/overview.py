"""The tab Overview: where the server is, how it is, and its power."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify
from flask import request as current_request

from puqpanel.sdk import Request, __, abort

from ..models.servers import Server
from ..services import catalog, sizes
from ..services.answers import Told
from ..services.api import DigitalOcean
from .answers import Tab

# What a button asks for, as DigitalOcean calls it, and what is said then.
POWER = {
    "start": ("power_on", "The server is being started."),
    "stop": ("shutdown", "The server is being shut down."),
    "reboot": ("reboot", "The server is being restarted."),
    "force": ("power_cycle", "The power of the server is being cut and switched on again."),
}


def choices() -> dict[str, dict[str, str]]:
    """What can be done to a server that runs, with what it means for whoever uses the server."""
    return {
        "reboot": {
            "label": __("Restart"),
            "icon": "rotate-right",
            "button": __("Restart server"),
            "sentence": __("Everything that runs in the server ends and begins again."),
        },
        "stop": {
            "label": __("Shut down"),
            "icon": "power-off",
            "button": __("Shut server down"),
            "sentence": __(
                "The server cannot be reached until it is started again. It stays paid for."
            ),
        },
        "force": {
            "label": __("Force restart"),
            "icon": "bolt",
            "button": __("Cut power and restart"),
            "sentence": __(
                "For a server that hangs: its power is cut. What was not yet written to the disk is"
                " lost."
            ),
        },
    }


class Overview(Tab):
    """`general`."""

    def variables_general(self) -> dict[str, Any]:
        """What is known of the server, without its password; how it is now only where the page
        was asked for it.
        """
        server = self.made()
        asked = bool(current_request.args.get("state"))
        image = catalog.find(server.image) if server else None
        return {
            "server": server,
            "size": sizes.BY_SLUG.get(server.size) if server else None,
            "place": sizes.PLACES.get(
                next(
                    (
                        name
                        for name, slug in sizes.REGIONS.items()
                        if server and slug == server.region
                    ),
                    "",
                ),
                "",
            ),
            "image": image.name if image else server.image if server else "",
            "plan": self.product_data,
            "has_password": bool(server and server.root_password),
            "api": self.api("general"),
            "asked": asked,
            "ask": current_request.args.get("ask", ""),
            **(self._now(server) if asked and server else {}),
        }

    def controller_client_general_state(self, request: Request) -> Any:
        """How the server is now: JSON, or a piece of the page where that is asked for."""
        server, _ = self.made_or_404()
        found = self._now(server)
        if request.headers.get("HX-Request"):
            return self.view("client_area.state", {"api": self.api("general"), **found})
        if found["state"] == "unknown":
            return {
                "status": "error",
                "message": __("The state of the server cannot be told just now."),
                "code": 503,
            }, 503
        return {"status": "success", "data": {"state": found["state"]}}

    def controller_client_general_power(self, request: Request) -> Any:
        """Start, stop or restart the server."""
        found = self.changing(request)
        action = POWER.get(request.form.get("action", ""))
        if action is None:
            abort(400)
        if found is None:
            return self.wait(request, "general")
        server, server_id = found
        kind, done = action
        self.log_info(f"power: {kind} by the customer")
        return self.tell(
            request, "general", DigitalOcean(server.account).act(server_id, kind), __(done)
        )

    def controller_client_general_password(self, request: Request) -> Any:
        """The first password of root, for who asks for it by POST; kept by no cache, and in no
        page before.
        """
        if request.method != "POST":
            abort(405)
        server, _ = self.made_or_404()
        if not server.root_password:
            abort(404)
        self.log_info("password shown to the customer")
        if request.headers.get("HX-Request"):
            answer = Response(self.view("client_area.password", {"password": server.root_password}))
        elif request.accept_mimetypes.accept_html:  # a browser without script
            answer = Response(server.root_password, mimetype="text/plain")
        else:
            answer = jsonify({"status": "success", "data": {"password": server.root_password}})
        answer.headers["Cache-Control"] = "no-store"
        return answer

    @property
    def _here(self) -> str:
        return f"/client/services/{self.service_uuid}/general"

    def _now(self, server: Server) -> dict[str, Any]:
        told: Told = DigitalOcean(server.account).droplet(server.server_id or "")
        if not told.ok:
            return {"state": "unknown", "may": False}
        status, busy = told.data.get("status"), bool(told.data.get("locked"))
        state = (
            "changing"
            if busy or status == "new"
            else {"active": "on", "off": "off"}.get(str(status), "unknown")
        )
        return {
            "state": state,
            "may": self.open_to_changes(),
            "choices": choices(),
            "here": self._here,
        }
