"""Render the module's staff pages."""

from __future__ import annotations

from typing import Any

from puqpanel.sdk import __, current_admin, noop__, url_for_module, view_admin_module

from ..services.states import DOWN, UNABLE, UNKNOWN, UP

# Tone, icon and label of each state.
STATES = {
    UP: ("good", "circle-check", noop__("Up")),
    DOWN: ("bad", "circle-xmark", noop__("Down")),
    UNABLE: ("warn", "circle-question", noop__("Unknown")),
    UNKNOWN: ("mute", "hourglass-start", noop__("Not checked yet")),
    "paused": ("mute", "circle-pause", noop__("Paused")),
}


def page(view: str, title: str, **data: Any) -> Any:
    """Render a page of this module in the staff layout."""
    shared = {
        "title": title,
        "link": url_for_module,
        "states": {
            key: {"tone": tone, "icon": icon, "label": __(label)}
            for key, (tone, icon, label) in STATES.items()
        },
        "spans": {"24h": __("24 hours"), "7d": __("7 days"), "30d": __("30 days")},
        "may_check": current_admin.has_permission("monitoring-checks"),
        "may_set": current_admin.has_permission("monitoring-settings"),
    }
    return view_admin_module("Plugin", "ServerMonitoring", f"admin_area.{view}", shared | data)
