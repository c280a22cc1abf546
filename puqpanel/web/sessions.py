"""Separate sessions for the staff area and the client area.

Each has a cookie with a name of its own. Only pages below /admin read that of staff, and only those
below /client, /shop and /offers that of customers; other paths have no session. Over HTTPS, the
name has the prefix `__Host-`, with which browsers let no other host of the domain set it; such a
cookie cannot be limited to a path. The cookie is signed and contains the random ID of a row of
`sessions`, which decides whether the session is live, and what Flask keeps: the CSRF token and
messages.
"""

from __future__ import annotations

import hashlib
from typing import Any

from flask import Flask, Response, current_app, g, request, session
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from flask_login import LoginManager, UserMixin, current_user

from puqpanel.domain.hosts import host_of, host_of_url, is_loopback
from puqpanel.models import AccountSession, Staff, User
from puqpanel.models.accounts.sessions import CUSTOMER, STAFF
from puqpanel.operations.accounts import sessions
from puqpanel.operations.accounts.principals import staff_principal
from puqpanel.operations.accounts.session_limits import absolute_limit
from puqpanel.operations.accounts.sessions import Found
from puqpanel.operations.system import settings

AREAS = {"/admin": "panel_staff", "/client": "panel_customer"}
ROOTS = {"/admin": "/admin", "/client": "/client", "/shop": "/client", "/offers": "/client"}
"""First part of a path → its area."""
AREA_NAMES = {"/admin": STAFF, "/client": CUSTOMER}
TOKEN, PERSON, CSRF = "_user_id", "person", "csrf_token"
"""Keys of the cookie; Flask-Login and Flask-WTF name theirs."""
PREVIOUS_CSRF = "previous_csrf_token"
VIEW_COOKIE, VIEW_BACK = "panel_view", "back"
CLIENT_KEY = "client_uuid"
"""The key of the selected client in the session of the client area."""
"""The cookie of staff who view the client area as a user, which takes precedence there over that of
a customer and leaves it unchanged; and its key for the URL to return to."""
VIEW_SALT = "puqpanel-session/client-view"


def area_of(path: str) -> str:
    """Return the area of a path: `/admin`, `/client`, or empty. The shop is part of `/client`."""
    for root, area in ROOTS.items():
        if path == root or path.startswith(root + "/"):
            return area
    return ""


def has_view_cookie() -> bool:
    """Whether the session of this request is that of a view as a client."""
    return area_of(request.path) == "/client" and cookie_name(VIEW_COOKIE) in request.cookies


def _cookie_name() -> str:
    name = AREAS.get(area_of(request.path))
    return cookie_name(VIEW_COOKIE if has_view_cookie() else name) if name else ""


def cookie_name(name: str) -> str:
    """Return the full name of a cookie of this response or request."""
    return f"__Host-{name}" if _host_cookies() else name


def cookie_options(area: str) -> dict[str, Any]:
    """Return the attributes of a cookie of an area."""
    path = "/" if _host_cookies() or area == "/client" else area
    return {"path": path, "secure": secure_cookies(), "httponly": True, "samesite": "Lax"}


class AreaSessions(SecureCookieSessionInterface):
    """Signed session cookies, one per area, each with its own salt."""

    digest_method = staticmethod(hashlib.sha256)

    @property
    def salt(self) -> str:  # type: ignore[override]
        """The salt of the area's signatures."""
        return VIEW_SALT if has_view_cookie() else f"puqpanel-session{area_of(request.path)}"

    def get_cookie_name(self, app: Flask) -> str:
        """Return the name of the area's cookie; empty outside the areas."""
        return _cookie_name()

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Set the area's cookie, or delete it if the session was emptied."""
        area = area_of(request.path)
        serializer = self.get_signing_serializer(app)
        if not area or not serializer:
            return
        name = _cookie_name()
        if session.accessed:
            response.vary.add("Cookie")
        if not session:
            if session.modified:
                response.delete_cookie(name, **cookie_options(area))
                _drop_old_path(response, name, area)
            return
        if session.modified:
            age = absolute_limit(AREA_NAMES[area], keep=True) if session.permanent else None
            value = serializer.dumps(dict(session))
            response.set_cookie(name, value, max_age=age, **cookie_options(area))
            if name in request.cookies:
                _drop_old_path(response, name, area)


def _drop_old_path(response: Response, name: str, area: str) -> None:
    """Delete the cookie of the client area's path that was set before there was a shop.

    Browsers would send it before the one that is valid for the shop too.
    """
    if area == "/client" and not _host_cookies():
        response.delete_cookie(name, **{**cookie_options(area), "path": area})


class ViewSessions(AreaSessions):
    """Signs the cookie of a view as a client on a page of the staff area."""

    salt = VIEW_SALT


