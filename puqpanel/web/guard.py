"""Access control: every view declares who may open it; a view without a declaration is refused.

`@allow("services.view")` requires a staff permission and `@allow()` any signed-in staff member;
`@customer("services.view")` requires a permission for the current client and `@customer()` any
signed-in user; `@public` requires nothing. The declaration is an attribute of the view function, so
that a test can check it for every route. It names the area too: nothing depends on the URL.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar, cast

from flask import Flask, abort, current_app, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from puqpanel.domain.errors import ConflictError
from puqpanel.domain.principals import CurrentClient, Principal, PrincipalKind
from puqpanel.domain.texts import _
from puqpanel.models.accounts.clients import ClientUser
from puqpanel.models.accounts.staff import Staff
from puqpanel.models.accounts.users import User
from puqpanel.operations.accounts import principals
from puqpanel.web.answers import wants_json
from puqpanel.web.sessions import CLIENT_KEY, current_session_id

View = TypeVar("View", bound=Callable[..., Any])
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


FOR_CLIENT = "for_client"
"""The field of forms with the client for which they were opened."""
OTHER_CLIENT = _(
    "Nothing was saved: the page was opened for another client. Switch back to it, or open the"
    " page again."
)


class Area(StrEnum):
    """Who a view is for; staff and users sign in at separate pages."""

    PUBLIC = "public"
    STAFF = "admin"
    CLIENT = "client"


@dataclass(frozen=True, slots=True)
class Access:
    """Who may open a view.

    Args:
        area: the area; public views need no sign-in.
        permissions: the required permissions, of which one is enough; none admits everyone who is
            signed in to the area.
        writing: the permission for methods other than GET, if it differs.
    """

    area: Area
    permissions: tuple[str, ...] = ()
    writing: str = ""

    def required(self, method: str) -> tuple[str, ...]:
        """Return the permissions of which a request with a method requires one."""
        if self.writing and method not in SAFE_METHODS:
            return (self.writing,)
        return self.permissions


def _declaration(access: Access) -> Callable[[View], View]:
    def mark(view: View) -> View:
        cast(Any, view)._access = access
        return view

    return mark


def allow(*permissions: str) -> Callable[[View], View]:
    """Declare a staff view.

    Args:
        permissions: permission keys of which a role must include one; none admits all staff.
            Several are for views whose operation requires one of them, depending on the object.
    """
    return _declaration(Access(Area.STAFF, permissions))


def customer(permission: str = "", *, writing: str = "") -> Callable[[View], View]:
    """Declare a view for signed-in users, which shows the current client only.

    Args:
        permission: the client permission that the user must have; empty admits all users.
        writing: the permission for methods other than GET, if it differs.
    """
    return _declaration(Access(Area.CLIENT, (permission,) if permission else (), writing))


public = _declaration(Access(Area.PUBLIC))
"""Declares a view that needs no sign-in."""


def declared(view: Callable[..., Any]) -> Access | None:
    """Return the declaration of a view, or None if there is none."""
    access: Access | None = getattr(view, "_access", None)
    return access


def _signed_in() -> Staff | User | None:
    return getattr(current_user, "person", None)


def find_staff() -> Staff | None:
    """Return the staff member of this request's session; None without one."""
    person = _signed_in()
    return person if isinstance(person, Staff) else None


def find_user() -> User | None:
    """Return the user of this request's session; None without one."""
    person = _signed_in()
    return person if isinstance(person, User) else None


def find_principal() -> Principal | None:
    """Return the signed-in principal, built once per request; None without one."""
    person = _signed_in()
    cached: tuple[object, Principal | None] | None = g.get("principal")
    if cached is None or cached[0] is not person:  # another person after a sign-in or sign-out
        cached = g.principal = (person, _build_principal(person))
    return cached[1]


def _build_principal(person: Staff | User | None) -> Principal | None:
    ip, session_id = request.remote_addr or "", current_session_id()
    if isinstance(person, Staff):
        return principals.staff_principal(person, ip=ip, session_id=session_id)
    if isinstance(person, User):
        return principals.user_principal(
            person,
            ip=ip,
            session_id=session_id,
            members=memberships(),
            client_uuid=str(session.get(CLIENT_KEY) or ""),
            impersonated_by=getattr(current_user, "impersonated_by", None),
        )
    return None


def memberships() -> list[ClientUser]:
    """Return the signed-in user's active clients, read once per request.

    Staff who view as a client can access only the client whose view they opened.
    """
    user = find_user()
    if user is None:
        return []
    cached: tuple[int, list[ClientUser]] | None = g.get("memberships")
    if cached is None or cached[0] != user.id:
        members = principals.memberships(user.id)
        if getattr(current_user, "impersonated_by", None) is not None:
            members = [each for each in members if each.client.uuid == session.get(CLIENT_KEY)]
        cached = g.memberships = (user.id, members)
    return cached[1]


def actor() -> Principal:
    """Return the principal of this request, or abort with 401."""
    return find_principal() or abort(401)


def current_client() -> CurrentClient | None:
    """Return the client that the pages of the signed-in user show."""
    principal = find_principal()
    return principal.client if principal else None


def can(permission: str) -> bool:
    """Return whether the signed-in principal has a permission; False without one."""
    principal = find_principal()
    return principal is not None and (not permission or principal.may(permission))


def _belongs(principal: Principal | None, area: Area) -> bool:
    kind = PrincipalKind.STAFF if area is Area.STAFF else PrincipalKind.USER
    return principal is not None and principal.kind is kind


def _from_another_site() -> bool:
    """Return whether a page of another site sent the request, other than by a plain link."""
    if request.headers.get("Sec-Fetch-Site") not in ("cross-site", "same-site"):
        return False
    return request.method != "GET" or request.headers.get("Sec-Fetch-Mode") != "navigate"


def _is_for_current_client() -> bool:
    """Return whether a form was opened for the current client, and not before a switch."""
    client, meant = current_client(), request.form.get(FOR_CLIENT)
    return request.method in SAFE_METHODS or meant in (None, client.uuid if client else None)


def _enforce() -> ResponseReturnValue | None:
    if request.endpoint is None:
        return None  # the router answers with 404 or 405
    access = declared(current_app.view_functions[request.endpoint])
    if access is None:
        abort(403)
    if access.area is Area.PUBLIC:
        return None
    if _from_another_site():
        abort(403, _("Requests from other sites are refused."))
    principal = find_principal()
    if not _belongs(principal, access.area):
        if wants_json() or request.headers.get("HX-Request") or request.method != "GET":
            abort(401)  # for a form, the handler shows the sign-in page and keeps what was typed
        next_url = request.full_path.rstrip("?")
        return redirect(url_for(f"{access.area}.auth.sign_in", next=next_url))
    required = access.required(request.method)
    if required and not any(can(permission) for permission in required):
        abort(403)
    if required and access.area is Area.CLIENT and not _is_for_current_client():
        raise ConflictError(OTHER_CLIENT)
    if staff := find_staff():
        # modules get plain values, never the database row
        g.module_viewer = {"id": staff.id, "name": staff.name, "email": staff.email, "can": can}
    return None


def protect(app: Flask) -> None:
    """Check the declaration before every view."""
    app.before_request(_enforce)
