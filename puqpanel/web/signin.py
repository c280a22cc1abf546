"""Sign-in, sign-out and the own password, shared by both areas.

Only failed attempts count against the rate limits.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import (
    Blueprint,
    Response,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, TooManyRequests
from wtforms import BooleanField, HiddenField, PasswordField, StringField
from wtforms.validators import EqualTo, InputRequired, Length

from puqpanel.models import Staff, User
from puqpanel.operations.accounts import sessions as session_rows
from puqpanel.operations.accounts import signin
from puqpanel.web import drafts, impersonation, preferences, sessions, sign_in_delays
from puqpanel.web.answers import flash, same_site, wants_json
from puqpanel.web.forms import Form, _, errors_in, form_page
from puqpanel.web.guard import actor, public
from puqpanel.web.known_devices import remember_device
from puqpanel.web.limits import failed, limiter, on_known_device, per_address, tried_account
from puqpanel.web.session_pages import add_own_pages
from puqpanel.web.sessions import area_of

TOO_MANY_ATTEMPTS = _("Too many attempts. Wait a few minutes and try again.")
View = TypeVar("View", bound=Callable[..., Any])


class SignInForm(Form):
    """The sign-in form."""

    email = StringField(
        _("E-mail"), [InputRequired(_("Enter your e-mail address.")), Length(max=254)]
    )
    password = PasswordField(
        _("Password"), [InputRequired(_("Enter your password.")), Length(max=1000)]
    )
    keep = BooleanField(_("Keep me signed in"))
    draft = HiddenField()


class StaffSignInForm(SignInForm):
    """The sign-in form of staff, whose sessions end with the browser."""

    keep = None  # type: ignore[assignment]


class PasswordForm(Form):
    """The form for a new password of one's own."""

    current = PasswordField(
        _("Current password"), [InputRequired(_("Enter your current password.")), Length(max=1000)]
    )
    password = PasswordField(
        _("New password"),
        [InputRequired(_("Enter a new password."))],
        description=_("At least 10 characters"),
    )
    repeat = PasswordField(
        _("Confirm new password"), [EqualTo("password", _("The passwords don't match."))]
    )


@dataclass(frozen=True, slots=True)
class Area:
    """The differences between the sign-in pages of the two areas.

    Args:
        name: `admin` or `client`; also the URL prefix, the blueprint and the template folder.
        signed_in: returns the signed-in person, or None.
        check: returns the person of an e-mail and password; raises UserError.
        mark: decorator for views that any signed-in person of the area may open.
        layout: the layout template.
        form: the sign-in form.
        landing: returns the URL of the first page after a sign-in; by default the area's.
    """

    name: str
    signed_in: Callable[[], Staff | User | None]
    check: Callable[..., Staff | User]
    mark: Callable[[Any], Any]
    layout: str
    form: type[SignInForm]
    landing: Callable[[], str] | None = None

    @property
    def home(self) -> str:
        """The URL of the area's first page."""
        return f"/{self.name}"

    def named(self, view: View) -> View:
        """Make a view's name unique: views of the same name would share their rate limits."""
        view.__qualname__ = f"{self.name}_{view.__name__}"
        return view


AREAS: dict[str, Area] = {}
"""The areas by URL prefix."""


def ask(prefix: str, draft: dict[str, Any] | None) -> Response:
    """Return the sign-in page in response to a form that needs a session.

    Args:
        prefix: the URL prefix of the area.
        draft: the form to show again after the sign-in; None if it cannot be kept.
    """
    return _page(AREAS[prefix], _("You're signed out. Sign in to continue."), draft, 401)


def _page(area: Area, message: str, draft: dict[str, Any] | None, code: int) -> Response:
    form = area.form(formdata=None)
    form.draft.data = drafts.lock(draft)
    form.form_errors.append(message)
    url = url_for(f"{area.name}.auth.sign_in", next=drafts.page_url())
    template = f"{area.name}/accounts/signin.html"
    return make_response(render_template(template, form=form, action=url), code)


