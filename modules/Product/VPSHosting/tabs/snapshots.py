"""The Snapshots tab: take, restore and delete snapshots."""

from __future__ import annotations

from typing import Any, NamedTuple

from puqpanel.sdk import Request, __, n__, noop__

from ..services.api import DigitalOcean
from ..services.responses import ApiResponse
from ..services.snapshots import Snapshot, SnapshotList, list_snapshots
from .base import BUSY, UNAVAILABLE, Tab, Target

MAX_NAME_LENGTH = 60
LIMIT_REACHED = noop__("Snapshot limit reached. Delete a snapshot to take another.")


class Choice(NamedTuple):
    """A snapshot that the customer chose."""

    target: Target
    snapshot: Snapshot


class Snapshots(Tab):
    """`snapshots`."""

    def variables_snapshots(self) -> dict[str, Any]:
        """Return the snapshots and whether another may be taken."""
        server, snapshots = self.ready_server(), None
        if server:
            listed = list_snapshots(DigitalOcean(server.account), server.server_id or "")
            snapshots = listed if isinstance(listed, SnapshotList) else None
        limit = self.product_data["snapshot_limit"]
        count = len(snapshots.snapshots) if snapshots else 0
        busy = snapshots.busy if snapshots else ""
        is_full = count + (busy == "snapshot") >= limit
        may_change = self.may_change() and not busy
        return {
            "server": server,
            "snapshots": snapshots.snapshots if snapshots else None,
            "busy": busy,
            "limit": limit,
            "is_full": is_full,
            "may_take": may_change and not is_full,
            "may_change": may_change,
            "max_name_length": MAX_NAME_LENGTH,
            "limit_reached": LIMIT_REACHED,
            "unavailable": UNAVAILABLE,
            "api": self.api("snapshots"),
        }

    def controller_client_snapshots_get(self, request: Request) -> Any:
        """Return the snapshots as JSON."""
        target = self.target_or_404()
        listed = list_snapshots(target.client, target.server_id)
        if isinstance(listed, ApiResponse):
            return {"success": False, "error": __("Snapshots are temporarily unavailable.")}, 503
        rows = [
            {
                "id": snapshot.id,
                "name": snapshot.name,
                "gigabytes": snapshot.gigabytes,
                "created_at": snapshot.created_at and snapshot.created_at.isoformat(),
            }
            for snapshot in listed.snapshots
        ]
        limit = self.product_data["snapshot_limit"]
        return {"success": True, "data": {"snapshots": rows, "busy": listed.busy, "limit": limit}}

    def controller_client_snapshots_create(self, request: Request) -> Any:
        """Take a snapshot of the server."""
        target = self.target_to_change(request)
        if target is None:
            return self.not_now(request, "snapshots")
        name = " ".join(request.form.get("name", "").split())
        if not name or len(name) > MAX_NAME_LENGTH or not name.isprintable():
            message = n__(
                "Enter a name of up to :count character.",
                "Enter a name of up to :count characters.",
                MAX_NAME_LENGTH,
            )
            return self.respond(request, "snapshots", message, 422)
        listed = list_snapshots(target.client, target.server_id)
        if isinstance(listed, ApiResponse):
            return self.respond(request, "snapshots", __(UNAVAILABLE), 503)
        if listed.busy:
            return self.respond(request, "snapshots", __(BUSY), 409)
        if len(listed.snapshots) >= self.product_data["snapshot_limit"]:
            return self.respond(request, "snapshots", __(LIMIT_REACHED), 409)
        response = target.client.act(target.server_id, "snapshot", name=name)
        success = __("Taking snapshot :name. This takes a few minutes.", {"name": name})
        return self.respond_to(request, "snapshots", response, success)

    def controller_client_snapshots_restore(self, request: Request) -> Any:
        """Restore the server from a snapshot."""
        chosen = self._chosen(request)
        if not isinstance(chosen, Choice):
            return chosen
        target, snapshot = chosen
        self.log_info(f"restore of snapshot {snapshot.id} by the customer")
        # The API's restore accepts backups only. A rebuild accepts any image of the account, and
        # the server keeps its address.
        response = target.client.act(target.server_id, "rebuild", image=int(snapshot.id))
        success = __(
            "Restoring :name. The server is off until this completes.", {"name": snapshot.name}
        )
        return self.respond_to(request, "snapshots", response, success)

    def controller_client_snapshots_remove(self, request: Request) -> Any:
        """Delete a snapshot."""
        chosen = self._chosen(request)
        if not isinstance(chosen, Choice):
            return chosen
        target, snapshot = chosen
        response = target.client.delete_snapshot(snapshot.id)
        success = __("Snapshot :name deleted.", {"name": snapshot.name})
        if response.not_found:
            return self.respond(request, "snapshots", success)
        return self.respond_to(request, "snapshots", response, success)

    def _chosen(self, request: Request) -> Choice | Any:
        """Return the chosen snapshot of this server, or an error response."""
        target = self.target_to_change(request)
        if target is None:
            return self.not_now(request, "snapshots")
        listed = list_snapshots(target.client, target.server_id)
        if isinstance(listed, ApiResponse):
            return self.respond(request, "snapshots", __(UNAVAILABLE), 503)
        snapshot = listed.find(request.form.get("snapshot", ""))
        if snapshot is None:
            return self.respond(request, "snapshots", __("Snapshot not found."), 404)
        return Choice(target, snapshot)
