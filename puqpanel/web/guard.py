"""Who may open a page. Every view declares it; one that declares nothing is refused.

`@allow("services.view")` names a permission of staff, `@allow()` asks for any signed-in staff,
`@customer` for a signed-in customer, and `@public` says that anybody may. The marks are attributes
of the view function, so that a test can walk the url map and read them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from flask import Flask, abort, current_app, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from puqpanel.domain.actors import Actor
from puqpanel.domain.permissions import allows
from puqpanel.models.accounts.staff import Staff
from puqpanel.models.accounts.users import User
from puqpanel.web.answers import wants_json

View = TypeVar("View", bound=Callable[..., Any])


def allow(permission: str = "") -> Callable[[View], View]:
    """Declares a view of staff.

    Args:
        permission: the key a role must hold; empty where being signed in is enough.
    """

    def mark(view: View) -> View:
        cast(Any, view)._permission = permission
        return view

    return mark


def customer(view: View) -> View:
    """Declares a view of signed-in customers; what it shows must be theirs, and that is the
    view's own business.
    """
    cast(Any, view)._customer = True
    return view


def public(view: View) -> View:
    """Declares a view that anybody may open."""
    cast(Any, view)._public = True
    return view


def declared(view: Callable[..., Any]) -> str | None:
    """What a view declares: "public", "customer", "staff", a permission's key, or None."""
    if getattr(view, "_public", False):
        return "public"
    if getattr(view, "_customer", False):
        return "customer"
    permission = getattr(view, "_permission", None)
    return None if permission is None else str(permission) or "staff"


def _signed_in() -> Staff | User | None:
    return getattr(current_user, "person", None)


def find_staff() -> Staff | None:
    """The signed-in staff member, if there is one."""
    person = _signed_in() if request.path.startswith("/admin") else None
    return person if isinstance(person, Staff) else None


def find_user() -> User | None:
    """The signed-in customer, if there is one."""
    person = _signed_in() if request.path.startswith("/client") else None
    return person if isinstance(person, User) else None


def current_staff() -> Staff:
    """The signed-in staff member; 401 where there is none."""
    return find_staff() or abort(401)


def current_customer() -> User:
    """The signed-in customer; 401 where there is none."""
    return find_user() or abort(401)


def permissions_of(staff: Staff) -> frozenset[str]:
    """All keys that a staff member's roles hold; read once a request."""
    if "permissions" not in g or g.permissions[0] != staff.id:
        g.permissions = (staff.id, staff.permissions)
    held: frozenset[str] = g.permissions[1]
    return held


def can(permission: str) -> bool:
    """Whether the signed-in staff member may do something; False for everybody else."""
    staff = find_staff()
    return staff is not None and (not permission or allows(permissions_of(staff), permission))


def actor() -> Actor:
    """Who acts in this request, for operations, the audit and tasks."""
    ip = request.remote_addr or ""
    if staff := find_staff():
        return Actor("staff", staff.id, staff.name, ip)
    user = current_customer()
    return Actor("user", user.id, user.name, ip)


def _enforce() -> ResponseReturnValue | None:
    if request.endpoint is None:
        return None  # no such address, or a method it does not take: the router says so
    need = declared(current_app.view_functions[request.endpoint])
    if need == "public":
        return None
    if need is None:
        abort(403)
    area, person = ("client", find_user()) if need == "customer" else ("admin", find_staff())
    if person is None:
        if wants_json() or request.headers.get("HX-Request"):
            abort(401)
        onward = request.full_path.rstrip("?") if request.method == "GET" else ""
        return redirect(url_for(f"{area}.auth.sign_in_form", next=onward or None))
    if need not in ("customer", "staff") and not can(need):
        abort(403)
    if isinstance(person, Staff):
        # what modules may know of whoever opens a page: plain values, never the row
        g.module_viewer = {"id": person.id, "name": person.name, "email": person.email, "can": can}
    return None


def protect(app: Flask) -> None:
    """Asks the marks before every view of the app."""
    app.before_request(_enforce)
