"""Staff pages for clients and their users."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields as dataclass_fields

import sqlalchemy as sa
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import BooleanField, EmailField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional

from puqpanel.domain.countries import country_codes
from puqpanel.domain.errors import NotFoundError
from puqpanel.domain.permissions import (
    CLIENT_NOUNS,
    CLIENT_SERVICES_MANAGE,
    CLIENT_SERVICES_VIEW,
    CLIENTS_IMPERSONATE,
    CLIENTS_MANAGE,
    CLIENTS_USERS,
    CLIENTS_VIEW,
    MANAGE,
    TASKS_VIEW,
    VIEW,
)
from puqpanel.domain.tax_rules import BuyerKind, VatStatus
from puqpanel.domain.texts import Text
from puqpanel.infra.db import session
from puqpanel.models import Client, Product, Service, User
from puqpanel.operations.accounts import clients
from puqpanel.operations.accounts.buyer_details import BuyerDetails
from puqpanel.operations.billing import ledger, vat_numbers
from puqpanel.operations.oversight import tasks
from puqpanel.operations.system import audit
from puqpanel.web import impersonation
from puqpanel.web.admin import matches
from puqpanel.web.answers import flash, flashed_errors
from puqpanel.web.fields import (
    CountryField,
    CurrencyField,
    LanguageField,
    countries,
    country_name,
)
from puqpanel.web.forms import Form, SecretField, _, _c, choices, save_or_show
from puqpanel.web.guard import actor, allow, can
from puqpanel.web.list_filters import Filter, date_filter
from puqpanel.web.list_page import Column, Tab
from puqpanel.web.list_view import list_view
from puqpanel.web.lists import Listing, Sort
from puqpanel.web.navigation import crumbs
from puqpanel.web.session_pages import end_submitted, session_page

bp = Blueprint("clients", __name__, url_prefix="/clients")
MAX_SERVICES = 25
"""How many services a client's page shows."""

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


BUYER_KINDS = {
    BuyerKind.CONSUMER: _("Consumer"),
    BuyerKind.BUSINESS: _("Business"),
    BuyerKind.EXEMPT: _("Exempt from tax"),
}
DETAILS = tuple(field.name for field in dataclass_fields(BuyerDetails))


class ClientForm(Form):
    """The details of a client."""

    name = StringField(_("Name"), [InputRequired(_("Enter a name.")), Length(max=200)])
    email = EmailField(_("E-mail"), [InputRequired(_("Enter an e-mail address.")), Length(max=254)])
    company = StringField(_("Company"), [Length(max=200)])
    country = CountryField(_("Country"), blank=_("No country"))
    currency = CurrencyField(_("Currency"))
    active = BooleanField(
        _c("client", "Active"),
        default=True,
        description=_("Users of an inactive client can't see its services."),
    )
    notes = TextAreaField(_("Notes"), [Length(max=10_000)], description=_("Visible to staff only."))
    street = StringField(_("Street"), [Length(max=200)])
    city = StringField(_("City"), [Length(max=100)])
    postcode = StringField(_("Postal code"), [Length(max=20)])
    region = StringField(_("State or province"), [Length(max=100)])
    phone = StringField(_("Phone"), [Length(max=40)])
    buyer_kind = SelectField(
        _("Tax status"),
        choices=lambda: choices((key, text) for key, text in BUYER_KINDS.items()),
        validate_choice=False,
    )
    vat_number = StringField(
        _("VAT number"),
        [Length(max=40)],
        description=_("With the country prefix, such as DE123456789."),
    )
    tax_number = StringField(_("Tax number"), [Length(max=40)])
    billing_email = EmailField(
        _("Billing e-mail"),
        [Length(max=254)],
        description=_("Where documents are sent, if not to the address above."),
    )
    language = LanguageField(_("Language of documents"), blank=_("Panel default"))
    reference = StringField(
        _("Reference"),
        [Length(max=200)],
        description=_("Printed on documents, such as a purchase order number."),
    )

    def details(self) -> BuyerDetails:
        """Return the fields that documents need."""
        return BuyerDetails(**self.values(*DETAILS))


class NewClientForm(ClientForm):
    """A new client, with an owner who can sign in."""

    active = None  # type: ignore[assignment]
    user_name = StringField(
        _("Owner name"),
        [Length(max=200)],
        description=_("Leave blank to use the client's name."),
    )
    user_password = SecretField(
        _("Owner password"),
        [Length(max=256)],
        description=_(
            "The owner signs in with the e-mail address above. Leave blank to add users later."
        ),
    )


