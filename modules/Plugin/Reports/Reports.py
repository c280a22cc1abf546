"""Reports over services, income, provisioning and modules.

The figures come from the SDK's statistics; this module keeps nothing.
"""

from __future__ import annotations

from typing import Any

from puqpanel.sdk import Plugin

VIEW, INCOME = "reports-view", "reports-income"


class Reports(Plugin):
    """Four pages, each with its CSV."""

    def admin_permissions(self) -> list[dict[str, Any]]:
        """Money is a right of its own."""
        return [
            {
                "name": "View reports",
                "key": VIEW,
                "description": "See reports on services, churn, provisioning and modules",
            },
            {
                "name": "View the income report",
                "key": INCOME,
                "description": "See what the active services bring in a month",
            },
        ]

    def admin_sidebar(self) -> list[dict[str, Any]]:
        """One entry for who sees all but money, and one for money."""
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
        """One page a report; `?format=csv` is the same as a file."""
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
