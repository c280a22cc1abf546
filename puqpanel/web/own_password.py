"""Changing the own password in both areas; all other sessions are signed out."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, session, url_for
from flask.typing import ResponseReturnValue
from wtforms import PasswordField
from wtforms.validators import EqualTo, InputRequired, Length

from puqpanel.operations.accounts import signin
from puqpanel.web.forms import Form, errors_in, form_page
from puqpanel.web.guard import actor
from puqpanel.web.limits import failed, limiter
from puqpanel.web.sessions import sign_in
from puqpanel.web.signin import Area


class OwnPasswordForm(Form):
    """The password form."""

    current = PasswordField(
        "Current password", [InputRequired("Enter your current password."), Length(max=1000)]
    )
    password = PasswordField(
        "New password",
        [InputRequired("Enter a new password.")],
        description="At least 10 characters",
    )
    repeat = PasswordField(
        "Confirm new password", [EqualTo("password", "The passwords don't match.")]
    )


def install(bp: Blueprint, area: Area) -> None:
    """Add the password page to an area.

    Args:
        bp: the area's sign-in blueprint.
        area: the area.
    """

    @bp.route("/password", methods=["GET", "POST"])
    @area.mark
    @limiter.limit("20 per 15 minutes", methods=["POST"], deduct_when=failed)
    @area.named
    def password() -> ResponseReturnValue:
        """Change the password and stay signed in here."""
        form = OwnPasswordForm()
        if form.validate_on_submit():
            with errors_in(form):
                person = signin.change_own_password(
                    actor=actor(), current=str(form.current.data), password=str(form.password.data)
                )
                sign_in(person, keep=session.permanent)
                flash("Password changed. You were signed out on all other devices.", "good")
                return redirect(url_for(f"{area.name}.auth.password"))
        return form_page(form, "own_password.html", layout=area.layout, home=area.home)
