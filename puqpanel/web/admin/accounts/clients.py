"""Staff pages for clients and their users."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from puqpanel.domain.countries import country_codes
from puqpanel.domain.errors import NotFoundError
from puqpanel.domain.payment_states import AWAITED
from puqpanel.domain.permissions import (
    CLIENT_SERVICES_MANAGE,
    CLIENT_SERVICES_VIEW,
    CLIENTS_IMPERSONATE,
    CLIENTS_MANAGE,
    CLIENTS_USERS,
    CLIENTS_VIEW,
    PAYMENTS_VIEW,
    SERVICES_VIEW,
    TASKS_VIEW,
)
from puqpanel.domain.texts import Text
from puqpanel.infra.db import session
from puqpanel.models import Address, Client, Payment, Product, Service, User
from puqpanel.operations.accounts import addresses, clients, members
from puqpanel.operations.billing import (
    companies,
    documents,
    gateways,
    ledger,
    payment_methods,
    tax_regions,
)
from puqpanel.operations.oversight import tasks
from puqpanel.operations.system import audit
from puqpanel.web import impersonation
from puqpanel.web.admin import matches
from puqpanel.web.admin.accounts.client_forms import (
    DETAILS,
    ClientForm,
    NewClientForm,
    PasswordForm,
    UserForm,
)
from puqpanel.web.answers import flash, flashed_errors
from puqpanel.web.fields import (
    countries,
    country_name,
)
from puqpanel.web.forms import _, _c, save_or_show
from puqpanel.web.guard import actor, allow, can
from puqpanel.web.list_filters import Filter, date_filter
from puqpanel.web.list_page import Column, Tab
from puqpanel.web.list_view import list_view
from puqpanel.web.lists import Listing, Sort
from puqpanel.web.navigation import crumbs
from puqpanel.web.permission_matrix import client_access
from puqpanel.web.session_pages import end_submitted, session_page

bp = Blueprint("clients", __name__, url_prefix="/clients")
FORM_TEMPLATE = "admin/accounts/clients/form.html"
MAX_SERVICES = 25
"""How many services a client's page shows."""
MAX_PAYMENTS = 10
"""How many pending payments a client's page shows."""

CLIENTS = Listing(
    sa.select(
        Client.uuid,
        Client.name,
        Client.email,
        Client.company,
        Client.country,
        Client.active,
        Client.created_at,
    ),
    key=Client.id,
    sorts={
        "new": Sort(Client.id, descending=True),
        "name": Sort(Client.name),
        "email": Sort(Client.email),
    },
    tabs={
        "all": Tab(_("All")),
        "active": Tab(_c("client", "Active"), Client.active),
        "inactive": Tab(_c("client", "Inactive"), ~Client.active),
    },
    filters={
        "country": Filter(
            _("Country"),
            lambda code: Client.country == code if code in country_codes() else None,
            choices=countries,
        ),
        "created": date_filter(_("Created"), Client.created_at),
    },
    search=matches.clients,
    search_parts=matches.client_parts,
    columns={
        "name": Column(_("Name"), lambda row: row.name),
        "email": Column(_("E-mail"), lambda row: row.email),
        "company": Column(_("Company"), lambda row: row.company),
        "country": Column(_("Country"), lambda row: row.country),
        "active": Column(_c("client", "Active"), lambda row: "yes" if row.active else "no"),
        "created": Column(_("Created"), lambda row: row.created_at),
        "uuid": Column("UUID", lambda row: row.uuid, export_only=True),
    },
    noun="clients",
    placeholder=_("Name, e-mail, company or ID"),
)


@bp.get("/")
@allow(CLIENTS_VIEW)
def index() -> ResponseReturnValue:
    """List clients."""
    return list_view(CLIENTS, "clients", "admin/accounts/clients/index.html")


@bp.route("/new", methods=["GET", "POST"])
@allow(CLIENTS_MANAGE)
def create() -> ResponseReturnValue:
    """Create a client, with an owner if a password is given."""
    form = NewClientForm()
    if not can(CLIENTS_USERS):
        del form.user_name, form.user_password

    def save() -> tuple[Text, str]:
        names = [name for name in form.data if name not in ("csrf_token", *DETAILS)]
        client = clients.create_client(actor=actor(), details=form.details(), **form.values(*names))
        return _("%(name)s added.", name=client.name), url_for(
            "admin.clients.show", uuid=client.uuid
        )

    return save_or_show(
        form,
        save,
        FORM_TEMPLATE,
        title=_("Add client"),
        crumbs=crumbs("clients"),
        label=_("Add client"),
        consequence=_("The client is not notified."),
    )


