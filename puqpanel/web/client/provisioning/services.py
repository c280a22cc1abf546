"""The customer's services and the tabs that their module draws.

Another customer's service is 404, as if it were not there.
"""

from __future__ import annotations

from flask import Blueprint, Response, abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from puqpanel.domain.money import PERIODS
from puqpanel.domain.service_states import ProvisionStatus, ServiceStatus
from puqpanel.host import languages
from puqpanel.models import Service
from puqpanel.operations.provisioning import services
from puqpanel.web import modules
from puqpanel.web.guard import current_customer, customer

bp = Blueprint("services", __name__, url_prefix="/services")
CLOSED = (ServiceStatus.TERMINATED, ServiceStatus.CANCELLED, ServiceStatus.FRAUD)
OVERVIEW = "overview"
"""The tab of the panel's own, for a service whose module has none or is off."""


@bp.get("/")
@customer
def index() -> ResponseReturnValue:
    """All of them, those alive first."""
    return render_template(
        "client/provisioning/services/index.html",
        services=services.services_of(current_customer().id),
        periods=PERIODS,
    )


@bp.get("/<uuid>")
@customer
def show(uuid: str) -> ResponseReturnValue:
    """The first tab."""
    service = _mine(uuid)
    return redirect(url_for("client.services.tab", uuid=uuid, tab=_tabs(service)[0][0]))


@bp.get("/<uuid>/<tab>")
@customer
def tab(uuid: str, tab: str) -> ResponseReturnValue:
    """One tab; a service that is not active shows only its first."""
    service = _mine(uuid)
    tabs, away, gone = _tabs(service), _away(service), _gone(service)
    if tab not in dict(tabs) and not away and not gone:
        abort(404)
    module = (
        modules.find(service.product.module) if tab != OVERVIEW and not away and not gone else None
    )
    page = module.page(uuid, tab, active=_active(service)) if module else None
    return render_template(
        "client/provisioning/services/show.html",
        service=service,
        tabs=tabs,
        tab=OVERVIEW if away or gone else tab,
        page_of_module=page,
        away=away,
        periods=PERIODS,
    )


@bp.route("/<uuid>/<tab>/api/<verb>", methods=["GET", "POST", "PUT", "DELETE"])
@customer
def ajax(uuid: str, tab: str, verb: str) -> Response:
    """What the module answers to a call of its own page."""
    service = _mine(uuid)
    module = modules.find(service.product.module)
    if _away(service):
        abort(503, "This part of your service is temporarily unavailable. Try again later.")
    if module is None or _gone(service):
        abort(404)
    return module.ajax(uuid, tab, verb, active=_active(service))


def _mine(uuid: str) -> Service:
    return services.find_service_of(current_customer().id, uuid)


def _active(service: Service) -> bool:
    return service.status == ServiceStatus.ACTIVE


def _tabs(service: Service) -> list[tuple[str, str]]:
    module = (
        modules.find(service.product.module)
        if service.product.module and not _away(service) and not _gone(service)
        else None
    )
    found = (
        [
            (one.key, languages.translate(module.loaded.folder, one.name))
            for one in module.tabs(active=_active(service))
        ]
        if module
        else []
    )
    return found or [(OVERVIEW, "General")]


def _gone(service: Service) -> bool:
    """Whether there is no account that the module's tabs could show, or none that its customer
    may use: the panel says itself how things are.
    """
    return service.status in CLOSED or service.provision_status == ProvisionStatus.NOT_FOUND


def _away(service: Service) -> bool:
    """Whether the module of the service is switched off, refused or waiting for its update:
    what it shows cannot be shown just now.
    """
    module = modules.find(service.product.module) if service.product.module else None
    return bool(service.product.module) and (module is None or module.loaded.restricted)
