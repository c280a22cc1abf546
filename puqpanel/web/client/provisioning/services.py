"""Services of the client area, and the tabs their modules render.

Services of other clients answer 404, as if missing.
"""

from __future__ import annotations

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from puqpanel.domain.permissions import (
    CLIENT_ORDERS_MANAGE,
    CLIENT_SERVICES_MANAGE,
    CLIENT_SERVICES_VIEW,
)
from puqpanel.domain.service_states import ProvisionStatus, ServiceStatus
from puqpanel.domain.texts import Text, _
from puqpanel.host import languages
from puqpanel.host.calls import Called
from puqpanel.models import Service, Step
from puqpanel.operations.automation import due_services, prepaid_stops, steps, unpaid_services
from puqpanel.operations.billing import funds
from puqpanel.operations.ordering import (
    contracts,
    coupon_uses,
    endings,
    manual_changes,
    prepaid_orders,
    selections,
)
from puqpanel.operations.ordering.shop import excludes_tax
from puqpanel.operations.provisioning import services
from puqpanel.web import modules
from puqpanel.web.answers import is_document, under_api, wants_json
from puqpanel.web.client.provisioning.notices import (
    ENDED,
    NO_ACTION,
    Notice,
    list_rows,
    service_notice,
    visible_status,
)
from puqpanel.web.documents import shown_day
from puqpanel.web.guard import actor, can, customer

bp = Blueprint("services", __name__, url_prefix="/services")
CLOSED = (*ENDED, ServiceStatus.FRAUD)
OVERVIEW = "overview"
"""The panel's own tab, shown if the module has none or is not available."""


@bp.get("/")
@customer(CLIENT_SERVICES_VIEW)
def index() -> ResponseReturnValue:
    """List the user's services, ended ones last."""
    found = services.services_of(actor())
    rows = list_rows(found, endings.days_of(found))
    return render_template("client/provisioning/services/index.html", services=rows)


@bp.get("/<uuid>")
@customer(CLIENT_SERVICES_VIEW)
def show(uuid: str) -> ResponseReturnValue:
    """Redirect to the first tab."""
    service = _find_own(uuid)
    return redirect(url_for("client.services.tab", uuid=uuid, tab=_tabs(service)[0][0]))


@bp.get("/<uuid>/<tab>")
@customer(CLIENT_SERVICES_VIEW)
def tab(uuid: str, tab: str) -> ResponseReturnValue:
    """Show a tab. A service that is not active has only its first."""
    service = _find_own(uuid)
    tabs, unavailable = _tabs(service), _module_unavailable(service)
    without_module = unavailable or _closed(service)
    if tab not in dict(tabs) and not without_module:
        abort(404)
    has_module_tab = tab != OVERVIEW and not without_module
    module = modules.find(service.product.module) if has_module_tab else None
    first = without_module or tab == tabs[0][0]
    called = module.page(uuid, tab, active=_active(service)) if module else None
    ending, change = contracts.ending_of(service), contracts.change_of(service)
    start = prepaid_orders.waiting_start(service)
    suspended_for, stop = _suspended_for(service), _stopped_for(service)
    return render_template(
        "client/provisioning/services/show.html",
        service=service,
        status_key=visible_status(service),
        busy=service.provision_status == ProvisionStatus.PROCESSING,
        notices=_notices(
            service, unavailable=unavailable, unpaid=bool(suspended_for or stop), called=called
        ),
        tabs=tabs,
        tab=OVERVIEW if without_module else tab,
        called=called,
        ending=ending,
        change=change,
        invoice_day=None if ending or change else due_services.invoice_day(service),
        selection=selections.of_service(service) if first else [],
        welcome=service.product.welcome if first and _active(service) else "",
        orders=can(CLIENT_ORDERS_MANAGE) and not _closed(service),
        day=shown_day,
        suspended=suspended_for is not None,
        stop=None if suspended_for else stop,
        start=start,
        top_up=funds.top_up(start.missing) if start and start.missing else None,
        unpaid=suspended_for or unpaid_services.upcoming(service),
        reduced=None if _closed(service) else coupon_uses.reduced_price(service),
        excludes_tax=bool(service.price_minor) and excludes_tax(service.client),
    )


