"""Signing in and out, the same in both areas. Only failed tries count against the limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException
from wtforms import BooleanField, PasswordField, StringField
from wtforms.validators import InputRequired, Length

from puqpanel.domain.errors import UserError
from puqpanel.models import Staff, User
from puqpanel.operations.accounts import signin
from puqpanel.web.answers import same_site, wants_json
from puqpanel.web.forms import Form
from puqpanel.web.guard import actor, public
from puqpanel.web.limits import failed, limiter, tried_account
from puqpanel.web.sessions import sign_in
from puqpanel.web.sessions import sign_out as end_session

TOO_OFTEN = "Too many tries. Wait a few minutes before the next one."
View = TypeVar("View", bound=Callable[..., Any])


class SignInForm(Form):
    """E-mail, password, and whether to stay signed in."""

    email = StringField("E-mail", [InputRequired("Enter your e-mail address."), Length(max=254)])
    password = PasswordField("Password", [InputRequired("Enter your password."), Length(max=1000)])
    keep = BooleanField("Keep me signed in for 14 days on this computer")


@dataclass(frozen=True, slots=True)
class Area:
    """One of the two areas, as far as signing in is concerned.

    Args:
        name: `admin` or `client`; its addresses, blueprint and templates are called so.
        signed_in: who is signed in here, if anybody.
        check: who an address and a password belong to; raises UserError.
        mark: declares a view that whoever is signed in here may open.
        layout: the template of its pages.
    """

    name: str
    signed_in: Callable[[], Staff | User | None]
    check: Callable[..., Staff | User]
    mark: Callable[[Any], Any]
    layout: str

    @property
    def home(self) -> str:
        """The address of its first page."""
        return f"/{self.name}"

    def named(self, view: View) -> View:
        """A view under a name of its own: the limits of two views that are called alike would
        be counted together.
        """
        view.__qualname__ = f"{self.name}_{view.__name__}"
        return view


def blueprint(area: Area) -> Blueprint:
    """The pages that sign in and out of an area.

    Args:
        area: which.
    """
    bp = Blueprint("auth", __name__)

    def drawn(form: SignInForm) -> str:
        return render_template(
            f"{area.name}/accounts/signin.html",
            form=form,
            home=url_for(f"{area.name}.auth.sign_in_form"),
        )

    def onward() -> ResponseReturnValue:
        return redirect(same_site(request.args.get("next", ""), area.home))

    @bp.get("/signin")
    @public
    def sign_in_form() -> ResponseReturnValue:
        """The form; who is signed in already goes on."""
        return onward() if area.signed_in() else drawn(SignInForm())

    @bp.post("/signin")
    @public
    @limiter.limit("20 per 15 minutes", deduct_when=failed)
    @limiter.limit("100 per hour", key_func=tried_account, deduct_when=failed)
    @area.named
    def sign_in_submit() -> ResponseReturnValue:
        """Begins a session, then leads to where the person wanted to go, if that is in this
        area.
        """
        form = SignInForm()
        if form.validate_on_submit():
            try:
                person = area.check(
                    email=str(form.email.data),
                    password=str(form.password.data),
                    ip=request.remote_addr or "",
                )
            except UserError as error:
                form.form_errors.append(str(error))
            else:
                sign_in(person, keep=form.keep.data)
                return onward()
        return drawn(form), 422

    @bp.errorhandler(429)
    def too_often(error: HTTPException) -> ResponseReturnValue:
        """The form again with what was typed, password aside: an error page would lead nowhere."""
        if wants_json():
            return {"status": "error", "message": TOO_OFTEN, "code": 429}, 429
        if area.signed_in():
            flash(TOO_OFTEN, "bad")
            return redirect(url_for(f"{area.name}.auth.password_form"))
        form = SignInForm()
        form.form_errors.append(TOO_OFTEN)
        return drawn(form), 429

    @bp.post("/signout")
    @public
    def sign_out() -> ResponseReturnValue:
        """Ends the session in this browser."""
        if area.signed_in():
            signin.sign_out(actor=actor())
        end_session()
        flash("You are signed out.", "good")
        return redirect(url_for(f"{area.name}.auth.sign_in_form"))

    return bp
