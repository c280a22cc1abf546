"""Checks web addresses, ports and hosts.

What one run does stands in services/runs.py, what one look is in services/probes.py.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from puqpanel.sdk import Plugin, __, db

from .models.checks import Check
from .services import runs, thinning
from .services.record import forget_state

DASHBOARD, CHECKS, SETTINGS = "monitoring-dashboard", "monitoring-checks", "monitoring-settings"


class ServerMonitoring(Plugin):
    """Checks, what they found, and two events: `monitoring.down` when an outage begins and
    `monitoring.up` when it ends.

    Both carry check_id, name, type, target, client_uuid, service_uuid (empty where it belongs to
    nobody) and since; the first the reason as well, the second down_seconds.
    """

    def admin_permissions(self) -> list[dict[str, Any]]:
        """Who may look, who may change checks, and who may say how far they reach."""
        return [
            {
                "name": "View the monitoring dashboard",
                "key": DASHBOARD,
                "description": "See how all checks stand, uptime and response times",
            },
            {
                "name": "Manage checks",
                "key": CHECKS,
                "description": (
                    "See, add, change, pause and delete checks, and export what they found"
                ),
            },
            {
                "name": "Monitoring settings",
                "key": SETTINGS,
                "description": (
                    "Say which internal networks checks may reach, and how long results are kept"
                ),
            },
        ]

    def admin_sidebar(self) -> list[dict[str, Any]]:
        """The dashboard and the checks."""
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
        """The dashboard, the list, a page for each check, and the form pairs."""
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
        """A run every 30 seconds, unless the last is still at it; thinning every hour."""
        return [
            {"name": "Run checks", "method": "runChecks", "every": "30s", "timeout": 300},
            {"name": "Thin out results", "method": "thin", "every": "1h", "timeout": 300},
        ]

    def runChecks(self) -> dict[str, Any]:
        """Makes the checks that are due."""
        done = runs.run()
        text = __(":up up, :down down, :unable could not be checked.", done)
        return {
            "status": "success",
            "message": text if sum(done.values()) else __("Nothing was due."),
            "data": done,
        }

    def thin(self) -> dict[str, Any]:
        """Removes what is older than the settings say."""
        return {"status": "success", "data": thinning.thin()}

    def stop_for_service(self, payload: dict[str, Any]) -> None:
        """Pauses the checks of a service that is gone: nobody is woken because of what was
        ended on purpose.
        """
        with db.transaction() as session:
            wanted = (
                sa.select(Check)
                .where(Check.service_uuid == str(payload.get("service_uuid") or ""), Check.active)
                .with_for_update()
            )
            for check in session.scalars(wanted.execution_options(populate_existing=True)):
                check.active = False
                forget_state(session, check)
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
