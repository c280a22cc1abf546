"""Services: the list, one service, its module's settings.

What is done to one at its provider stands in provisioning.py.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import SelectField, StringField
from wtforms.validators import InputRequired, Length

from puqpanel.domain.errors import InvalidInput, UserError
from puqpanel.domain.money import PERIODS, Money
from puqpanel.domain.service_states import ProvisionStatus, ServiceStatus
from puqpanel.host import calls
from puqpanel.infra.db import session
from puqpanel.models import Audit, Client, ModuleLog, Product, Service, Task
from puqpanel.operations.catalog import products
from puqpanel.operations.provisioning import services
from puqpanel.web.admin.accounts.pick import Found, find_clients, matching
from puqpanel.web.admin.oversight.tasks import ROW, open_among
from puqpanel.web.admin.provisioning.explanations import why
from puqpanel.web.exports import csv_answer, csv_wanted
from puqpanel.web.forms import Form, add_errors, answers, choices
from puqpanel.web.guard import actor, allow
from puqpanel.web.list_page import Tab
from puqpanel.web.lists import Column, Filter, Listing, Sort

bp = Blueprint("services", __name__, url_prefix="/services")
BROKEN = (ProvisionStatus.FAILED, ProvisionStatus.NOT_FOUND)


def _products() -> list[tuple[str, str]]:
    return [
        (row.uuid, row.name)
        for row in session().execute(
            sa.select(Product.uuid, Product.name).order_by(Product.name).limit(500)
        )
    ]


def _of_client(text: str) -> sa.ColumnElement[bool]:
    """One client by ID, as other pages link here, or all whose name or address is like that."""
    return Client.uuid == text if _is_uuid(text) else matching(text)


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
        "all": Tab("All"),
        "active": Tab("Active", Service.status == ServiceStatus.ACTIVE),
        "pending": Tab("Pending", Service.status == ServiceStatus.PENDING),
        "suspended": Tab("Suspended", Service.status == ServiceStatus.SUSPENDED),
        "failed": Tab("Failed", Service.provision_status.in_(BROKEN)),
        "terminated": Tab("Terminated", Service.status == ServiceStatus.TERMINATED),
        "cancelled": Tab("Cancelled", Service.status == ServiceStatus.CANCELLED),
        "fraud": Tab("Fraud", Service.status == ServiceStatus.FRAUD),
    },
    filters={
        "product": Filter(
            "Product",
            lambda uuid: Product.uuid == uuid,
            choices=_products,
            shown=lambda row, _: str(row.product),
        ),
        "provision": Filter(
            "Provisioning",
            lambda word: Service.provision_status == word if word in set(ProvisionStatus) else None,
            choices=lambda: [
                (word, word.replace("_", " ").capitalize()) for word in ProvisionStatus
            ],
        ),
        "client": Filter(
            "Client",
            _of_client,
            kind="search",
            shown=lambda row, text: str(row.client) if _is_uuid(text) else text,
        ),
        "module": Filter(
            "Module",
            lambda key: Product.module == key,
            choices=lambda: [(m.key, m.title) for m in products.product_modules()],
        ),
    },
    search=lambda text: sa.or_(
        Service.name.icontains(text, autoescape=True),
        Client.name.icontains(text, autoescape=True),
        Service.uuid == text,
    ),
    columns=(
        Column("Service", lambda row: row.name),
        Column("Client", lambda row: row.client),
        Column("Product", lambda row: row.product),
        Column("Status", lambda row: row.status),
        Column("Provisioning", lambda row: row.provision_status),
        Column("Price", lambda row: Money(row.price_minor, row.currency).major),
        Column("Currency", lambda row: row.currency),
        Column("Period", lambda row: row.period),
        Column("Created", lambda row: row.created_at),
        Column("UUID", lambda row: row.uuid),
    ),
    noun="services",
    placeholder="Name, client or ID",
)


class ServiceForm(Form):
    """A new service."""

    find = StringField("Find a client")
    client = StringField("Client", [InputRequired("Choose who buys it.")])
    product = SelectField("Product", [InputRequired("Choose what is bought.")])
    name = StringField(
        "Name",
        [InputRequired("A name is needed."), Length(max=200)],
        description="What lists and the customer's pages call it, a host name for instance.",
    )


class NameForm(Form):
    """What a service is called."""

    name = StringField("Name", [InputRequired("A name is needed."), Length(max=200)])


@bp.get("/")
@allow("services.view")
def index() -> ResponseReturnValue:
    """The list."""
    if csv_wanted():
        return csv_answer(SERVICES, "services")
    page = SERVICES.page(session(), request.path, request.args)
    return render_template(
        "admin/provisioning/services/index.html", list=page, Money=Money, periods=PERIODS
    )


@bp.get("/new")
@allow("services.manage")
def create_form() -> ResponseReturnValue:
    """The form of a new service."""
    return _new(
        ServiceForm(
            data={"client": request.args.get("client", ""), "product": request.args.get("product")}
        )
    )


@bp.post("/new")
@allow("services.manage")
def create_submit() -> ResponseReturnValue:
    """Sells a product to a client, nothing is provisioned yet; or looks for clients, where that
    button was pressed.
    """
    form = ServiceForm()
    _offer(form)
    if "look" in request.form:
        found = find_clients(form.find.data)
        form.client.data = found.only()
        return _new(form, found)
    found = find_clients(form.find.data, form.client.data or "")
    if not form.client.data and (meant := found.only()):
        form.client.data, form.client.raw_data = meant, [meant]
    if form.validate_on_submit():
        try:
            service = services.create_service(
                actor=actor(),
                client_uuid=str(form.client.data),
                product_uuid=str(form.product.data),
                name=str(form.name.data),
            )
        except UserError as error:
            add_errors(form, error)
        else:
            flash(f"{service.name} was added. Press Create to make it at the provider.", "good")
            return redirect(url_for("admin.services.show", uuid=service.uuid))
    return _new(form, found), 422


def _offer(form: ServiceForm) -> None:
    sold = [
        (p.uuid, f"{p.name}, {p.price} / {PERIODS.get(p.period, p.period)}")
        for p in products.products()
    ]
    form.product.choices = choices([("", "Choose a product…"), *sold])


def _new(form: ServiceForm, found: Found | None = None) -> str:
    _offer(form)
    return render_template(
        "admin/provisioning/services/new.html",
        form=form,
        found=found or find_clients("", form.client.data or ""),
    )


@bp.get("/<uuid>")
@allow("services.view")
def show(uuid: str) -> ResponseReturnValue:
    """One service: state, why, tasks, module, log, timeline."""
    service = services.find_service(uuid)
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
    history = (
        session()
        .scalars(
            sa.select(Audit)
            .where(Audit.subject_type == "service", Audit.subject_uuid == uuid)
            .order_by(Audit.id.desc())
            .limit(20)
        )
        .all()
    )
    return render_template(
        "admin/provisioning/services/show.html",
        log=log,
        timeline=history,
        why=why(service, history),
        without=products.why_without_module(service.product),
        **_state(service),
    )


@bp.get("/<uuid>/live")
@allow("services.view")
def live(uuid: str) -> ResponseReturnValue:
    """The state strip and the tasks alone, asked for every two seconds while something runs;
    then the whole page once more.
    """
    state = _state(services.find_service(uuid))
    answer = render_template("admin/provisioning/services/_live.html", **state)
    return answer if state["busy"] else (answer, {"HX-Refresh": "true"})


def _state(service: Service) -> dict[str, Any]:
    rows = (
        session()
        .execute(
            sa.select(*ROW)
            .where(Task.service_uuid == service.uuid)
            .order_by(Task.id.desc())
            .limit(10)
        )
        .all()
    )
    return {
        "service": service,
        "module": services.module_of(service),
        "verbs": services.possible_verbs(service),
        "tasks": rows,
        "periods": PERIODS,
        "busy": service.provision_status == ProvisionStatus.PROCESSING or open_among(rows),
    }


@bp.get("/<uuid>/edit")
@allow("services.manage")
def edit_form(uuid: str) -> ResponseReturnValue:
    """The form of the service's name."""
    service = services.find_service(uuid)
    return _edit(NameForm(obj=service), service)


