"""The home page of the client area."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from puqpanel.operations.provisioning import services
from puqpanel.web.client.provisioning.notices import ENDED, home_notice, list_rows
from puqpanel.web.guard import actor, can, customer

bp = Blueprint("home", __name__)


@bp.get("/")
@customer()
def index() -> ResponseReturnValue:
    """Show the user's current services and what is wrong with them."""
    user = actor()
    all_services = services.services_of(user) if can("services.view") else []
    current = [service for service in all_services if service.status not in ENDED]
    notices = [notice for service in current if (notice := home_notice(service))]
    count = "1 service" if len(current) == 1 else f"{len(current)} services"
    return render_template(
        "client/oversight/home.html",
        greeting=f"Hello, {user.name.split()[0]}" if user.name.strip() else "Hello",
        service_count=count if current else "",
        notices=notices,
        services=list_rows(current),
        has_ended=len(current) < len(all_services),
    )