def open_view(response: Response, *, token: str, client_uuid: str, back: str) -> None:
    """Set the cookie of a view as a client, for the client area.

    Args:
        response: of a page of the staff area.
        token: the ID of the session.
        client_uuid: the client to show.
        back: the URL to return to when it ends.
    """
    serializer = ViewSessions().get_signing_serializer(current_app._get_current_object())  # type: ignore[attr-defined]
    if serializer is None:
        return
    response.set_cookie(
        cookie_name(VIEW_COOKIE),
        serializer.dumps({TOKEN: token, CLIENT_KEY: client_uuid, VIEW_BACK: back}),
        **cookie_options("/client"),
    )


class SignedIn(UserMixin):  # type: ignore[misc]
    """Flask-Login's wrapper around a signed-in person."""

    def __init__(self, found: Found, token: str) -> None:
        self.person = found.person
        self.session = found.session
        self.token = token
        staff = found.impersonator
        self.impersonated_by = (
            staff_principal(staff, ip=request.remote_addr or "", session_id=found.session.parent_id)
            if staff
            else None
        )

    def get_id(self) -> str:
        """Return the ID of the session."""
        return self.token


def person_key(person: Staff | User) -> str:
    """Return the person as named in the cookie, `staff:7` or `user:9`."""
    return f"{'staff' if isinstance(person, Staff) else 'user'}:{person.id}"


def sign_in(person: Staff | User, *, keep: bool, draft: dict[str, Any] | None = None) -> None:
    """Start a new session in this area and end the one this browser had.

    A CSRF token of the same person's previous session is kept, only to recognize forms that were
    opened in it.

    Args:
        person: the person who signed in.
        keep: whether the cookie outlives the browser.
        draft: a submitted form to show again.

    Raises:
        ConflictError: the account was changed since the sign-in.
    """
    token = sessions.start(
        person=person,
        ip=request.remote_addr or "",
        user_agent=request.user_agent.string,
        keep=keep,
        replaces=current_session_id(),
        draft=draft,
    )
    own_forms = session.get(PERSON) == person_key(person)
    previous_csrf = session.get(CSRF if TOKEN in session else PREVIOUS_CSRF) if own_forms else None
    session.clear()
    g.pop(CSRF, None)
    session.permanent = keep
    session[TOKEN], session[PERSON] = token, person_key(person)
    if previous_csrf:
        session[PREVIOUS_CSRF] = previous_csrf
    _forget_loaded_person()


def sign_out() -> None:
    """Remove the session of this area from this browser."""
    person, csrf = session.get(PERSON), session.get(CSRF)
    session.clear()
    g.pop(CSRF, None)
    if person and csrf:
        session[PERSON], session[PREVIOUS_CSRF] = person, csrf
    _forget_loaded_person()


def renew() -> None:
    """Give the session of this request a new ID, after a change of rights."""
    session_id = current_session_id()
    token = sessions.renew(session_id=session_id) if session_id is not None else None
    if token:
        session[TOKEN] = token


def _forget_loaded_person() -> None:
    g.pop("_login_user", None)


def current_session_id() -> int | None:
    """Return the primary key of this request's session; None without one."""
    row = getattr(current_user, "session", None)
    return row.id if isinstance(row, AccountSession) else None


def load_person(token: str) -> SignedIn | None:
    """Return the person of a session, in one query, and record that the session was used.

    Automatic refreshes of a page are not recorded: an open page must not keep a session
    alive.

    Args:
        token: the ID of the session.
    """
    area = AREA_NAMES.get(area_of(request.path))
    found = sessions.find_live(area=area, token=str(token)) if area else None
    if found is None or (found.impersonator is not None) != has_view_cookie():
        return None
    if request.method != "GET" or "HX-Request" not in request.headers:
        sessions.touch(found.session, request.remote_addr or "")
    return SignedIn(found, str(token))


def secure_cookies() -> bool:
    """Return whether the cookies of this response are sent over HTTPS only."""
    chosen: bool | None = current_app.config["SESSION_COOKIE_SECURE"]
    if chosen is not None:
        return chosen
    return request.is_secure or settings.text("site.base_url").startswith("https://")


def _host_cookies() -> bool:
    """Return whether the names of cookies have the prefix `__Host-`.

    They do not over plain HTTP at another address than the public one: browsers would refuse them
    there, and the session of staff who just set the public address would end.
    """
    if not secure_cookies():
        return False
    if request.is_secure or current_app.config["SESSION_COOKIE_SECURE"]:
        return True
    host = host_of(request.environ.get("HTTP_HOST", ""))
    return is_loopback(host) or host == host_of_url(settings.text("site.base_url"))


def install(app: Flask, *, secure: bool | None) -> None:
    """Set up sessions and Flask-Login.

    Args:
        app: the application being built.
        secure: whether cookies are sent over HTTPS only; None if the panel's address or the request
            uses it.
    """
    app.config["SESSION_COOKIE_SECURE"] = secure
    app.session_interface = AreaSessions()
    login = LoginManager()
    # would sign mobile users out when their IP address changes
    login.session_protection = None
    login.user_loader(load_person)
    # Flask-Login's context processor would load the person on public pages too
    login.init_app(app, add_context_processor=False)
