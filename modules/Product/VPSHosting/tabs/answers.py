"""What the tabs share: whether the customer may change something now, and how it is said what
came of it.
"""

from __future__ import annotations

from typing import Any

from flask import flash, redirect

from puqpanel.sdk import Request, Service, __, abort

from ..models.servers import Server
from ..services import placement
from ..services.answers import Outcome, Told
from ..services.provisioning import Provisioning


class Tab(Provisioning):
    """The base of the tabs."""

    def api(self, tab: str) -> str:
        """Where a tab's own calls go."""
        return f"/client/services/{self.service_uuid}/{tab}/api"

    def made(self) -> Server | None:
        """The service's server, once it has been ready."""
        server = placement.find(self._uuid)
        return server if server is not None and server.server_id and server.ip_address else None

    def made_or_404(self) -> tuple[Server, str]:
        """The server and DigitalOcean's id of it."""
        server = self.made()
        if server is None or server.server_id is None:
            abort(404)
        return server, server.server_id

    def open_to_changes(self) -> bool:
        """Whether the customer may change the server: not while it is suspended, and not while
        a job does.
        """
        service = Service.find(self._uuid)
        return service.status == "active" and service.provision_status == "completed"

    def changing(self, request: Request) -> tuple[Server, str] | None:
        """The server to change, for a POST; None where that has to wait."""
        if request.method != "POST":
            abort(405)
        server = self.made_or_404()
        return server if self.open_to_changes() else None

    def wait(self, request: Request, tab: str) -> Any:
        """The answer to a change that has to wait."""
        return self.say(
            request,
            tab,
            __(
                "This is not possible just now: the service is suspended, or something is under way"
                " for it."
            ),
            409,
        )

    def say(self, request: Request, tab: str, sentence: str, code: int = 200) -> Any:
        """A sentence as JSON, or on the tab for a browser. Args: code is 200 where it worked."""
        if not request.accept_mimetypes.accept_html:
            return {
                "status": "success" if code == 200 else "error",
                "success": code == 200,
                "message": sentence,
                "code": code,
            }, code
        flash(sentence, "good" if code == 200 else "bad")
        return redirect(f"/client/services/{self.service_uuid}/{tab}")

    def tell(self, request: Request, tab: str, told: Told, done: str) -> Any:
        """What came of a request, for the customer; why exactly stands in the module log for
        staff.
        """
        if told.ok:
            return self.say(request, tab, done)
        if told.pending_event:
            return self.say(
                request,
                tab,
                __("Something is already under way for this server. Try again when it is done."),
                409,
            )
        if told.doubtful:
            return self.say(
                request,
                tab,
                __("No answer came, so this may have been done or not. Look again in a minute."),
                503,
            )
        if told.outcome is Outcome.INVALID:
            return self.say(
                request, tab, __("This is not possible in the state that the server is in."), 409
            )
        return self.say(
            request, tab, __("The server cannot be reached just now. Try again in a minute."), 503
        )
