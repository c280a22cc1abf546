"""Staff pages for services: the list, a service, its module settings.

Provisioning requests are in requests.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import SelectField, StringField
from wtforms.validators import InputRequired, Length

from puqpanel.domain.money import Money
from puqpanel.domain.permissions import (
    DOCUMENTS_VIEW,
    SERVICES_MANAGE,
    SERVICES_PROVISION,
    SERVICES_VIEW,
)
from puqpanel.domain.service_states import (
    PROVISION_LABELS,
    STATUS_LABELS,
    VERBS,
    ProvisionStatus,
    ServiceStatus,
)
from puqpanel.domain.task_states import OPEN, TaskStatus
from puqpanel.domain.texts import Text
from puqpanel.infra.db import session
from puqpanel.models import Client, Debit, Ending, ModuleLog, Product, Service, Task
from puqpanel.operations.automation import due_services, steps, unpaid_services
from puqpanel.operations.billing import prepaid_accounts
from puqpanel.operations.catalog import products
from puqpanel.operations.ordering import manual_changes, prepaid_orders, selections
from puqpanel.operations.ordering.contracts import ENDED, find_with_rows
from puqpanel.operations.provisioning import observations, services
from puqpanel.operations.system import audit
from puqpanel.web import live_parts
from puqpanel.web.admin import matches
from puqpanel.web.admin.accounts.pick import ClientSearch, find_clients
from puqpanel.web.admin.catalog import offers
from puqpanel.web.admin.oversight.tasks import ROW, open_among
from puqpanel.web.admin.provisioning.comparison import choices_for
from puqpanel.web.admin.provisioning.explanations import explain_status
from puqpanel.web.admin.provisioning.service_actions import BROKEN, actions_for
from puqpanel.web.admin.settings_page import settings_page
from puqpanel.web.documents import shown_day
from puqpanel.web.forms import Form, _, _c, save_or_show
from puqpanel.web.guard import actor, allow, can
from puqpanel.web.list_filters import Filter, date_filter
from puqpanel.web.list_page import Column, Tab
from puqpanel.web.list_view import list_view
from puqpanel.web.lists import Listing, Sort, Sum
from puqpanel.web.look import step_label
from puqpanel.web.navigation import crumbs

bp = Blueprint("services", __name__, url_prefix="/services")
NEW_TEMPLATE = "admin/provisioning/services/new.html"
UNDER_WAY = OPEN - {TaskStatus.PARKED}


def _products() -> list[tuple[str, str]]:
    return [
        (row.uuid, row.name)
        for row in session().execute(
            sa.select(Product.uuid, Product.name).order_by(Product.name).limit(500)
        )
    ]


def _of_client(text: str) -> sa.ColumnElement[bool]:
    """Match one client by UUID, or clients by part of their name, e-mail or company."""
    return Client.uuid == text if _is_uuid(text) else matches.clients(text)


def _is_uuid(text: str) -> bool:
    return len(text) == 36 and text.count("-") == 4


SERVICES = Listing(
    sa.select(
        Service.uuid,
        Service.name,
        Service.status,
        Service.provision_status,
        Service.price_minor,
        Service.currency,
        Service.period,
        Service.failure,
        Service.idle_since,
        Service.created_at,
        Client.name.label("client"),
        Client.uuid.label("client_uuid"),
        Product.name.label("product"),
        Product.module,
    )
    .join(Client, Client.id == Service.client_id)
    .join(Product, Product.id == Service.product_id),
    key=Service.id,
    sorts={"new": Sort(Service.id, descending=True), "name": Sort(Service.name)},
    tabs={
        "all": Tab(_("All")),
        "active": Tab(_c("service", "Active"), Service.status == ServiceStatus.ACTIVE),
        "pending": Tab(_("Pending"), Service.status == ServiceStatus.PENDING),
        "suspended": Tab(_("Suspended"), Service.status == ServiceStatus.SUSPENDED),
        "ending": Tab(
            _("Ending"),
            sa.and_(
                Service.status.not_in(ENDED),
                Service.id.in_(sa.select(Ending.service_id).where(Ending.live.is_(True))),
            ),
        ),
        "to_do": Tab(_("Manual changes"), manual_changes.TO_DO),
        "failed": Tab(_("Failed"), Service.provision_status.in_(BROKEN)),
        "terminated": Tab(_("Terminated"), Service.status == ServiceStatus.TERMINATED),
        "cancelled": Tab(_("Cancelled"), Service.status == ServiceStatus.CANCELLED),
        "fraud": Tab(_("Fraud"), Service.status == ServiceStatus.FRAUD),
    },
    filters={
        "status": Filter(
            _("Status"),
            lambda word: Service.status == word if word in set(ServiceStatus) else None,
            choices=lambda: list(STATUS_LABELS.items()),
        ),
        "created": date_filter(_("Created"), Service.created_at),
        "product": Filter(
            _("Product"),
            lambda uuid: Product.uuid == uuid,
            choices=_products,
            shown=lambda row, _: str(row.product),
        ),
        "provision": Filter(
            _("Provisioning"),
            lambda word: Service.provision_status == word if word in set(ProvisionStatus) else None,
            choices=lambda: list(PROVISION_LABELS.items()),
        ),
        "client": Filter(
            _("Client"),
            _of_client,
            kind="search",
            shown=lambda row, text: str(row.client) if _is_uuid(text) else text,
        ),
        "module": Filter(
            _("Module"),
            lambda key: Product.module == key,
            choices=lambda: [(m.key, m.title) for m in products.product_modules()],
        ),
    },
    search=matches.services,
    search_parts=matches.service_parts,
    columns={
        "service": Column(_("Service"), lambda row: row.name),
        "client": Column(_("Client"), lambda row: row.client),
        "product": Column(_("Product"), lambda row: row.product),
        "status": Column(_("Status"), lambda row: row.status),
        "provisioning": Column(_("Provisioning"), lambda row: row.provision_status),
        "price": Column(_("Price"), lambda row: Money(row.price_minor, row.currency).major),
        "currency": Column(_("Currency"), lambda row: row.currency, export_only=True),
        "period": Column(_("Period"), lambda row: row.period, export_only=True),
        "created": Column(_("Created"), lambda row: row.created_at),
        "uuid": Column("UUID", lambda row: row.uuid, export_only=True),
    },
    sum=Sum(Service.price_minor, Service.currency, Service.period),
    noun="services",
    placeholder=_("Name, client or ID"),
)


class ServiceForm(Form):
    """A new service, with the search for its client."""

    find = StringField(_("Find a client"))
    client = StringField(_("Client"), [InputRequired(_("Choose a client."))])
    product = SelectField(_("Product and price"), [InputRequired(_("Choose a product."))])
    name = StringField(
        _("Name"),
        [InputRequired(_("Enter a name.")), Length(max=200)],
        description=_("Shown in lists and to the customer, such as a host name."),
    )


class NameForm(Form):
    """The name of a service."""

    name = StringField(_("Name"), [InputRequired(_("Enter a name.")), Length(max=200)])


@bp.get("/")
@allow(SERVICES_VIEW)
def index() -> ResponseReturnValue:
    """List services."""
    return list_view(
        SERVICES,
        "services",
        "admin/provisioning/services/index.html",
        Money=Money,
        broken=BROKEN,
        idles=any(services.implements(m, VERBS["idle"]) for m in products.product_modules()),
    )


@bp.get("/new")
@allow(SERVICES_MANAGE)
def create_form() -> ResponseReturnValue:
    """Show the form of a new service."""
    product, client = request.args.get("product", ""), request.args.get("client", "")
    form = ServiceForm(data={"client": client})
    form.product.choices = offers.options(offers.currency_of(client))
    if product:
        of_product = (o.value for o in form.product.choices if o.value.startswith(product))
        form.product.data = next(of_product, "")
    return _new(form)


@bp.post("/new")
@allow(SERVICES_MANAGE)
def create_submit() -> ResponseReturnValue:
    """Create a service without provisioning it, or search clients if "Find" was clicked."""
    form = ServiceForm()
    form.product.choices = offers.options()
    if "look" in request.form:
        found = find_clients(form.find.data)
        form.client.data = found.only()
        return _new(form, found)
    found = find_clients(form.find.data, form.client.data or "")
    if not form.client.data and (client_uuid := found.only()):
        form.client.data, form.client.raw_data = client_uuid, [client_uuid]

    def save() -> tuple[Text, str]:
        product_uuid, _slash, price_uuid = str(form.product.data).partition("/")
        service = services.create_service(
            actor=actor(),
            client_uuid=str(form.client.data),
            product_uuid=product_uuid,
            price_uuid=price_uuid,
            name=str(form.name.data),
        )
        page = url_for("admin.services.show", uuid=service.uuid)
        return _("%(name)s added. Click Create to provision it.", name=service.name), page

    return save_or_show(
        form,
        save,
        NEW_TEMPLATE,
        found=found,
        has_products=len(list(form.product.choices or ())) > 1,
    )


def _new(form: ServiceForm, found: ClientSearch | None = None) -> str:
    return render_template(
        NEW_TEMPLATE,
        form=form,
        found=found or find_clients("", form.client.data or ""),
        has_products=len(list(form.product.choices or ())) > 1,
    )


@bp.get("/<uuid>")
@allow(SERVICES_VIEW)
def show(uuid: str) -> ResponseReturnValue:
    """Show a service with its tasks, module settings, log and timeline."""
    found = find_with_rows(uuid)
    service, ending = found.service, found.ending
    log = (
        session()
        .scalars(
            sa.select(ModuleLog)
            .where(ModuleLog.service_uuid == uuid)
            .order_by(ModuleLog.id.desc())
            .limit(8)
        )
        .all()
    )
    history = audit.timeline(actor(), "service", uuid, 20)
    state = _state(service)
    provisioning = [task for task in state["tasks"] if task.subject_type == "service"]
    ended = service.status in ENDED
    return render_template(
        "admin/provisioning/services/show.html",
        log=log,
        timeline=history,
        explanation=explain_status(service, history),
        module_problem=products.why_without_module(service.product),
        actions=actions_for(
            service, provisioning, busy=state["in_progress"], ending=ending is not None
        ),
        ending=ending,
        change=found.change,
        start=prepaid_orders.waiting_start(service),
        invoice_day=None if ending or found.change else due_services.invoice_day(service),
        to_do=[] if ended else list(filter(manual_changes.waits_for_staff, state["tasks"])),
        selection=selections.of_service(service),
        day=shown_day,
        # what was never charged has no steps, and costs no query
        steps=steps.of_service(uuid) if service.paid_until or service.prepaid else [],
        step_label=step_label,
        debits=_debits(service),
        outlook=_outlook(service),
        upcoming=unpaid_services.upcoming(service),
        choices=choices_for(service, found.difference),
        refreshes=can(SERVICES_PROVISION) and observations.can_refresh(service),
        shows_settings=bool(state["module"]) and can(SERVICES_MANAGE) and not ended,
        **state,
    )


@bp.get("/<uuid>/live")
@allow(SERVICES_VIEW)
def live(uuid: str) -> ResponseReturnValue:
    """Show the status and tasks as a fragment; reload the page once nothing runs any more."""
    state = _state(services.find_service(uuid))
    fragment = render_template("admin/provisioning/services/_live.html", live=True, **state)
    return live_parts.answer(fragment, busy=state["busy"])


def _state(service: Service) -> dict[str, Any]:
    query = sa.select(*ROW).where(Task.of_service(service.uuid)).order_by(Task.id.desc())
    newest = session().execute(query.limit(40)).all()
    tasks = [row for row in newest if row.subject_type == "service"][:10]
    in_progress = service.provision_status == ProvisionStatus.PROCESSING or open_among(tasks)
    open_task = next((task for task in tasks if task.status in UNDER_WAY), None)
    # the latest Refresh only
    refreshed = [row for row in newest if row.subject_type == observations.SUBJECT][:1]
    tasks = sorted([*tasks, *refreshed], key=lambda row: row.id, reverse=True)
    return {
        "service": service,
        "module": services.module_of(service),
        "tasks": tasks,
        "open_task": open_task,
        "in_progress": in_progress,
        "busy": in_progress or open_among(tasks),
    }


@bp.route("/<uuid>/edit", methods=["GET", "POST"])
@allow(SERVICES_MANAGE)
def edit(uuid: str) -> ResponseReturnValue:
    """Rename a service."""
    service = services.find_service(uuid)
    form = NameForm(obj=service)

    def save() -> tuple[Text, str]:
        services.rename_service(actor=actor(), uuid=uuid, **form.values("name"))
        return _("Service renamed."), url_for("admin.services.show", uuid=uuid)

    return save_or_show(
        form,
        save,
        title=_("Rename %(name)s", name=service.name),
        crumbs=crumbs("services", service),
        label=_("Rename service"),
        consequence=_("Changes the name in the panel only, not at the provider."),
    )


@bp.route("/<uuid>/settings", methods=["GET", "POST"])
@allow(SERVICES_MANAGE)
def settings(uuid: str) -> ResponseReturnValue:
    """Show or save the module's form for the service."""
    service = services.find_service(uuid)
    return settings_page(
        service,
        services.module_of(service),
        partial(services.save_service_data, actor=actor(), uuid=uuid),
        consequence=_("Run Change package to send changes to the provider, unless noted."),
    )


def _debits(service: Service) -> Sequence[tuple[Debit, str]]:
    """Return the latest debits of a prepaid service, for staff who may see documents."""
    if not service.prepaid or not can(DOCUMENTS_VIEW):
        return []
    return prepaid_accounts.debits_of(service.client_id, service_id=service.id, limit=24)


def _outlook(service: Service) -> prepaid_accounts.Outlook | None:
    """Return what the prepaid services of the client cost, for staff who may see documents."""
    if not service.prepaid or not can(DOCUMENTS_VIEW):
        return None
    return prepaid_accounts.outlook(service.client, service.currency)
