"""Pages of lists, and their CSV exports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import chain
from typing import Any

from flask import Response, redirect, render_template, request, stream_with_context
from flask.typing import ResponseReturnValue

from puqpanel.infra.db import session
from puqpanel.models import SavedView
from puqpanel.operations.accounts import saved_views
from puqpanel.web import list_export
from puqpanel.web.guard import find_staff
from puqpanel.web.list_page import Rows
from puqpanel.web.lists import Listing


def list_view(
    listing: Listing,
    name: str,
    template: str,
    about_rows: Callable[[Rows], dict[str, Any]] | None = None,
    **context: Any,
) -> ResponseReturnValue:
    """Return a page of a list, or with `format=csv` or `json` the whole list as a streamed file.

    A list without arguments is redirected to the viewer's default view, if there is one.

    A CSV file starts with a byte order mark: spreadsheets do not detect UTF-8 without one.

    Args:
        listing: the list.
        name: the file's name without its extension.
        template: the template of the page.
        about_rows: returns what the template needs to know about the rows of the page.
        context: what else the template needs besides `list`.
    """
    file_type = request.args.get("format")
    if file_type not in ("csv", "json"):
        staff = find_staff()
        default = (staff.default_views or {}).get(name) if staff else None
        if default and staff and not request.args:
            view = saved_views.find_view(staff.id, default)
            return redirect(f"{request.path}?{view_query(view)}")
        page = replace(listing.page(session(), request.path, request.args), name=name)
        if about_rows is not None:
            context |= about_rows(page.rows)
        return render_template(template, list=page, **context)
    if file_type == "csv":
        lines = chain(("\ufeff",), list_export.as_csv(listing, session(), request.args))
        response = Response(stream_with_context(lines), mimetype="text/csv")
    else:
        objects = list_export.as_json(listing, session(), request.args)
        response = Response(stream_with_context(objects), mimetype="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.{file_type}"'
    return response


def view_query(view: SavedView) -> str:
    """Return the query string that shows a view."""
    return f"{view.query}&view={view.uuid}" if view.query else f"view={view.uuid}"