@bp.route("/<uuid>/<tab>/api/<verb>", methods=["GET", "POST", "PUT", "DELETE"])
@customer(CLIENT_SERVICES_VIEW, writing=CLIENT_SERVICES_MANAGE)
def ajax(uuid: str, tab: str, verb: str) -> Response:
    """Return the module's response to a request of its own tab."""
    service = _find_own(uuid)
    module = modules.find(service.product.module)
    if _module_unavailable(service):
        abort(503, _("This part of your service is temporarily unavailable. Try again later."))
    if module is None or _closed(service):
        abort(404)
    return _with_layout(service, module.ajax(uuid, tab, verb, active=_active(service)))


def _with_layout(service: Service, response: Response) -> Response:
    """Put a fragment into a page with a way back, for a browser that runs no scripts.

    Such a browser shows the response of a form or link as a page. Documents, downloads and plain
    text that was only read stay as they are.
    """
    is_page = (
        not wants_json()
        and request.headers.get("Sec-Fetch-Dest", "document") == "document"
        and "Content-Disposition" not in response.headers
        and not response.direct_passthrough
        and not 300 <= response.status_code < 400
    )
    is_text = response.mimetype == "text/plain" and request.method == "POST"
    if not is_page or not (response.mimetype == "text/html" or is_text):
        return response
    text = response.get_data(as_text=True)
    if is_document(text):
        return response
    page = render_template(
        "client/provisioning/services/answer.html",
        service=service,
        status_key=visible_status(service),
        back=under_api(),
        # HTML was escaped by the module
        content=Markup("<pre>{}</pre>").format(text) if is_text else Markup(text),  # noqa: S704
    )
    response.set_data(page)
    response.content_type = "text/html; charset=utf-8"
    return response


def _notices(
    service: Service, *, unavailable: bool, unpaid: bool, called: Called | None
) -> list[Notice]:
    notices = []
    if service.status not in CLOSED and manual_changes.is_open(service):
        notices.append(Notice("busy", _("Your change is being applied."), NO_ACTION))
    if not unpaid and (notice := service_notice(service)):
        notices.append(notice)
    if unavailable and service.status not in ENDED:
        text = _("Details and tools of this service can't be shown right now. Try again later.")
        notices.append(Notice("warn", _("Temporarily unavailable."), text))
    if called and called.error:
        contact = "contact support with the reference." if called.reference else "contact support."
        text = _(
            "Try again in a few minutes. If this keeps happening, %(contact)s", contact=contact
        )
        notices.append(Notice("bad", _("This page couldn't be loaded."), text, called.reference))
    return notices


def _suspended_for(service: Service) -> unpaid_services.Debt | None:
    """Return the unpaid document for which a service is suspended; None if it is not."""
    processing = service.provision_status == ProvisionStatus.PROCESSING
    if service.status != ServiceStatus.SUSPENDED or processing:
        return None
    return unpaid_services.debt_of(service) if steps.suspension_of(service.uuid) else None


def _stopped_for(service: Service) -> Step | None:
    """Return the step that suspended a prepaid service; None if none did."""
    step = steps.suspension_of(service.uuid) if service.prepaid and not _closed(service) else None
    return step if step is not None and prepaid_stops.is_prepaid(step) else None


def _find_own(uuid: str) -> Service:
    return services.find_service_of(actor(), uuid)


def _active(service: Service) -> bool:
    return service.status == ServiceStatus.ACTIVE


def _tabs(service: Service) -> list[tuple[str, Text | str]]:
    """Return the key and label of each tab."""
    module = modules.find(service.product.module)
    if module is None or module.loaded.restricted or _closed(service):
        return [(OVERVIEW, _("General"))]
    folder = module.loaded.folder
    tabs = module.tabs(active=_active(service))
    labels: list[tuple[str, Text | str]] = [
        (tab.key, languages.translate(folder, tab.name)) for tab in tabs
    ]
    return labels or [(OVERVIEW, _("General"))]


def _closed(service: Service) -> bool:
    """Whether there is no account to show, or the client may not use it."""
    return service.status in CLOSED or service.provision_status == ProvisionStatus.NOT_FOUND


def _module_unavailable(service: Service) -> bool:
    """Whether the service has a module that is inactive, does not load or needs an update."""
    if not service.product.module:
        return False
    module = modules.find(service.product.module)
    return module is None or module.loaded.restricted
