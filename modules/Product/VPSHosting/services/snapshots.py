"""The snapshots of a server, and the action that is in progress."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .api import DigitalOcean, number
from .responses import ApiResponse

# Actions that change the list or block other changes, and how the tab names them.
BUSY = {"snapshot": "snapshot", "rebuild": "restore", "restore": "restore"}


@dataclass(frozen=True)
class Snapshot:
    """A snapshot."""

    id: str
    name: str
    gigabytes: float
    created_at: datetime | None


@dataclass(frozen=True)
class SnapshotList:
    """All snapshots of a server.

    Attributes:
        snapshots: The snapshots, newest first.
        busy: The action in progress: "snapshot", "restore" or "".
    """

    snapshots: list[Snapshot]
    busy: str = ""

    def find(self, snapshot_id: str) -> Snapshot | None:
        """Return the snapshot with this id if it is this server's.

        The account holds the snapshots of other customers too.
        """
        for snapshot in self.snapshots:
            if snapshot.id == snapshot_id:
                return snapshot
        return None


def list_snapshots(client: DigitalOcean, server_id: str) -> SnapshotList | ApiResponse:
    """Return the snapshots of a server, or the response that is not ok."""
    response = client.snapshots(server_id)
    if not response.ok:
        return response
    snapshots = [_snapshot(item) for item in response.data if number(item.get("id"))]
    snapshots.sort(key=lambda item: int(item.id), reverse=True)
    return SnapshotList(snapshots, _busy(client.actions(server_id)))


def _busy(actions: ApiResponse) -> str:
    for action in actions.data if actions.ok else []:
        if not isinstance(action, dict) or action.get("status") != "in-progress":
            continue
        if busy := BUSY.get(str(action.get("type"))):
            return busy
    return ""


def _snapshot(item: dict[str, Any]) -> Snapshot:
    try:
        created_at = datetime.fromisoformat(str(item.get("created_at")))
    except ValueError:
        created_at = None
    size = item.get("size_gigabytes")
    return Snapshot(
        str(item.get("id")),
        str(item.get("name") or "—"),
        float(size) if isinstance(size, (int, float)) else 0.0,
        created_at,
    )
