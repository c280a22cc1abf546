"""Saved views of lists: save the current list, rename, delete, and choose the default."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qsl, urlencode

from flask import Blueprint, abort, redirect, render_template, request
from flask.typing import ResponseReturnValue

from puqpanel.domain.errors import UserError
from puqpanel.domain.texts import _
from puqpanel.operations.accounts import saved_views
from puqpanel.web.answers import flash, same_site
from puqpanel.web.forms import field_errors
from puqpanel.web.guard import actor, allow, find_staff
from puqpanel.web.list_view import view_query

bp = Blueprint("saved_views", __name__, url_prefix="/views")
NOT_SAVED = frozenset(("at", "csrf_token", "format", "pick", "view"))


@bp.get("/<list>")
@allow()
def index(list: str) -> ResponseReturnValue:
    """Show the viewer's views of a list, to rename or delete them."""
    if list not in saved_views.LISTS:
        abort(404)
    staff = find_staff()
    return render_template(
        "admin/accounts/saved_views.html",
        views=[(view, view_query(view)) for view in saved_views.views_of(actor().id, list)],
        default=((staff.default_views or {}) if staff else {}).get(list),
        list_name=list,
        path=_back().partition("?")[0],
        back=_back(),
    )


@bp.post("/<list>")
@allow()
def save(list: str) -> ResponseReturnValue:
    """Save the query of a list under a name, and show the view."""
    pairs = parse_qsl(request.form.get("query", ""))
    query = urlencode([pair for pair in pairs if pair[0] not in NOT_SAVED])
    with _flashed_errors():
        view = saved_views.save_view(
            actor=actor(), list=list, name=request.form.get("name", ""), query=query
        )
        flash(_("View %(name)s saved.", name=view.name), "good")
        return redirect(f"{_back().partition('?')[0]}?{view_query(view)}")
    return redirect(_back())


@bp.post("/<list>/<uuid>")
@allow()
def change(list: str, uuid: str) -> ResponseReturnValue:
    """Rename or delete a view, or make it the default, by the button `do`."""
    action = request.form.get("do", "")
    with _flashed_errors():
        if action == "delete":
            view = saved_views.delete_view(actor=actor(), uuid=uuid)
            flash(_("View %(name)s deleted.", name=view.name), "good")
        elif action in ("default", "not-default"):
            saved_views.set_default_view(actor=actor(), uuid=uuid, default=action == "default")
            flash(_("Default view changed."), "good")
        else:
            name = request.form.get("name", "")
            view = saved_views.rename_view(actor=actor(), uuid=uuid, name=name)
            flash(_("View %(name)s saved.", name=view.name), "good")
    return redirect(same_site(request.form.get("next", ""), "/admin"))


def _back() -> str:
    return same_site(request.values.get("next", ""), "/admin")


@contextmanager
def _flashed_errors() -> Iterator[None]:
    """Flash each message of an operation's error: the forms are too small to show them."""
    try:
        yield
    except UserError as error:
        for messages in field_errors(error).values():
            for message in messages:
                flash(str(message), "bad")
