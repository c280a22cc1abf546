"""Staff's pages, one file a noun: routes and forms.

Every route names the permission it needs; what it does is an operation's business.
"""

from __future__ import annotations

from flask import Blueprint

from puqpanel.web.admin.accounts import auth, clients, pick, staff
from puqpanel.web.admin.catalog import products
from puqpanel.web.admin.modules import gateways, module_log, modules, senders
from puqpanel.web.admin.oversight import dashboard, health, schedule, search, tasks
from puqpanel.web.admin.provisioning import requests, services
from puqpanel.web.admin.system import activity


def blueprint() -> Blueprint:
    """The blueprint of the whole area, its nouns nested in it (`admin.services.index`)."""
    area = Blueprint("admin", __name__, url_prefix="/admin")
    for noun in (
        auth,
        dashboard,
        clients,
        services,
        requests,
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
