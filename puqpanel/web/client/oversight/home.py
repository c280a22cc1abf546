"""The home page of the client area."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from puqpanel.domain.document_states import KIND_LABELS
from puqpanel.domain.permissions import (
    CLIENT_BILLING_VIEW,
    CLIENT_ORDERS_VIEW,
    CLIENT_SERVICES_VIEW,
)
from puqpanel.domain.texts import _, _n
from puqpanel.infra.db import session
from puqpanel.operations.accounts.clients import find_client
from puqpanel.operations.billing import documents, ledger
from puqpanel.operations.ordering import endings, offers
from puqpanel.operations.provisioning import services
from puqpanel.web.client.provisioning.notices import ENDED, home_notice, list_rows
from puqpanel.web.documents import shown_day, state_of
from puqpanel.web.guard import actor, can, customer

bp = Blueprint("home", __name__)
MAX_DOCUMENTS = 5
"""How many documents to pay the page shows."""


@bp.get("/")
@customer()
def index() -> ResponseReturnValue:
    """Show what is to pay, and the user's current services and what is wrong with them."""
    user = actor()
    all_services = services.services_of(user) if can(CLIENT_SERVICES_VIEW) else []
    current = [service for service in all_services if service.status not in ENDED]
    notices = [notice for service in current if (notice := home_notice(service))]
    client = find_client(user.client.uuid) if user.client and can(CLIENT_BILLING_VIEW) else None
    due = documents.documents_due(client).limit(MAX_DOCUMENTS) if client else None
    count = _n("%(num)s service", "%(num)s services", len(current))
    return render_template(
        "client/oversight/home.html",
        greeting=_("Hello, %(name)s", name=user.name.split()[0])
        if user.name.strip()
        else _("Hello"),
        service_count=count if current else "",
        notices=notices,
        open_offers=offers.open_offers(user) if can(CLIENT_ORDERS_VIEW) else [],
        day=shown_day,
        due=session().scalars(due).all() if due is not None else [],
        kinds=KIND_LABELS,
        state=state_of,
        credits=ledger.credits_of(client) if client else [],
        services=list_rows(current, endings.days_of(current)),
        has_ended=len(current) < len(all_services),
    )
