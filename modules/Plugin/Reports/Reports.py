"""Reports on services, income, provisioning and modules.

All figures come from the SDK's statistics; this module stores nothing.
"""

from __future__ import annotations

from typing import Any

from puqpanel.sdk import Plugin

VIEW, INCOME = "reports-view", "reports-income"


class Reports(Plugin):
    """Four reports, each also available as CSV."""

    def admin_permissions(self) -> list[dict[str, Any]]:
        """Return the permissions; income requires one of its own."""
        return [
            {
                "name": "View reports",
                "key": VIEW,
                "description": "View reports on services, churn, provisioning and modules",
            },
            {
                "name": "View the income report",
                "key": INCOME,
                "description": "View the recurring income from active services",
            },
        ]

    def admin_sidebar(self) -> list[dict[str, Any]]:
        """Return one entry per permission."""
        return [
            {
                "title": "Reports",
                "link": "services",
                "active_links": ["services", "provisioning", "modules"],
                "permission": VIEW,
                "icon": "fas fa-chart-column",
            },
            {
                "title": "Income",
                "link": "income",
                "active_links": ["income"],
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
                "permission": INCOME if name == "income" else VIEW,
                "name": name,
                "controller": f"ReportsController@{name}",
            }
            for name in ("services", "income", "provisioning", "modules")
        ]
