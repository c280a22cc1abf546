"""Bring a server to a power state, step by step.

Each step reads the server, starts at most one action, and is repeated until nothing is left to
do. A server in the desired state needs no action, so every job may be repeated; an action whose
response was lost shows in the server's state.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NamedTuple

from puqpanel.sdk import Product, Result, Service, __, noop__, now

from ..models.accounts import Account
from ..models.servers import Server
from . import placement
from .api import DigitalOcean, number
from .responses import ApiResponse, explain

# How long a shutdown may take before the power is cut.
SHUTDOWN_LIMIT = timedelta(seconds=90)
# An older action belongs to an earlier job that did not end well.
STALE_AFTER = timedelta(minutes=15)
IN_PROGRESS, COMPLETED = "in-progress", "completed"
ARCHIVED = "archive"
NO_SERVER = noop__("This service has no server yet. Create it first.")
ACTIONS = {
    "shutdown": noop__("shutdown"),
    "power_off": noop__("power off"),
    "power_on": noop__("power on"),
    "resize": noop__("resize"),
    "enable_backups": noop__("enable backups"),
    "disable_backups": noop__("disable backups"),
    "change_backup_policy": noop__("change the backup policy"),
    "": noop__("another action"),
}


class Current(NamedTuple):
    """A server's row, and its droplet as DigitalOcean reports it now."""

    server: Server
    client: DigitalOcean
    droplet: dict[str, Any]


class Power(Product):
    """What the jobs that change an existing server share."""

    @property
    def _uuid(self) -> str:
        return self.service_uuid or ""

    @staticmethod
    def client(account: Account, *, secrets: tuple[str, ...] = ()) -> DigitalOcean:
        """Return a client for the account."""
        return DigitalOcean(account, secrets=secrets)

    def _read(self) -> Current | Result:
        """Return the server as it is now, or a failed result."""
        server = placement.find(self._uuid)
        if server is None or server.server_id is None:
            return Result.error(__(NO_SERVER), retry=False)
        client = self.client(server.account)
        response = client.droplet(server.server_id)
        if not response.ok:
            return self._failed(response, server)
        return Current(server, client, response.data)

    def _failed(self, response: ApiResponse, server: Server) -> Result:
        """Return a failed result for a response that is not ok."""
        if response.not_found:
            Service.find(self._uuid).set_provision_status("not_found")
        return Result.error(explain(response, server.account.name), retry=response.retryable)

    def _power_off(self, current: Current) -> Result | None:
        """Take one step to a server that is off, first by a shutdown; None once it is off."""
        if current.droplet.get("status") in ("off", ARCHIVED):
            return None
        status = self._action_status(current)
        if isinstance(status, Result):
            return status
        action, started_at = current.server.action_type, current.server.action_at
        is_stale = started_at is None or started_at + STALE_AFTER < now()
        if action not in ("shutdown", "power_off") or (is_stale and status != IN_PROGRESS):
            if status == IN_PROGRESS:
                return self._wait(current)
            return self._start_action(current, "shutdown")
        if action == "power_off":
            waiting = status == IN_PROGRESS
        else:
            # A completed shutdown only means that the system was told to shut down.
            is_overdue = started_at is None or started_at + SHUTDOWN_LIMIT < now()
            waiting = status != "errored" and not is_overdue
        return self._wait(current) if waiting else self._start_action(current, "power_off")

    def _power_on(self, current: Current) -> Result | None:
        """Take one step to a server that is on; None once it is on."""
        if current.droplet.get("status") == "active":
            return None
        return self._act(current, "power_on")

    @staticmethod
    def _check_archived(droplet: dict[str, Any]) -> Result | None:
        """Return a failed result if DigitalOcean archived the server, which stops all actions."""
        if droplet.get("status") != ARCHIVED:
            return None
        return Result.error(
            __("DigitalOcean archived the server. Contact DigitalOcean support."), retry=False
        )

    def _act(self, current: Current, action: str, **parameters: Any) -> Result:
        """Start an action unless one is in progress; its effect shows in the server's state."""
        status = self._action_status(current)
        if isinstance(status, Result):
            return status
        if status == IN_PROGRESS:
            return self._wait(current)
        if status == "errored" and current.server.action_type == action:
            placement.update(self._uuid, **placement.NO_ACTION)
            return Result.error(
                __("DigitalOcean could not complete: :action.", {"action": _label(action)}),
                retry=True,
            )
        return self._start_action(current, action, **parameters)

    def _action_status(self, current: Current) -> str | Result:
        """Return the status of the last started action; empty if there is none."""
        if current.server.action_id is None:
            return ""
        response = current.client.action(current.server.action_id)
        if response.not_found:
            return COMPLETED
        if not response.ok:
            return self._failed(response, current.server)
        return str(response.data.get("status", ""))

    def _start_action(self, current: Current, action: str, **parameters: Any) -> Result:
        server_id = current.server.server_id or ""
        # Cutting the power is tried all the same: it replaces a shutdown that hangs.
        if current.droplet.get("locked") is True and action != "power_off":
            return self._wait(current)
        response = current.client.act(server_id, action, **parameters)
        if response.rejected and current.client.is_locked(server_id):
            return self._wait(current)
        if not response.ok:
            # If only the response was lost, the next attempt sees the effect in the server.
            return self._failed(response, current.server)
        placement.record_action(self._uuid, action, number(response.data.get("id")))
        return Result.pending(
            __("In progress at DigitalOcean: :action.", {"action": _label(action)})
        )

    @staticmethod
    def _wait(current: Current) -> Result:
        action = {"action": _label(current.server.action_type)}
        return Result.pending(__("Waiting for DigitalOcean to complete: :action.", action))


def _label(action: str) -> str:
    return __(ACTIONS.get(action, action.replace("_", " ")))
