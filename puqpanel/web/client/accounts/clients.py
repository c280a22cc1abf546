"""The current client of a user who belongs to several."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, request, session, url_for
from flask.typing import ResponseReturnValue

from puqpanel.domain.texts import _
from puqpanel.web.answers import flash
from puqpanel.web.guard import customer, memberships
from puqpanel.web.sessions import CLIENT_KEY

bp = Blueprint("clients", __name__)


@bp.post("/current-client")
@customer()
def switch() -> ResponseReturnValue:
    """Select the client that the pages show."""
    uuid = request.form.get("client", "")
    member = next((each for each in memberships() if each.client.uuid == uuid), None)
    if member is None:
        abort(404)
    session[CLIENT_KEY] = uuid
    flash(_("You are now viewing the services of %(name)s.", name=member.client.name), "good")
    return redirect(url_for("client.home.index"))
