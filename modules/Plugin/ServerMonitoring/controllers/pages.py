"""What the pages of staff share: the layout, the words and tones of states, and what the viewer
may do.
"""

from __future__ import annotations

from typing import Any

from puqpanel.sdk import __, current_admin, url_for_module, view_admin_module

from ..services import figures
from ..services.states import DOWN, UNABLE, UNKNOWN, UP

STATES = {
    UP: ("good", "circle-check", "Up"),
    DOWN: ("bad", "circle-xmark", "Down"),
    UNABLE: ("warn", "circle-question", "Cannot tell"),
    UNKNOWN: ("mute", "hourglass-start", "Not checked yet"),
    "paused": ("mute", "circle-pause", "Paused"),
}


def page(view: str, title: str, **data: Any) -> Any:
    """A page of the module's in the staff layout."""
    shared = {
        "title": title,
        "link": url_for_module,
        "states": {key: (tone, icon, __(word)) for key, (tone, icon, word) in STATES.items()},
        "spans": {"24h": __("24 hours"), "7d": __("7 days"), "30d": __("30 days")},
        "may_check": current_admin.has_permission("monitoring-checks"),
        "may_set": current_admin.has_permission("monitoring-settings"),
        "percent": figures.percent,
    }
    return view_admin_module("Plugin", "ServerMonitoring", f"admin_area.{view}", shared | data)
