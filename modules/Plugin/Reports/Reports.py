"""Reports on services, provisioning, modules, revenue, taxes and receivables.

All figures come from the SDK's statistics; this module stores nothing.
"""

from __future__ import annotations

from typing import Any

from puqpanel.sdk import Plugin

VIEW, INCOME = "reports-view", "reports-income"
SERVICES = ("services", "provisioning", "modules")
MONEY = ("income", "revenue", "tax", "receivables")


class Reports(Plugin):
    """Seven reports, each also available as CSV."""

    def admin_permissions(self) -> list[dict[str, Any]]:
        """Return the permissions; income requires one of its own."""
        return [
            {
                "name": "View reports",
                "key": VIEW,
                "description": "View reports on services, churn, provisioning and modules",
            },
            {
                "name": "View reports on money",
                "key": INCOME,
                "description": "View revenue, taxes and receivables",
            },
        ]

    def admin_sidebar(self) -> list[dict[str, Any]]:
        """Return one entry per permission."""
        return [
            {
                "title": "Reports",
                "link": "services",
                "active_links": list(SERVICES),
                "permission": VIEW,
                "icon": "fas fa-chart-column",
            },
            {
                "title": "Revenue",
                "link": "income",
                "active_links": list(MONEY),
                "permission": INCOME,
                "icon": "fas fa-coins",
            },
        ]

    def admin_web_routes(self) -> list[dict[str, Any]]:
        """Return one page per report; `?format=csv` returns it as a file."""
        return [
            {
                "method": "get",
                "uri": name,
                "permission": VIEW if name in SERVICES else INCOME,
                "name": name,
                "controller": f"{'Reports' if name in SERVICES else 'Money'}Controller@{name}",
            }
            for name in (*SERVICES, *MONEY)
        ]