@bp.get("/<uuid>")
@allow(CLIENTS_VIEW)
def show(uuid: str) -> ResponseReturnValue:
    """Show a client with its services, users and timeline."""
    client = clients.find_client(uuid)
    impersonation.flash_ended()
    services = _services(client) if can(SERVICES_VIEW) else []
    others = addresses.addresses_of(client)
    return render_template(
        "admin/accounts/clients/show.html",
        access=client_access,
        addresses=others,
        region_notices=_region_notices([client, *others]),
        client=client,
        country=country_name(client.country),
        several_companies=len(companies.companies()) > 1,
        credits=ledger.credits_of(client),
        amounts_due=documents.amounts_due(client),
        services=services[:MAX_SERVICES],
        has_more_services=len(services) > MAX_SERVICES,
        tasks=tasks.tasks_about("client", uuid, 5) if can(TASKS_VIEW) else [],
        timeline=audit.timeline(actor(), "client", uuid, 20),
        **(_paying(client) if can(PAYMENTS_VIEW) else {}),
    )


def _paying(client: Client) -> dict[str, Any]:
    """Return the payments of a client that are awaited, and its saved payment methods."""
    awaited = sa.select(Payment).where(Payment.client_id == client.id, Payment.status.in_(AWAITED))
    payments = session().scalars(awaited.order_by(Payment.id.desc()).limit(MAX_PAYMENTS)).all()
    methods = payment_methods.methods_of(client)
    return {
        "awaited_payments": payments,
        "methods": methods,
        "method_label": payment_methods.label,
        "gateway_titles": gateways.titles() if payments or methods else {},
    }


def _services(client: Client) -> Sequence[Any]:
    """Return the newest services of a client, one more than the page shows."""
    query = (
        sa.select(
            Service.uuid,
            Service.name,
            Service.status,
            Service.provision_status,
            Product.name.label("product"),
        )
        .join(Product, Product.id == Service.product_id)
        .where(Service.client_id == client.id)
        .order_by(Service.id.desc())
        .limit(MAX_SERVICES + 1)
    )
    return session().execute(query).all()


def _region_notices(buyers: Sequence[Client | Address]) -> list[Text]:
    """Return a sentence for each region that is none of those that taxes of its country know."""
    texts = []
    for country, region in dict.fromkeys((buyer.country, buyer.region) for buyer in buyers):
        if known := tax_regions.unlisted(country, region):
            values = {"country": country_name(country), "regions": ", ".join(known)}
            texts.append(
                _(
                    "%(country)s has tax rates or rules for %(regions)s, but not for “%(region)s”.",
                    region=region,
                    **values,
                )
                if region
                else _(
                    "%(country)s has tax rates or rules for %(regions)s, but none is entered.",
                    **values,
                )
            )
    return texts


@bp.route("/<uuid>/edit", methods=["GET", "POST"])
@allow(CLIENTS_MANAGE)
def edit(uuid: str) -> ResponseReturnValue:
    """Update a client."""
    client = clients.find_client(uuid)
    form = ClientForm(obj=client)

    def save() -> tuple[Text, str]:
        clients.update_client(
            actor=actor(),
            uuid=uuid,
            details=form.details(),
            **form.values(
                "name",
                "email",
                "company",
                "country",
                "currency",
                "notes",
                "active",
                "separate_documents",
            ),
        )
        return _("Client saved."), url_for("admin.clients.show", uuid=uuid)

    return save_or_show(
        form,
        save,
        FORM_TEMPLATE,
        title=_("Edit %(name)s", name=client.name),
        crumbs=crumbs("clients", client),
        label=_("Save client"),
    )