class UserForm(Form):
    """A user of a client."""

    email = EmailField(_("E-mail"), [InputRequired(_("Enter an e-mail address.")), Length(max=254)])
    name = StringField(_("Name"), [Length(max=200)])
    password = SecretField(
        _("Password"),
        [Optional(), Length(max=256)],
        description=_("An existing user keeps their current password."),
    )
    owner = BooleanField(
        _("Owner"),
        description=_("Has full access. For other users, you choose permissions in the next step."),
    )


class VatForm(Form):
    """How a VAT number was checked by hand."""

    status = SelectField(
        _("Result"),
        choices=lambda: choices(
            [(VatStatus.CONFIRMED, _("Confirmed")), (VatStatus.REFUSED, _("Not valid"))]
        ),
    )
    reason = StringField(
        _("How you checked it"),
        [InputRequired(_("Enter how you checked the number.")), Length(max=500)],
        description=_("Kept as evidence."),
    )


class PasswordForm(Form):
    """A new password."""

    password = SecretField(
        _("New password"), [InputRequired(_("Enter a new password.")), Length(max=256)]
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
    services = (
        session()
        .execute(
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
        .all()
    )
    return render_template(
        "admin/accounts/clients/show.html",
        access=_access,
        client=client,
        country=country_name(client.country),
        credit=ledger.credit(client),
        services=services[:MAX_SERVICES],
        has_more_services=len(services) > MAX_SERVICES,
        tasks=tasks.tasks_about("client", uuid, 5) if can(TASKS_VIEW) else [],
        timeline=audit.timeline("client", uuid, 20),
    )


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
            **form.values("name", "email", "company", "country", "currency", "notes", "active"),
        )
        return _("Client saved."), url_for("admin.clients.show", uuid=uuid)

    return save_or_show(
        form,
        save,
        title=_("Edit %(name)s", name=client.name),
        crumbs=crumbs("clients", client),
        label=_("Save client"),
    )


@bp.route("/<uuid>/vat-number", methods=["GET", "POST"])
@allow(CLIENTS_MANAGE)
def decide_vat_number(uuid: str) -> ResponseReturnValue:
    """Confirm or refuse the client's VAT number by hand."""
    client = clients.find_client(uuid)
    form = VatForm()

    def save() -> tuple[Text, str]:
        vat_numbers.decide(actor=actor(), client_uuid=uuid, **form.values("status", "reason"))
        return _("VAT number saved."), url_for("admin.clients.show", uuid=uuid)

    return save_or_show(
        form,
        save,
        title=_("VAT number %(number)s", number=client.vat_number),
        crumbs=crumbs("clients", client),
        label=_("Save"),
        consequence=_("Drafts and new documents use it for tax. Issued documents don't change."),
    )


@bp.post("/<uuid>/vat-check")
@allow(CLIENTS_MANAGE)
def check_vat_number(uuid: str) -> ResponseReturnValue:
    """Have the client's VAT number checked at VIES."""
    with flashed_errors():
        vat_numbers.check_again(actor=actor(), client_uuid=uuid)
        flash(_("The VAT number is being checked at VIES."), "good")
    return redirect(url_for("admin.clients.show", uuid=uuid))


@bp.route("/<uuid>/users/new", methods=["GET", "POST"])
@allow(CLIENTS_USERS)
def add_user(uuid: str) -> ResponseReturnValue:
    """Add a user to the client."""
    client = clients.find_client(uuid)
    form = UserForm(data={"owner": not client.members})

    def save() -> tuple[Text, str]:
        user = clients.add_user(
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
        clients.set_user_password(
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
        clients.remove_user(actor=actor(), client_uuid=uuid, user_uuid=user_uuid)
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


def _access(keys: Collection[str]) -> str:
    """Return a user's permissions as nouns, such as `Services, Billing (view)`."""
    nouns = [
        noun.label if f"{noun.key}.{MANAGE}" in keys else _("%(label)s (view)", label=noun.label)
        for noun in CLIENT_NOUNS
        if f"{noun.key}.{VIEW}" in keys
    ]
    return ", ".join(str(noun) for noun in nouns) or str(_("None"))


def _find_user(client: Client, user_uuid: str) -> User:
    for member in client.members:
        if member.user.uuid == user_uuid:
            return member.user
    raise NotFoundError(_("This user does not belong to the client."))
