"""Bringing a server to a state: each step looks at what is there, begins at most one action, and is
asked again until nothing is left to do.

A server that is already as it should be needs no action, so every job may be repeated; an action
whose answer was lost is found by its effect.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NamedTuple

from puqpanel.sdk import Product, Result, Service, now

from ..models.accounts import Account
from ..models.servers import Server
from . import placement
from .answers import Told, explain
from .api import DigitalOcean

# How long a server may take to shut itself down before its power is cut.
GRACE = timedelta(seconds=90)
# An action that old was of an earlier job, which did not end well.
STALE = timedelta(minutes=15)
RUNNING, COMPLETED = "in-progress", "completed"
NO_SERVER = "This service has no server. Create it first."


class Seen(NamedTuple):
    """A server as DigitalOcean shows it now."""

    server: Server
    cloud: DigitalOcean
    droplet: dict[str, Any]


class Power(Product):
    """What the jobs share that change a server which is there."""

    @property
    def _uuid(self) -> str:
        """The service that the call is about."""
        return self.service_uuid or ""

    @staticmethod
    def cloud(account: Account, *, secrets: tuple[str, ...] = ()) -> DigitalOcean:
        """A client for the account."""
        return DigitalOcean(account, secrets=secrets)

    def _look(self) -> Seen | Result:
        """The server as it is now, or why it cannot be told."""
        server = placement.find(self._uuid)
        if server is None or server.server_id is None:
            return Result.error(NO_SERVER, retry=False)
        cloud = self.cloud(server.account)
        told = cloud.droplet(server.server_id)
        return Seen(server, cloud, told.data) if told.ok else self._no(told, server)

    def _no(self, told: Told, server: Server) -> Result:
        """An answer that was no yes, as a job's result."""
        sentence = explain(told, server.account.name)
        if told.missing:
            Service.find(self._uuid).set_provision_status("not_found")
        return Result.error(sentence, retry=told.later)

    def _off(self, seen: Seen) -> Result | None:
        """One step towards a server that is off: asked kindly first. None once it is off."""
        if seen.droplet.get("status") == "off":
            return None
        state = self._state(seen)
        if isinstance(state, Result):
            return state
        kind, begun = seen.server.action_type, seen.server.action_at
        stale = begun is None or begun + STALE < now()
        if kind not in ("shutdown", "power_off") or (stale and state != RUNNING):
            return self._wait(seen) if state == RUNNING else self._begin_action(seen, "shutdown")
        overdue = begun is None or begun + GRACE < now()
        # Heard, or not yet: what runs in the server may take a while to end.
        if (kind == "shutdown" and state != "errored" and not overdue) or (
            kind == "power_off" and state == RUNNING
        ):
            return self._wait(seen)
        return self._begin_action(seen, "power_off")

    def _on(self, seen: Seen) -> Result | None:
        """One step towards a server that is on. None once it is."""
        if seen.droplet.get("status") == "active":
            return None
        return self._reach(seen, "power_on")

    def _reach(self, seen: Seen, kind: str, **more: Any) -> Result:
        """Begin an action, unless one is under way.

        What it was to bring about is looked for in the server itself.
        """
        state = self._state(seen)
        if isinstance(state, Result):
            return state
        if state == RUNNING:
            return self._wait(seen)
        if state == "errored" and seen.server.action_type == kind:
            placement.note(self._uuid, **placement.NO_ACTION)
            return Result.error(f"DigitalOcean could not finish: {_words(kind)}.", retry=True)
        return self._begin_action(seen, kind, **more)

    def _state(self, seen: Seen) -> str | Result:
        """How the action does that was begun last; empty where there is none."""
        if seen.server.action_id is None:
            return ""
        told = seen.cloud.action(seen.server.action_id)
        if told.missing:
            return COMPLETED
        return str(told.data.get("status", "")) if told.ok else self._no(told, seen.server)

    def _begin_action(self, seen: Seen, kind: str, **more: Any) -> Result:
        told = seen.cloud.act(seen.server.server_id or "", kind, **more)
        if told.pending_event:
            return self._wait(seen)
        if not told.ok:
            # An action whose answer was lost shows in the server: the next attempt looks there
            # first.
            return self._no(told, seen.server)
        placement.note_action(self._uuid, kind, told.data.get("id"))
        return Result.pending(f"Under way at DigitalOcean: {_words(kind)}.")

    @staticmethod
    def _wait(seen: Seen) -> Result:
        return Result.pending(
            "Waiting for DigitalOcean to finish:"
            f" {_words(seen.server.action_type) or 'another action'}."
        )


def _words(kind: str) -> str:
    return kind.replace("_", " ")