@bp.post("/<uuid>/edit")
@allow("services.manage")
def edit_submit(uuid: str) -> ResponseReturnValue:
    """Renames a service."""
    form = NameForm()
    if form.validate_on_submit():
        try:
            services.rename_service(actor=actor(), uuid=uuid, **form.values("name"))
        except UserError as error:
            add_errors(form, error)
        else:
            flash("The service was renamed.", "good")
            return redirect(url_for("admin.services.show", uuid=uuid))
    return _edit(form, services.find_service(uuid)), 422


def _edit(form: NameForm, service: Service) -> str:
    back = url_for("admin.services.show", uuid=service.uuid)
    return render_template(
        "admin/form.html",
        title=f"Rename {service.name}",
        crumbs=[("Services", url_for("admin.services.index")), (service.name, back)],
        form=form,
        label="Rename service",
        back=back,
        consequence="The name is the panel's own; nothing changes at the provider.",
    )


@bp.get("/<uuid>/settings")
@allow("services.manage")
def settings_form(uuid: str) -> ResponseReturnValue:
    """The module's form for this service; alone where a page asks for it as a fragment."""
    return _settings(services.find_service(uuid))


@bp.post("/<uuid>/settings")
@allow("services.manage")
def settings_submit(uuid: str) -> ResponseReturnValue:
    """Lets the module check and keep its form."""
    sent = answers()
    try:
        services.save_service_data(actor=actor(), uuid=uuid, data=sent)
    except UserError as error:
        errors = error.errors if isinstance(error, InvalidInput) else {"": [str(error)]}
        return _settings(services.find_service(uuid), sent, errors), 422
    flash("The module's settings were saved.", "good")
    return redirect(url_for("admin.services.show", uuid=uuid))


def _settings(
    service: Service, sent: dict[str, Any] | None = None, errors: dict[str, list[str]] | None = None
) -> str:
    module = services.module_of(service)
    stored = None if sent is None else {"service_data": sent, "errors": errors or {}}
    called = (
        calls.invoke(
            calls.Call(
                module, "get_service_page", service_uuid=service.uuid, actor=actor(), stored=stored
            )
        )
        if module
        else None
    )
    template = (
        "admin/module_form.html"
        if request.headers.get("HX-Request")
        else "admin/provisioning/services/settings.html"
    )
    return render_template(
        template,
        service=service,
        module=module,
        called=called,
        errors=errors or {},
        action=url_for("admin.services.settings_submit", uuid=service.uuid),
        label="Save settings",
        consequence=(
            "Kept by the panel. The provider hears of it with Change package, or at once where a"
            " field says so."
        ),
    )
