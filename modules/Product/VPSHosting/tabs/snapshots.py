"""The tab Snapshots: take one, go back to one, delete one. They end with the service."""

from __future__ import annotations

from typing import Any, NamedTuple

from puqpanel.sdk import Request, __

from ..models.servers import Server
from ..services.answers import Told
from ..services.api import DigitalOcean
from ..services.snapshots import Shelf, Snapshot, shelf
from .answers import Tab

LONGEST = 60


class Chosen(NamedTuple):
    """One snapshot of the server's own."""

    server: Server
    server_id: str
    one: Snapshot


class Snapshots(Tab):
    """`snapshots`."""

    def variables_snapshots(self) -> dict[str, Any]:
        """What there is, and how many more there may be."""
        server = self.made()
        found = shelf(DigitalOcean(server.account), server.server_id or "") if server else None
        limit = self.product_data["snapshot_limit"]
        known = found if isinstance(found, Shelf) else None
        return {
            "server": server,
            "shelf": known,
            "limit": limit,
            "full": (
                known is not None and len(known.snapshots) + (known.busy == "snapshot") >= limit
            ),
            "may": self.open_to_changes(),
            "longest": LONGEST,
            "api": self.api("snapshots"),
        }

    def controller_client_snapshots_get(self, request: Request) -> Any:
        """The list as JSON."""
        server, server_id = self.made_or_404()
        found = shelf(DigitalOcean(server.account), server_id)
        if isinstance(found, Told):
            return {"success": False, "error": __("The snapshots cannot be shown just now.")}, 503
        rows = [
            {
                "id": one.id,
                "name": one.name,
                "gigabytes": one.gigabytes,
                "created_at": one.created_at and one.created_at.isoformat(),
            }
            for one in found.snapshots
        ]
        return {
            "success": True,
            "data": {
                "snapshots": rows,
                "busy": found.busy,
                "limit": self.product_data["snapshot_limit"],
            },
        }

    def controller_client_snapshots_create(self, request: Request) -> Any:
        """Take a snapshot of the server as it is."""
        found = self.changing(request)
        if found is None:
            return self.wait(request, "snapshots")
        server, server_id = found
        name = " ".join(request.form.get("name", "").split())
        if not name or len(name) > LONGEST or not name.isprintable():
            return self.say(
                request,
                "snapshots",
                __("Give the snapshot a name of at most :count characters.", {"count": LONGEST}),
                422,
            )
        cloud = DigitalOcean(server.account)
        there = shelf(cloud, server_id)
        if isinstance(there, Told):
            return self._unknown(request)
        if there.busy:
            return self.say(
                request,
                "snapshots",
                __("Something is already under way for this server. Try again when it is done."),
                409,
            )
        if len(there.snapshots) >= self.product_data["snapshot_limit"]:
            return self.say(
                request,
                "snapshots",
                __("You have all the snapshots that your plan has room for. Delete one first."),
                409,
            )
        told = cloud.act(server_id, "snapshot", name=name)
        return self.tell(
            request,
            "snapshots",
            told,
            __("The snapshot :name is being taken. That takes some minutes.", {"name": name}),
        )

    def controller_client_snapshots_restore(self, request: Request) -> Any:
        """Put the server back to what a snapshot holds."""
        found = self._one(request)
        if not isinstance(found, Chosen):
            return found
        server, server_id, one = found
        self.log_info(f"restore of snapshot {one.id} by the customer")
        # The API's restore takes backups only; a rebuild takes any image of the account's, and
        # keeps the address.
        told = DigitalOcean(server.account).act(server_id, "rebuild", image=int(one.id))
        return self.tell(
            request,
            "snapshots",
            told,
            __("The server is being put back to :name. It is off meanwhile.", {"name": one.name}),
        )

    def controller_client_snapshots_remove(self, request: Request) -> Any:
        """Delete a snapshot."""
        found = self._one(request)
        if not isinstance(found, Chosen):
            return found
        server, _, one = found
        told = DigitalOcean(server.account).delete_snapshot(one.id)
        done = __("The snapshot :name is deleted.", {"name": one.name})
        return (
            self.say(request, "snapshots", done)
            if told.missing
            else self.tell(request, "snapshots", told, done)
        )

    def _one(self, request: Request) -> Chosen | Any:
        """The snapshot that was chosen, if it is one of this server's; else the answer."""
        found = self.changing(request)
        if found is None:
            return self.wait(request, "snapshots")
        server, server_id = found
        there = shelf(DigitalOcean(server.account), server_id)
        if isinstance(there, Told):
            return self._unknown(request)
        one = there.has(request.form.get("snapshot", ""))
        if one is None:
            return self.say(
                request, "snapshots", __("There is no such snapshot of this server."), 404
            )
        return Chosen(server, server_id, one)

    def _unknown(self, request: Request) -> Any:
        return self.say(
            request,
            "snapshots",
            __("The server cannot be reached just now. Try again in a minute."),
            503,
        )
