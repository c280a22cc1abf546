"""Client area: one module per entity. Entities of other clients answer 404, as if missing."""

from __future__ import annotations

from flask import Blueprint

from puqpanel.web.client.accounts import (
    address_book,
    auth,
    clients,
    invitations,
    registration,
    users,
)
from puqpanel.web.client.billing import (
    calendar,
    documents,
    funds,
    payments,
    prepaid,
    statements,
)
from puqpanel.web.client.ordering import changes, endings, offers
from puqpanel.web.client.oversight import home
from puqpanel.web.client.provisioning import services


def blueprint() -> Blueprint:
    """Return the blueprint of the client area; endpoints are named like `client.services.index`."""
    area = Blueprint("client", __name__, url_prefix="/client")
    for entity in (
        auth,
        registration,
        clients,
        users,
        invitations,
        home,
        services,
        changes,
        endings,
        offers,
        documents,
        funds,
        prepaid,
        payments,
        statements,
        calendar,
        address_book,
    ):
        area.register_blueprint(entity.bp)
    return area
