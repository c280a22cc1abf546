"""Staff pages: routes and forms, one file per entity.

Every route declares its permission; operations do the work.
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
    """Return the blueprint of the staff area, with one nested blueprint per entity."""
    area = Blueprint("admin", __name__, url_prefix="/admin")
    for entity in (
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
        area.register_blueprint(entity.bp)
    return area