@bp.route("/<uuid>/users/new", methods=["GET", "POST"])
@allow(CLIENTS_USERS)
def add_user(uuid: str) -> ResponseReturnValue:
    """Add a user to the client."""
    client = clients.find_client(uuid)
    form = UserForm(data={"owner": not client.members})

    def save() -> tuple[Text, str]:
        user = members.add_user(
            actor=actor(),
            client_uuid=uuid,
            permissions=() if form.owner.data else (CLIENT_SERVICES_VIEW, CLIENT_SERVICES_MANAGE),
            **form.values("email", "name", "password", "owner"),
        )
        page = url_for("admin.clients.show", uuid=uuid)
        if not form.owner.data:
            page = url_for("admin.user_permissions.edit", uuid=uuid, user_uuid=user.uuid)
        return _("%(email)s added as a user of this client.", email=user.email), page

    return save_or_show(
        form, save, title=_("Add user"), crumbs=crumbs("clients", client), label=_("Add user")
    )


@bp.route("/<uuid>/users/<user_uuid>/password", methods=["GET", "POST"])
@allow(CLIENTS_USERS)
def set_password(uuid: str, user_uuid: str) -> ResponseReturnValue:
    """Set a user's password."""
    client = clients.find_client(uuid)
    user = _find_user(client, user_uuid)
    form = PasswordForm()

    def save() -> tuple[Text, str]:
        members.set_user_password(
            actor=actor(), client_uuid=uuid, user_uuid=user_uuid, **form.values("password")
        )
        page = url_for("admin.clients.show", uuid=uuid)
        return _("Password changed. All sessions of the user were ended."), page

    return save_or_show(
        form,
        save,
        title=_("New password for %(email)s", email=user.email),
        crumbs=crumbs("clients", client),
        label=_("Set password"),
        consequence=_("Signs the user out everywhere."),
    )


@bp.get("/<uuid>/users/<user_uuid>/sessions")
@allow(CLIENTS_VIEW)
def user_sessions(uuid: str, user_uuid: str) -> ResponseReturnValue:
    """List the sessions of a user."""
    client = clients.find_client(uuid)
    user = _find_user(client, user_uuid)
    end_url = url_for("admin.clients.end_user_sessions", uuid=uuid, user_uuid=user_uuid)
    return render_template(
        "admin/accounts/sessions.html",
        person=user,
        crumbs=crumbs("clients", client),
        sessions=session_page(user, end_url if can(CLIENTS_USERS) else ""),
        all_label=_("End all sessions"),
    )


@bp.post("/<uuid>/users/<user_uuid>/sessions")
@allow(CLIENTS_USERS)
def end_user_sessions(uuid: str, user_uuid: str) -> ResponseReturnValue:
    """End one session of a user, or all of them."""
    end_submitted(_find_user(clients.find_client(uuid), user_uuid), client_uuid=uuid)
    return redirect(url_for("admin.clients.user_sessions", uuid=uuid, user_uuid=user_uuid))


@bp.post("/<uuid>/users/<user_uuid>/view")
@allow(CLIENTS_IMPERSONATE)
def view_as(uuid: str, user_uuid: str) -> ResponseReturnValue:
    """Open the client area as a user of the client."""
    with flashed_errors():
        return impersonation.start(uuid, user_uuid)
    return redirect(url_for("admin.clients.show", uuid=uuid))


@bp.route("/<uuid>/users/<user_uuid>/remove", methods=["GET", "POST"])
@allow(CLIENTS_USERS)
def remove_user(uuid: str, user_uuid: str) -> ResponseReturnValue:
    """Remove a user from the client, after a confirmation."""
    back = url_for("admin.clients.show", uuid=uuid)
    if request.method == "POST":
        members.remove_user(actor=actor(), client_uuid=uuid, user_uuid=user_uuid)
        flash(_("User removed."), "good")
        return redirect(back)
    client = clients.find_client(uuid)
    return render_template(
        "admin/confirm.html",
        title=_(
            "Remove %(email)s from %(name)s?",
            email=_find_user(client, user_uuid).email,
            name=client.name,
        ),
        button=_("Remove user"),
        back=back,
        lead=_("This will remove:"),
        goes=[_("The user's access to this client"), _("All open sessions of the user")],
        stays=_("The user account is kept and can be added again."),
    )


def _find_user(client: Client, user_uuid: str) -> User:
    for member in client.members:
        if member.user.uuid == user_uuid:
            return member.user
    raise NotFoundError(_("This user does not belong to the client."))
