"""View as client: the staff member's button, the banner, and what only the user may do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import Response, abort, make_response, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from puqpanel.domain.texts import _
from puqpanel.operations.accounts import impersonation
from puqpanel.web.answers import flash, same_site, wants_json
from puqpanel.web.guard import SAFE_METHODS, actor, find_principal
from puqpanel.web.sessions import VIEW_BACK, has_view_cookie, open_view

ONLY_THE_USER = _("Only the user can do this. You are viewing as a client.")
SIGN_OUT = "client.auth.sign_out"
"""The endpoint that ends a view, or the session of a user."""
ENDED = "view_ended"
"""The query argument of the page to which a view returns."""


@dataclass(frozen=True, slots=True)
class Banner:
    """The banner of the client area during a view: who is viewing as whom, and until when."""

    staff: str
    user: str
    email: str
    ends_at: datetime


def banner() -> Banner | None:
    """Return the banner of this request; None outside a view."""
    principal = find_principal()
    if principal is None or principal.impersonated_by is None:
        return None
    return Banner(
        principal.impersonated_by.name,
        principal.name,
        current_user.person.email,
        current_user.session.expires_at,
    )


def start(client_uuid: str, user_uuid: str) -> ResponseReturnValue:
    """Start a view and redirect to the client area."""
    token = impersonation.start(
        actor=actor(),
        client_uuid=client_uuid,
        user_uuid=user_uuid,
        user_agent=request.user_agent.string,
    )
    response = make_response(redirect(url_for("client.home.index")))
    back = url_for("admin.clients.show", uuid=client_uuid)
    open_view(response, token=token, client_uuid=client_uuid, back=back)
    return response


def end() -> ResponseReturnValue:
    """End the view and return to the client's page in the staff area."""
    impersonation.end(actor=actor())
    return _leave()


def _leave() -> Response:
    back = session.get(VIEW_BACK)
    session.clear()
    session.modified = True  # removes the cookie, even an invalid one
    url = f"{same_site(str(back), '/admin')}?{ENDED}=1" if back else url_for("client.home.index")
    return make_response(redirect(url, 303))


def check() -> ResponseReturnValue | None:
    """Refuse what only the user may do, and leave a view that has ended; before each request."""
    if not has_view_cookie():
        return None
    principal = find_principal()
    if principal is None or principal.impersonated_by is None:
        if wants_json() or "HX-Request" in request.headers:
            abort(401)
        return _leave()
    endpoint = request.endpoint or ""
    if endpoint == SIGN_OUT:
        return None
    if endpoint.startswith("client.auth."):
        if request.method == "GET" and endpoint == "client.auth.sign_in":
            return redirect(url_for("client.home.index"))
        abort(403, ONLY_THE_USER)
    return None


def record(response: Response) -> Response:
    """Record a request that may have changed something, after each request."""
    changed = request.method not in SAFE_METHODS and response.status_code < 400
    if changed and has_view_cookie() and request.endpoint != SIGN_OUT:
        principal = find_principal()
        if principal is not None and principal.impersonated_by is not None:
            impersonation.record_request(actor=principal, method=request.method, path=request.path)
    return response


def flash_ended() -> None:
    """Flash that a view has ended, on the page to which it returns."""
    if request.args.get(ENDED):
        flash(_("Viewing as a client has ended."), "good")
