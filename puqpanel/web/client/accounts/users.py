"""Users of the current client: who has access, invitations, and what each user may do."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import BooleanField, EmailField
from wtforms.validators import InputRequired, Length

from puqpanel.domain.permissions import (
    CLIENT_KEYS,
    CLIENT_NOUNS,
    CLIENT_PERMISSIONS,
    CLIENT_USERS_MANAGE,
    CLIENT_USERS_VIEW,
    with_implied,
)
from puqpanel.domain.texts import Text
from puqpanel.infra.links import link
from puqpanel.models import ClientUser
from puqpanel.operations.accounts import invitations, own_users
from puqpanel.operations.accounts.clients import find_client
from puqpanel.operations.accounts.members import find_member
from puqpanel.web.answers import flash, flashed_errors
from puqpanel.web.forms import (
    Form,
    MultiCheckboxField,
    _,
    choices,
    errors_in,
    form_page,
    save_or_show,
)
from puqpanel.web.guard import actor, customer
from puqpanel.web.permission_matrix import client_access, matrix

bp = Blueprint("users", __name__, url_prefix="/users")


class AccessForm(Form):
    """What a user may do for the client."""

    owner = BooleanField(
        _("Owner"), description=_("The owner has all permissions; the table below is ignored.")
    )
    permissions = MultiCheckboxField(_("Permissions"))

    def __init__(self, **values: object) -> None:
        super().__init__(**values)
        self.permissions.choices = choices((each.key, each.name) for each in CLIENT_PERMISSIONS)

    @property
    def ticked(self) -> frozenset[str]:
        """The ticked permissions with those that they imply."""
        return with_implied(self.permissions.data or (), CLIENT_KEYS)


class InvitationForm(AccessForm):
    """Who is invited, and what they may do."""

    email = EmailField(_("E-mail"), [InputRequired(_("Enter an e-mail address.")), Length(max=254)])


@bp.get("/")
@customer(CLIENT_USERS_VIEW)
def index() -> ResponseReturnValue:
    """List the users and the open invitations."""
    client = find_client(_uuid())
    return render_template(
        "client/accounts/users/index.html",
        members=client.members,
        invitations=invitations.own_invitations(actor()),
        access=client_access,
        may_change=lambda member: own_users.may_change(actor(), member),
    )


@bp.route("/invite", methods=["GET", "POST"])
@customer(CLIENT_USERS_MANAGE)
def invite() -> ResponseReturnValue:
    """Invite a person, and show the link once."""
    form = InvitationForm()
    if form.validate_on_submit():
        with errors_in(form):
            sent = invitations.invite(
                actor=actor(),
                email=str(form.email.data),
                owner=bool(form.owner.data),
                permissions=form.permissions.data or (),
            )
            return render_template(
                "client/accounts/users/invited.html",
                invitation=sent.invitation,
                link=link("client", "invitations", sent.token, ""),
            )
    return form_page(
        form,
        "client/accounts/users/access.html",
        title=_("Invite a user"),
        label=_("Create invitation"),
        groups=matrix(CLIENT_NOUNS),
    )


@bp.route("/<user_uuid>/permissions", methods=["GET", "POST"])
@customer(CLIENT_USERS_MANAGE)
def permissions(user_uuid: str) -> ResponseReturnValue:
    """Change what another user may do."""
    member = _member(user_uuid)
    form = AccessForm(obj=member)

    def save() -> tuple[Text, str]:
        own_users.set_own_user_permissions(
            actor=actor(),
            user_uuid=user_uuid,
            owner=bool(form.owner.data),
            permissions=form.permissions.data or (),
        )
        text = _("Permissions of %(email)s saved.", email=member.user.email)
        return text, url_for("client.users.index")

    return save_or_show(
        form,
        save,
        "client/accounts/users/access.html",
        title=_("Permissions of %(name)s", name=member.user.email),
        label=_("Save permissions"),
        groups=matrix(CLIENT_NOUNS),
    )


@bp.route("/<user_uuid>/remove", methods=["GET", "POST"])
@customer(CLIENT_USERS_MANAGE)
def remove(user_uuid: str) -> ResponseReturnValue:
    """Remove another user, after a confirmation."""
    member = _member(user_uuid)
    if request.method == "POST":
        with flashed_errors():
            own_users.remove_own_user(actor=actor(), user_uuid=user_uuid)
            flash(_("User removed."), "good")
        return redirect(url_for("client.users.index"))
    return render_template("client/accounts/users/remove.html", member=member)


@bp.post("/invitations/<uuid>/withdraw")
@customer(CLIENT_USERS_MANAGE)
def withdraw(uuid: str) -> ResponseReturnValue:
    """Withdraw an invitation."""
    invitations.withdraw(actor=actor(), uuid=uuid)
    flash(_("Invitation withdrawn."), "good")
    return redirect(url_for("client.users.index"))


def _member(user_uuid: str) -> ClientUser:
    return find_member(_uuid(), user_uuid)


def _uuid() -> str:
    client = actor().client
    return client.uuid if client else ""