def after_csrf_error() -> Response | None:
    """Return a helpful response to a form of an earlier session; None for any other."""
    area = AREAS.get(area_of(request.path))
    if area is None:
        return None
    if request.endpoint == f"{area.name}.auth.sign_in":
        if area.signed_in():  # in another tab
            return make_response(redirect(same_site(request.args.get("next", ""), area.home)))
        form = area.form()
        form.form_errors.append(_("This page was out of date. Sign in again."))
        template = f"{area.name}/accounts/signin.html"
        return make_response(render_template(template, form=form), 400)
    if request.endpoint == f"{area.name}.auth.sign_out" and not area.signed_in():
        return make_response(redirect(area.home))
    session_id = sessions.current_session_id()
    draft = drafts.submitted(previous_only=True)
    if session_id is None or draft is None:
        return None
    session_rows.save_draft(session_id=session_id, draft=draft)
    flash(drafts.NOTICE, "warn")
    return make_response(redirect(drafts.url(draft), 303))


def blueprint(area: Area) -> Blueprint:
    """Return the blueprint with an area's sign-in, sign-out and password pages."""
    bp = Blueprint("auth", __name__)
    AREAS[f"/{area.name}"] = area
    _add_password_page(bp, area)
    preferences.add_pages(bp, area)
    add_own_pages(bp, area.name, area.signed_in, area.mark, area.layout)
    template = f"{area.name}/accounts/signin.html"

    def redirect_next() -> ResponseReturnValue:
        home = area.landing() if area.landing and not request.args.get("next") else area.home
        return redirect(same_site(request.args.get("next", ""), home))

    @bp.route("/signin", methods=["GET", "POST"])
    @public
    @limiter.limit(per_address, methods=["POST"], deduct_when=failed, exempt_when=on_known_device)
    @area.named
    def sign_in() -> ResponseReturnValue:
        """Sign in and redirect to `next` if it is in this area."""
        if request.method != "POST" and area.signed_in():
            return redirect_next()
        form = area.form()
        if form.validate_on_submit():
            if seconds := sign_in_delays.wait_seconds():
                raise TooManyRequests(retry_after=seconds)
            with errors_in(form):
                person = area.check(
                    email=str(form.email.data),
                    password=str(form.password.data),
                    ip=request.remote_addr or "",
                )
                draft = drafts.unlock(form.draft.data, person)
                sessions.sign_in(person, keep=form.keep is not None and form.keep.data, draft=draft)
                sign_in_delays.forget()
                remember_device(tried_account())
                if draft:
                    flash(drafts.NOTICE, "warn")
                    return redirect(drafts.url(draft))
                return redirect_next()
        return form_page(form, template)

    @bp.errorhandler(429)
    def too_many_attempts(error: HTTPException) -> ResponseReturnValue:
        """Show the form again with an error, instead of an error page."""
        headers = {name: value for name, value in error.get_headers() if name == "Retry-After"}
        if wants_json():
            return {"status": "error", "message": TOO_MANY_ATTEMPTS, "code": 429}, 429, headers
        if area.signed_in():
            flash(TOO_MANY_ATTEMPTS, "bad")
            return redirect(url_for(f"{area.name}.auth.password"))
        typed = None
        with contextlib.suppress(HTTPException):  # the body cannot be read
            typed = request.form or None
        form = area.form(formdata=typed)
        form.form_errors.append(TOO_MANY_ATTEMPTS)
        return render_template(template, form=form), 429, headers

    @bp.post("/signout")
    @public
    def sign_out() -> ResponseReturnValue:
        """Sign out in this browser, or end a view as a client."""
        if impersonation.banner():
            return impersonation.end()
        if area.signed_in():
            signin.sign_out(actor=actor())
        sessions.sign_out()
        flash(_("Signed out."), "good")
        response = make_response(redirect(url_for(f"{area.name}.auth.sign_in")))
        # not the cookies: the other area may be signed in, and the device stays known
        response.headers["Clear-Site-Data"] = '"cache", "storage"'
        return response

    return bp


def _add_password_page(bp: Blueprint, area: Area) -> None:
    @bp.route("/password", methods=["GET", "POST"])
    @area.mark
    @limiter.limit(per_address, methods=["POST"], deduct_when=failed)
    @area.named
    def password() -> ResponseReturnValue:
        """Change the password and stay signed in here."""
        form = PasswordForm()
        if form.validate_on_submit():
            with errors_in(form):
                signin.change_own_password(
                    actor=actor(), current=str(form.current.data), password=str(form.password.data)
                )
                sessions.renew()
                flash(_("Password changed. You were signed out on all other devices."), "good")
                return redirect(url_for(f"{area.name}.auth.password"))
        return form_page(form, "own_password.html", layout=area.layout, home=area.home)
