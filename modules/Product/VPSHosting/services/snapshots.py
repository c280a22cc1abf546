"""Snapshots of a server, for its customer: what there is, and what is under way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .answers import Told
from .api import DigitalOcean

# Actions that change what the tab shows, or that keep it from changing anything.
BUSY = {"snapshot": "snapshot", "rebuild": "restore", "restore": "restore"}


@dataclass(frozen=True)
class Snapshot:
    """One snapshot."""

    id: str
    name: str
    gigabytes: float
    created_at: datetime | None


@dataclass(frozen=True)
class Shelf:
    """All of a server's snapshots. `busy` is what is under way: snapshot, restore or nothing."""

    snapshots: list[Snapshot]
    busy: str = ""

    def has(self, snapshot_id: str) -> Snapshot | None:
        """The snapshot of that id, if it is one of this server's: an account holds those of
        other customers too.
        """
        return next((one for one in self.snapshots if one.id == snapshot_id), None)


def shelf(cloud: DigitalOcean, server_id: str) -> Shelf | Told:
    """What there is, or the answer that was no yes."""
    told = cloud.snapshots(server_id)
    if not told.ok:
        return told
    actions = cloud.actions(server_id)
    running = (
        [
            one
            for one in actions.data
            if isinstance(one, dict) and one.get("status") == "in-progress"
        ]
        if actions.ok
        else []
    )
    busy = next((BUSY[str(one.get("type"))] for one in running if one.get("type") in BUSY), "")
    return Shelf(
        sorted(
            map(_snapshot, told.data),
            key=lambda one: int(one.id) if one.id.isdecimal() else 0,
            reverse=True,
        ),
        busy,
    )


def _snapshot(one: dict[str, Any]) -> Snapshot:
    try:
        made = datetime.fromisoformat(str(one.get("created_at")))
    except ValueError:
        made = None
    size = one.get("size_gigabytes")
    return Snapshot(
        str(one.get("id")),
        str(one.get("name") or "—"),
        float(size) if isinstance(size, (int, float)) else 0.0,
        made,
    )
