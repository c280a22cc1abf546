"""Staff's pages, one file a noun: routes and forms.

Every route names the permission it needs; what it does is an operation's business.
"""

from __future__ import annotations

from flask import Blueprint

from puqpanel.web.admin import (
    activity,
    auth,
    clients,
    dashboard,
    gateways,
    health,
    module_log,
    modules,
    pick,
    products,
    provisioning,
    schedule,
    search,
    senders,
    services,
    staff,
    tasks,
)


def blueprint() -> Blueprint:
    """The blueprint of the whole area, its nouns nested in it (`admin.services.index`)."""
    area = Blueprint("admin", __name__, url_prefix="/admin")
    for noun in (
        auth,
        dashboard,
        clients,
        services,
        provisioning,
        products,
        gateways,
        senders,
        tasks,
        schedule,
        modules,
        module_log,
        staff,
        search,
        health,
        pick,
        activity,
    ):
        area.register_blueprint(noun.bp)
    return area
