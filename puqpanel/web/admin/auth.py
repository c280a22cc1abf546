"""Staff sign in and out. Only failed tries count against the limits."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from puqpanel.domain.errors import UserError
from puqpanel.operations import signin
from puqpanel.web.answers import same_site
from puqpanel.web.guard import actor, find_staff, public
from puqpanel.web.limits import failed, limiter, tried_account
from puqpanel.web.sessions import sign_in
from puqpanel.web.sessions import sign_out as end_session
from puqpanel.web.signin import SignInForm

bp = Blueprint("auth", __name__)


@bp.get("/signin")
@public
def sign_in_form() -> ResponseReturnValue:
    """The form; who is signed in already goes on."""
    if find_staff():
        return redirect(same_site(request.args.get("next", ""), "/admin"))
    return render_template("admin/signin.html", form=SignInForm(), home=url_for("admin.auth.sign_in_form"))


@bp.post("/signin")
@public
@limiter.limit("20 per 15 minutes", deduct_when=failed)
@limiter.limit("100 per hour", key_func=tried_account, deduct_when=failed)
def sign_in_submit() -> ResponseReturnValue:
    """Begins a session, then leads to where the person wanted to go, if that is in this area."""
    form = SignInForm()
    if form.validate_on_submit():
        try:
            staff = signin.sign_in_staff(email=str(form.email.data), password=str(form.password.data), ip=request.remote_addr or "")
        except UserError as error:
            form.form_errors.append(str(error))
        else:
            sign_in(staff, keep=form.keep.data)
            return redirect(same_site(request.args.get("next", ""), "/admin"))
    return render_template("admin/signin.html", form=form, home=url_for("admin.auth.sign_in_form")), 422


@bp.post("/signout")
@public
def sign_out() -> ResponseReturnValue:
    """Ends the session in this browser."""
    if find_staff():
        signin.sign_out(actor=actor())
    end_session()
    flash("You are signed out.", "good")
    return redirect(url_for("admin.auth.sign_in_form"))
