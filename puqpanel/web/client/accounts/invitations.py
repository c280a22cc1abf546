"""The page of an invitation, for everybody who has its link; a wrong token answers 404."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired, Length

from puqpanel.domain.texts import Text
from puqpanel.operations.accounts import invitations
from puqpanel.web import sessions
from puqpanel.web.answers import flash, flashed_errors
from puqpanel.web.forms import Form, _, save_or_show
from puqpanel.web.guard import actor, find_user, public
from puqpanel.web.limits import limiter
from puqpanel.web.sessions import CLIENT_KEY

bp = Blueprint("invitations", __name__, url_prefix="/invitations/<token>")
PER_NETWORK = limiter.shared_limit("60 per minute", scope="invitations")
HEADERS = {
    "X-Robots-Tag": "noindex, nofollow",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class NewUserForm(Form):
    """The account of an invited person."""

    name = StringField(
        _("Name"),
        [InputRequired(_("Enter a name.")), Length(max=200)],
        render_kw={"autocomplete": "name"},
    )
    password = PasswordField(
        _("Password"),
        [InputRequired(_("Enter a password.")), Length(max=256)],
        description=_("At least 10 characters"),
        render_kw={"autocomplete": "new-password"},
    )


@bp.after_request
def _secret(response: Response) -> Response:
    response.headers.update(HEADERS)
    return response


@bp.route("/", methods=["GET", "POST"])
@public
@PER_NETWORK
def show(token: str) -> ResponseReturnValue:
    """Show an invitation; a person without an account creates one to accept it."""
    invitation, user = invitations.find_invitation(token), find_user()
    context = {
        "invitation": invitation,
        "user": user,
        "accept_url": url_for("client.invitations.accept", token=token),
        "signin_url": url_for("client.auth.sign_in", next=request.path),
    }
    if user or invitations.has_account(invitation):
        return render_template("client/accounts/invitation.html", form=None, **context)
    form, name = NewUserForm(), invitation.client.name

    def save() -> tuple[Text, str]:
        new = invitations.accept_new(
            token=token, ip=request.remote_addr or "", **form.values("name", "password")
        )
        sessions.sign_in(new, keep=False)
        return _("Welcome. You now have access to %(name)s.", name=name), url_for(
            "client.home.index"
        )

    return save_or_show(form, save, "client/accounts/invitation.html", **context)


@bp.post("/accept")
@public
@PER_NETWORK
def accept(token: str) -> ResponseReturnValue:
    """Accept an invitation as the signed-in user."""
    back = url_for("client.invitations.show", token=token)
    if find_user() is None:
        return redirect(url_for("client.auth.sign_in", next=back))
    with flashed_errors():
        client = invitations.accept(actor=actor(), token=token)
        session[CLIENT_KEY] = client.uuid
        flash(_("You now have access to %(name)s.", name=client.name), "good")
        return redirect(url_for("client.home.index"))
    return redirect(back)
