"""Staff page for the permissions of a client's user."""

from __future__ import annotations

from flask import Blueprint, url_for
from flask.typing import ResponseReturnValue
from wtforms import BooleanField

from puqpanel.domain.permissions import (
    CLIENT_KEYS,
    CLIENT_NOUNS,
    CLIENT_PERMISSIONS,
    CLIENTS_USERS,
    with_implied,
)
from puqpanel.domain.texts import Text
from puqpanel.operations.accounts import members
from puqpanel.web.forms import Form, MultiCheckboxField, _, choices, save_or_show
from puqpanel.web.guard import actor, allow
from puqpanel.web.navigation import crumbs
from puqpanel.web.permission_matrix import matrix

bp = Blueprint("user_permissions", __name__, url_prefix="/clients")


class UserPermissionsForm(Form):
    """What a user may do for a client."""

    owner = BooleanField(
        _("Owner"), description=_("The owner has all permissions; the table below is ignored.")
    )
    permissions = MultiCheckboxField(_("Permissions"))


@bp.route("/<uuid>/users/<user_uuid>/permissions", methods=["GET", "POST"])
@allow(CLIENTS_USERS)
def edit(uuid: str, user_uuid: str) -> ResponseReturnValue:
    """Update the permissions of a user for the client."""
    member = members.find_member(uuid, user_uuid)
    form = UserPermissionsForm(obj=member)
    form.permissions.choices = choices((each.key, each.name) for each in CLIENT_PERMISSIONS)

    def save() -> tuple[Text, str]:
        members.set_user_permissions(
            actor=actor(),
            client_uuid=uuid,
            user_uuid=user_uuid,
            owner=bool(form.owner.data),
            permissions=form.permissions.data or (),
        )
        page = url_for("admin.clients.show", uuid=uuid)
        return _("Permissions of %(email)s saved.", email=member.user.email), page

    return save_or_show(
        form,
        save,
        "admin/accounts/clients/permissions.html",
        member=member,
        crumbs=crumbs("clients", member.client),
        groups=matrix(CLIENT_NOUNS),
        chosen=with_implied(form.permissions.data or (), CLIENT_KEYS),
    )
