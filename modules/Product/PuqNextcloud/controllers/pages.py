"""What the pages of staff share: the layout, the links, and what the viewer may do."""

from __future__ import annotations

from typing import Any

from puqpanel.sdk import current_admin, url_for_module, view_admin_module

TYPE, NAME = "Product", "PuqNextcloud"


link = url_for_module


def page(view: str, title: str, *, crumbs: tuple[tuple[str, str], ...] = (), **data: Any) -> Any:
    """A page of the module's in the staff layout.

    Args: crumbs, label and route name of each step above.
    """
    data |= {
        "title": title,
        "link": link,
        "crumbs": [(label, link(name)) for label, name in crumbs],
        "may_manage": current_admin.has_permission(f"{TYPE}-{NAME}-manage-servers"),
    }
    return view_admin_module(TYPE, NAME, f"admin_area.{view}", data)
