"""What the tabs share: when the customer may change the server, and the responses to changes."""

from __future__ import annotations

from typing import Any, NamedTuple

from flask import flash, redirect

from puqpanel.sdk import Request, Service, __, abort, noop__

from ..models.servers import Server
from ..services import placement
from ..services.api import DigitalOcean
from ..services.provisioning import Provisioning
from ..services.responses import ApiResponse, Outcome

BUSY = noop__("Another action is in progress. Try again when it completes.")
UNAVAILABLE = noop__("The data centre is not responding. Try again in a minute.")


class Target(NamedTuple):
    """The server that a request is about."""

    server: Server
    server_id: str
    client: DigitalOcean


class Tab(Provisioning):
    """Base class of the tabs."""

    def api(self, tab: str) -> str:
        """Return the address of a tab's own requests."""
        return f"/client/services/{self.service_uuid}/{tab}/api"

    def ready_server(self) -> Server | None:
        """Return the service's server, or None until it has been created."""
        server = placement.find(self._uuid)
        return server if server is not None and server.server_id and server.ip_address else None

    def target_or_404(self) -> Target:
        """Return the service's server, or abort with 404 until it has been created."""
        server = self.ready_server()
        if server is None or server.server_id is None:
            abort(404)
        return Target(server, server.server_id, DigitalOcean(server.account))

    def may_change(self) -> bool:
        """Return whether the server may be changed: not suspended, and no job in progress."""
        service = Service.find(self._uuid)
        return service.status == "active" and service.provision_status == "completed"

    def target_to_change(self, request: Request) -> Target | None:
        """Return the server that a POST may change, or None if it may not be changed now."""
        if request.method != "POST":
            abort(405)
        target = self.target_or_404()
        return target if self.may_change() else None

    def not_now(self, request: Request, tab: str) -> Any:
        """Respond that the server may not be changed now."""
        message = __("The server can't be changed while it is suspended or being updated.")
        return self.respond(request, tab, message, 409)

    def respond(self, request: Request, tab: str, message: str, code: int = 200) -> Any:
        """Respond with a message: as JSON, or on the tab for a browser.

        Args:
            request: The request.
            tab: The tab to show.
            message: The message.
            code: The HTTP status; 200 means success.
        """
        if not request.accept_mimetypes.accept_html:
            return {
                "status": "success" if code == 200 else "error",
                "success": code == 200,
                "message": message,
                "code": code,
            }, code
        flash(message, "good" if code == 200 else "bad")
        return redirect(f"/client/services/{self.service_uuid}/{tab}")

    def respond_to(self, request: Request, tab: str, response: ApiResponse, success: str) -> Any:
        """Tell the customer the outcome of a change; details are in the module log for staff."""
        if response.ok:
            return self.respond(request, tab, success)
        target = self.target_or_404()
        if response.rejected and target.client.is_locked(target.server_id):
            return self.respond(request, tab, __(BUSY), 409)
        if response.uncertain:
            message = __("The change may or may not have been applied. Check again in a minute.")
            return self.respond(request, tab, message, 503)
        if response.outcome is Outcome.REJECTED:
            message = __("The server's current status doesn't allow this.")
            return self.respond(request, tab, message, 409)
        return self.respond(request, tab, __(UNAVAILABLE), 503)
