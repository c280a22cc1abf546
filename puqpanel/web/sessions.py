"""Two sessions in one browser: staff's cookie lives under /admin, the customer's under /client, and
neither opens in the other's area.

Outside both there is no session at all. A session names who signed in and their epoch; raising the
epoch in the row ends all of them.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta

import sqlalchemy as sa
from flask import Flask, Request, Response, request, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionInterface
from flask_login import LoginManager, UserMixin, login_user, logout_user
from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlalchemy.orm import joinedload

from puqpanel.infra import db
from puqpanel.models.accounts.staff import Staff
from puqpanel.models.accounts.users import User

AREAS = {"/admin": "panel_staff", "/client": "panel_customer"}
KEPT = timedelta(days=14)


def area_of(path: str) -> str:
    """The area an address belongs to: `/admin`, `/client`, or nothing."""
    return next((area for area in AREAS if path == area or path.startswith(area + "/")), "")


class AreaSessions(SessionInterface):
    """Signed cookies, one for each area, signed with a salt of their own."""

    session_class = SecureCookieSession

    def _serializer(self, app: Flask, area: str) -> URLSafeTimedSerializer:
        if not app.secret_key:
            raise RuntimeError("the app has no secret key")
        return URLSafeTimedSerializer(
            app.secret_key,
            salt=f"puqpanel-session{area}",
            serializer=SecureCookieSessionInterface.serializer,
            signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
        )

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession:
        """The session of the area asked for; an empty one where the cookie is missing, forged
        or old.
        """
        area = area_of(request.path)
        cookie = request.cookies.get(AREAS[area]) if area else None
        if not cookie:
            return self.session_class()
        try:
            data = self._serializer(app, area).loads(cookie, max_age=int(KEPT.total_seconds()))
        except BadSignature:
            return self.session_class()
        return self.session_class(data)

    def save_session(self, app: Flask, session: object, response: Response) -> None:
        """Writes the cookie of the area, or takes it away when the session has been emptied."""
        area = area_of(request.path)
        if not area or not isinstance(session, SecureCookieSession):
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
            age = KEPT if session.permanent else None
            value = self._serializer(app, area).dumps(dict(session))
            response.set_cookie(
                name, value, max_age=age, path=area, secure=secure, httponly=True, samesite="Lax"
            )


class SignedIn(UserMixin):  # type: ignore[misc]
    """Somebody who signed in, as Flask-Login wants them; the rows themselves know nothing of it."""

    def __init__(self, person: Staff | User) -> None:
        self.person = person

    def get_id(self) -> str:
        """What the session remembers: `staff:7:3` or `user:9:1`, the last being the epoch that
        ends it when it rises.
        """
        kind = "staff" if isinstance(self.person, Staff) else "user"
        return f"{kind}:{self.person.id}:{self.person.epoch}"


def sign_in(person: Staff | User, *, keep: bool) -> None:
    """Begins a session of this area, dropping whatever stood in it.

    Args:
        person: who signed in.
        keep: for 14 days on this computer, else until the browser closes.
    """
    session.clear()
    session.permanent = keep
    login_user(SignedIn(person))


def sign_out() -> None:
    """Ends the session of this area in this browser."""
    logout_user()
    session.clear()


def load_person(remembered: str) -> SignedIn | None:
    """Who a session belongs to, in one query; None for somebody of the other area, switched
    off, or of an older epoch.
    """
    kind, _, rest = remembered.partition(":")
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
    """Gives the app its sessions and Flask-Login.

    Args:
        app: the application being built.
        secure: cookies travel over HTTPS only.
    """
    app.config["SESSION_COOKIE_SECURE"] = secure
    app.config["PERMANENT_SESSION_LIFETIME"] = KEPT
    app.session_interface = AreaSessions()
    login = LoginManager()
    login.session_protection = (
        None  # the cookie is signed, short-lived and of one area; addresses of phones change
    )
    login.user_loader(load_person)
    # its own context processor would load the person for every template, public pages included
    login.init_app(app, add_context_processor=False)
