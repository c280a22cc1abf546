"""Changing one's own password, the same in both areas: other sessions end, this one goes on."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, session, url_for
from flask.typing import ResponseReturnValue
from wtforms import PasswordField
from wtforms.validators import EqualTo, InputRequired, Length

from puqpanel.domain.errors import UserError
from puqpanel.operations.accounts import signin
from puqpanel.web.forms import Form, add_errors
from puqpanel.web.guard import actor
from puqpanel.web.limits import failed, limiter
from puqpanel.web.sessions import sign_in
from puqpanel.web.signin import Area


class OwnPasswordForm(Form):
    """The password there is, and the one there is to be, twice."""

    current = PasswordField(
        "Current password", [InputRequired("Enter the password you have now."), Length(max=1000)]
    )
    password = PasswordField(
        "New password",
        [InputRequired("Enter a new password.")],
        description="At least 10 characters.",
    )
    repeat = PasswordField(
        "New password once more", [EqualTo("password", "This is not the same as the new password.")]
    )


def install(bp: Blueprint, area: Area) -> None:
    """Gives an area its page.

    Args:
        bp: the area's blueprint of signing in.
        area: which.
    """

    def drawn(form: OwnPasswordForm) -> str:
        return render_template("own_password.html", layout=area.layout, form=form, home=area.home)

    @bp.get("/password")
    @area.mark
    def password_form() -> ResponseReturnValue:
        """The form."""
        return drawn(OwnPasswordForm())

    @bp.post("/password")
    @area.mark
    @limiter.limit("20 per 15 minutes", deduct_when=failed)
    @area.named
    def password_submit() -> ResponseReturnValue:
        """Changes it, and keeps who did signed in here."""
        form = OwnPasswordForm()
        if form.validate_on_submit():
            try:
                person = signin.change_own_password(
                    actor=actor(), current=str(form.current.data), password=str(form.password.data)
                )
            except UserError as error:
                add_errors(form, error)
            else:
                sign_in(person, keep=session.permanent)
                flash(
                    "Your password was changed. Whoever was signed in as you elsewhere is signed"
                    " out.",
                    "good",
                )
                return redirect(url_for(f"{area.name}.auth.password_form"))
        return drawn(form), 422
