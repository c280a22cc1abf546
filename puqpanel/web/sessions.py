"""Separate sessions for the staff area and the client area.

The cookie of each is limited to its path, /admin or /client; other paths have no session. A
session contains the person's ID and epoch; incrementing the epoch in the database ends all of
their sessions.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta

import sqlalchemy as sa
from flask import Flask, Response, request, session
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from flask_login import LoginManager, UserMixin, login_user, logout_user
from sqlalchemy.orm import joinedload

from puqpanel.infra import db
from puqpanel.models.accounts.staff import Staff
from puqpanel.models.accounts.users import User

AREAS = {"/admin": "panel_staff", "/client": "panel_customer"}
LIFETIME = timedelta(days=14)


def area_of(path: str) -> str:
    """Return the area of a path: `/admin`, `/client`, or empty."""
    return next((area for area in AREAS if path == area or path.startswith(area + "/")), "")


class AreaSessions(SecureCookieSessionInterface):
    """Signed session cookies, one per area, each with its own salt."""

    digest_method = staticmethod(hashlib.sha256)

    @property
    def salt(self) -> str:  # type: ignore[override]
        """The salt of the area's signatures."""
        return f"puqpanel-session{area_of(request.path)}"

    def get_cookie_name(self, app: Flask) -> str:
        """Return the name of the area's cookie; empty outside the areas."""
        return AREAS.get(area_of(request.path), "")

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Set the area's cookie, or delete it if the session was emptied."""
        area = area_of(request.path)
        serializer = self.get_signing_serializer(app)
        if not area or not serializer:
            return
        name, secure = AREAS[area], bool(app.config["SESSION_COOKIE_SECURE"])
        if session.accessed:
            response.vary.add("Cookie")
        if not session:
            if session.modified:
                response.delete_cookie(
                    name, path=area, secure=secure, httponly=True, samesite="Lax"
                )
            return
        if session.modified:
            age = LIFETIME if session.permanent else None
            value = serializer.dumps(dict(session))
            response.set_cookie(
                name, value, max_age=age, path=area, secure=secure, httponly=True, samesite="Lax"
            )


class SignedIn(UserMixin):  # type: ignore[misc]
    """Flask-Login's wrapper around a signed-in person."""

    def __init__(self, person: Staff | User) -> None:
        self.person = person

    def get_id(self) -> str:
        """Return what the session stores, type, ID and epoch: `staff:7:3` or `user:9:1`."""
        kind = "staff" if isinstance(self.person, Staff) else "user"
        return f"{kind}:{self.person.id}:{self.person.epoch}"


def sign_in(person: Staff | User, *, keep: bool) -> None:
    """Start a new session in this area.

    Args:
        person: the person who signed in.
        keep: whether to stay signed in for 14 days; otherwise until the browser is closed.
    """
    session.clear()
    session.permanent = keep
    login_user(SignedIn(person))


def sign_out() -> None:
    """End the session of this area in this browser."""
    logout_user()
    session.clear()


def load_person(session_value: str) -> SignedIn | None:
    """Return the person of a session, in one query.

    Args:
        session_value: as returned by `SignedIn.get_id`.

    Returns:
        None if the person belongs to the other area, is inactive, or has a newer epoch.
    """
    kind, _, rest = session_value.partition(":")
    number, _, epoch = rest.partition(":")
    if not number.isdecimal() or not epoch.isdecimal():
        return None
    area = area_of(request.path)
    person: Staff | User | None = None
    if kind == "staff" and area == "/admin":
        query = (
            sa.select(Staff)
            .options(joinedload(Staff.roles))
            .where(Staff.id == int(number), Staff.active)
        )
        person = db.session().execute(query).unique().scalar_one_or_none()
    elif kind == "user" and area == "/client":
        person = db.session().scalar(sa.select(User).where(User.id == int(number), User.active))
    return SignedIn(person) if person is not None and person.epoch == int(epoch) else None


def install(app: Flask, *, secure: bool) -> None:
    """Set up sessions and Flask-Login.

    Args:
        app: the application being built.
        secure: whether cookies are sent over HTTPS only.
    """
    app.config["SESSION_COOKIE_SECURE"] = secure
    app.config["PERMANENT_SESSION_LIFETIME"] = LIFETIME
    app.session_interface = AreaSessions()
    login = LoginManager()
    # would sign mobile users out when their IP address changes
    login.session_protection = None
    login.user_loader(load_person)
    # Flask-Login's context processor would load the person on public pages too
    login.init_app(app, add_context_processor=False)
