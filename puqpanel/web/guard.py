"""Access control: every view declares who may open it; a view without a declaration is refused.

`@allow("services.view")` requires a staff permission, `@allow()` any signed-in staff member,
`@customer` a signed-in user, and `@public` nothing. The declaration is an attribute of the view
function, so that a test can check it for every route.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from flask import Flask, abort, current_app, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from puqpanel.domain.actors import Actor
from puqpanel.models.accounts.staff import Staff
from puqpanel.models.accounts.users import User
from puqpanel.web.answers import wants_json
from puqpanel.web.sessions import current_session_id

View = TypeVar("View", bound=Callable[..., Any])


def _declaration(access: str) -> Callable[[View], View]:
    def mark(view: View) -> View:
        cast(Any, view)._access = access
        return view

    return mark


def allow(permission: str = "") -> Callable[[View], View]:
    """Declare a staff view.

    Args:
        permission: the permission key that a role must include; empty admits all staff.
    """
    return _declaration(permission or "staff")


customer = _declaration("customer")
"""Declares a view for signed-in users, which itself must limit what it shows to their clients."""
public = _declaration("public")
"""Declares a view that needs no sign-in."""


def declared(view: Callable[..., Any]) -> str | None:
    """Return "public", "customer", "staff", a permission key, or None if nothing is declared."""
    access: str | None = getattr(view, "_access", None)
    return access


def _signed_in() -> Staff | User | None:
    return getattr(current_user, "person", None)


def find_staff() -> Staff | None:
    """Return the signed-in staff member; None outside the staff area."""
    person = _signed_in() if request.path.startswith("/admin") else None
    return person if isinstance(person, Staff) else None


def find_user() -> User | None:
    """Return the signed-in user; None outside the client area."""
    person = _signed_in() if request.path.startswith("/client") else None
    return person if isinstance(person, User) else None


def current_customer() -> User:
    """Return the signed-in user, or abort with 401."""
    return find_user() or abort(401)


def can(permission: str) -> bool:
    """Return whether the signed-in staff member has a permission; False without one."""
    staff = find_staff()
    return staff is not None and (not permission or staff.may(permission))


def actor() -> Actor:
    """Return the actor of this request, for operations, the audit and tasks."""
    ip = request.remote_addr or ""
    if staff := find_staff():
        return Actor("staff", staff.id, staff.name, ip, current_session_id())
    user = current_customer()
    return Actor("user", user.id, user.name, ip, current_session_id())


def _enforce() -> ResponseReturnValue | None:
    if request.endpoint is None:
        return None  # the router answers with 404 or 405
    access = declared(current_app.view_functions[request.endpoint])
    if access == "public":
        return None
    if access is None:
        abort(403)
    area, person = ("client", find_user()) if access == "customer" else ("admin", find_staff())
    if person is None:
        if wants_json() or request.headers.get("HX-Request"):
            abort(401)
        next_url = request.full_path.rstrip("?") if request.method == "GET" else None
        return redirect(url_for(f"{area}.auth.sign_in", next=next_url))
    if access not in ("customer", "staff") and not can(access):
        abort(403)
    if isinstance(person, Staff):
        # modules get plain values, never the database row
        g.module_viewer = {"id": person.id, "name": person.name, "email": person.email, "can": can}
    return None


def protect(app: Flask) -> None:
    """Check the declaration before every view."""
    app.before_request(_enforce)
