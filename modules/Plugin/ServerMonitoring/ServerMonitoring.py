"""Check websites, ports and hosts.

services/runs.py runs the checks that are due, services/probes.py probes one target.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from puqpanel.sdk import Plugin, __, db, n__

from .models.checks import Check
from .services import pruning, runs
from .services.recording import reset_state

DASHBOARD, CHECKS, SETTINGS = "monitoring-dashboard", "monitoring-checks", "monitoring-settings"


class ServerMonitoring(Plugin):
    """Checks, their results, and two events: `monitoring.down` and `monitoring.up`.

    Both events carry check_id, name, type, target, client_uuid and service_uuid (empty without an
    owner), and since. `monitoring.down` also carries the reason, `monitoring.up` down_seconds.
    """

    def admin_permissions(self) -> list[dict[str, Any]]:
        """Return the permissions for the dashboard, the checks and the settings."""
        return [
            {
                "name": "View the monitoring dashboard",
                "key": DASHBOARD,
                "description": "View the status, uptime and response times of all checks",
            },
            {
                "name": "Manage checks",
                "key": CHECKS,
                "description": "View, add, edit, pause and delete checks, and export results",
            },
            {
                "name": "Manage monitoring settings",
                "key": SETTINGS,
                "description": "Set the internal networks for checks, and result retention",
            },
        ]

    def admin_sidebar(self) -> list[dict[str, Any]]:
        """Return the dashboard and the checks."""
        checks = [
            route["name"] for route in self.admin_web_routes() if route["permission"] == CHECKS
        ]
        return [
            {
                "title": "Monitoring",
                "link": "dashboard",
                "active_links": ["dashboard", "settings"],
                "permission": DASHBOARD,
                "icon": "fas fa-heart-pulse",
            },
            {
                "title": "Checks",
                "link": "checks",
                "active_links": checks,
                "permission": CHECKS,
                "icon": "fas fa-list-check",
            },
        ]

    def admin_web_routes(self) -> list[dict[str, Any]]:
        """Return the dashboard, the settings, the list, and the pages and forms of a check."""
        overview, checks = "ServerMonitoringController", "ChecksController"
        return [
            _route("get", "dashboard", "dashboard", f"{overview}@dashboard", DASHBOARD),
            _route("get", "settings", "settings", f"{overview}@settings_form", SETTINGS),
            _route("post", "settings", "settings.submit", f"{overview}@settings_submit", SETTINGS),
            _route("get", "checks", "checks", f"{overview}@checks"),
            _route("get", "checks/add", "checks.add", f"{checks}@add_form"),
            _route("post", "checks/add", "checks.add.submit", f"{checks}@add_submit"),
            _route("get", "checks/{id}", "checks.show", f"{checks}@show"),
            _route("get", "checks/{id}/results.csv", "checks.results", f"{checks}@results"),
            _route("get", "checks/{id}/edit", "checks.edit", f"{checks}@edit_form"),
            _route("post", "checks/{id}/edit", "checks.edit.submit", f"{checks}@edit_submit"),
            _route("post", "checks/{id}/pause", "checks.pause", f"{checks}@pause"),
            _route("post", "checks/{id}/resume", "checks.resume", f"{checks}@resume"),
            _route("post", "checks/{id}/now", "checks.now", f"{checks}@now"),
            _route("get", "checks/{id}/delete", "checks.remove", f"{checks}@remove_form"),
            _route("post", "checks/{id}/delete", "checks.remove.submit", f"{checks}@remove_submit"),
        ]

    def scheduler(self) -> list[dict[str, Any]]:
        """Return the schedule: run checks every 30 seconds, prune old results every hour."""
        return [
            {"name": "Run checks", "method": "runChecks", "every": "30s", "timeout": 300},
            {"name": "Prune old results", "method": "thin", "every": "1h", "timeout": 300},
        ]

    def runChecks(self) -> dict[str, Any]:
        """Run the checks that are due."""
        counts = runs.run()
        message = __("No checks were due.")
        if any(counts.values()):
            message = __(
                ":up, :down, :unable.",
                {
                    "up": n__(":count up", ":count up", counts["up"]),
                    "down": n__(":count down", ":count down", counts["down"]),
                    "unable": n__(":count unknown", ":count unknown", counts["unable"]),
                },
            )
        return {"status": "success", "message": message, "data": counts}

    def thin(self) -> dict[str, Any]:
        """Delete what is older than the settings allow."""
        return {"status": "success", "data": pruning.prune()}

    def stop_for_service(self, payload: dict[str, Any]) -> None:
        """Pause the checks of a terminated service, so that its end is not an outage."""
        service_uuid = str(payload.get("service_uuid") or "")
        query = sa.select(Check).where(Check.service_uuid == service_uuid, Check.active)
        query = query.with_for_update().execution_options(populate_existing=True)
        with db.transaction() as session:
            for check in session.scalars(query):
                check.active = False
                reset_state(session, check)
                self.log_info("check paused with its service", response={"check": check.name})


def _route(
    method: str, uri: str, name: str, controller: str, permission: str = CHECKS
) -> dict[str, Any]:
    return {
        "method": method,
        "uri": uri,
        "name": name,
        "controller": controller,
        "permission": permission,
    }
