"""Render the module's staff pages."""

from __future__ import annotations

from typing import Any

from puqpanel.sdk import __, current_admin, url_for_module, view_admin_module

TYPE, NAME = "Product", "PuqNextcloud"


link = url_for_module


def page(view: str, title: str, *, crumbs: tuple[tuple[str, str], ...] = (), **data: Any) -> Any:
    """Render a page of this module in the staff layout.

    Args:
        view: The template in `views/admin_area`.
        title: The page title.
        crumbs: Label and route name of each page above this one.
        data: Further variables of the template.
    """
    data |= {
        "title": title,
        "link": link,
        "crumbs": [(__(label), link(name)) for label, name in crumbs],
        "may_manage": current_admin.has_permission(f"{TYPE}-{NAME}-manage-servers"),
    }
    return view_admin_module(TYPE, NAME, f"admin_area.{view}", data)
