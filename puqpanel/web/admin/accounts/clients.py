"""Clients and the users who act for them."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import BooleanField, EmailField, PasswordField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional

from puqpanel.domain.errors import NotFoundError, UserError
from puqpanel.domain.money import CURRENCIES
from puqpanel.infra.db import session
from puqpanel.models import Client, ClientUser, Product, Service, User
from puqpanel.operations.accounts import clients
from puqpanel.operations.system import audit
from puqpanel.web.admin.accounts.pick import matching
from puqpanel.web.exports import csv_answer, csv_wanted
from puqpanel.web.forms import Form, add_errors, choices
from puqpanel.web.guard import actor, allow
from puqpanel.web.list_page import Tab
from puqpanel.web.lists import Column, Listing, Sort

bp = Blueprint("clients", __name__, url_prefix="/clients")

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
        "all": Tab("All"),
        "active": Tab("Active", Client.active),
        "inactive": Tab("Inactive", ~Client.active),
    },
    search=matching,
    columns=(
        Column("Name", lambda row: row.name),
        Column("E-mail", lambda row: row.email),
        Column("Company", lambda row: row.company),
        Column("Country", lambda row: row.country),
        Column("Active", lambda row: "yes" if row.active else "no"),
        Column("Created", lambda row: row.created_at),
        Column("UUID", lambda row: row.uuid),
    ),
    noun="clients",
    placeholder="Name, e-mail, company or ID",
)


class ClientForm(Form):
    """What is known of a client."""

    name = StringField("Name", [InputRequired("A name is needed."), Length(max=200)])
    email = EmailField("E-mail", [InputRequired("An e-mail address is needed."), Length(max=254)])
    company = StringField("Company", [Length(max=200)])
    country = StringField("Country", [Length(max=2)], description="Two letters, as in NO or PL.")
    currency = SelectField("Currency", choices=choices((code, code) for code in CURRENCIES))
    active = BooleanField(
        "Active",
        default=True,
        description="The users of a client that is not active see none of its services.",
    )
    notes = TextAreaField("Notes", [Length(max=10_000)], description="Only staff see them.")


class NewClientForm(ClientForm):
    """A client and its owner's sign-in."""

    active = None  # type: ignore[assignment]
    user_name = StringField(
        "Name of the owner",
        [Length(max=200)],
        description="The client's name unless it is another.",
    )
    user_password = PasswordField(
        "Password of the owner",
        [Length(max=256)],
        description=(
            "With a password, the owner can sign in with the e-mail address above. Leave it empty"
            " to add users later."
        ),
    )


class UserForm(Form):
    """Somebody who acts for a client."""

    email = EmailField("E-mail", [InputRequired("An e-mail address is needed."), Length(max=254)])
    name = StringField("Name", [Length(max=200)])
    password = PasswordField(
        "Password",
        [Optional(), Length(max=256)],
        description="An address that signs in already keeps the password it has.",
    )
    owner = BooleanField(
        "Owner", description="May do everything for the client. Without this: services only."
    )


class PasswordForm(Form):
    """A new password."""

    password = PasswordField(
        "New password", [InputRequired("Enter the new password."), Length(max=256)]
    )


@bp.get("/")
@allow("clients.view")
def index() -> ResponseReturnValue:
    """The list."""
    if csv_wanted():
        return csv_answer(CLIENTS, "clients")
    return render_template(
        "admin/accounts/clients/index.html",
        list=CLIENTS.page(session(), request.path, request.args),
    )


@bp.get("/new")
@allow("clients.manage")
def create_form() -> ResponseReturnValue:
    """The form of a new client."""
    return _new(NewClientForm())


@bp.post("/new")
@allow("clients.manage")
def create_submit() -> ResponseReturnValue:
    """Makes a client, and its owner's sign-in where a password is given."""
    form = NewClientForm()
    if form.validate_on_submit():
        try:
            client = clients.create_client(
                actor=actor(),
                **form.values(
                    "name",
                    "email",
                    "company",
                    "country",
                    "currency",
                    "notes",
                    "user_password",
                    "user_name",
                ),
            )
        except UserError as error:
            add_errors(form, error)
        else:
            flash(f"{client.name} was added.", "good")
            return redirect(url_for("admin.clients.show", uuid=client.uuid))
    return _new(form), 422


def _new(form: NewClientForm) -> str:
    return render_template(
        "admin/form.html",
        title="Add client",
        crumbs=[("Clients", url_for("admin.clients.index"))],
        form=form,
        label="Add client",
        back=url_for("admin.clients.index"),
        consequence="Nothing is sent to the client.",
    )


@bp.get("/<uuid>")
@allow("clients.view")
def show(uuid: str) -> ResponseReturnValue:
    """One client: users, services, timeline."""
    client = clients.find_client(uuid)
    held = (
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
            .limit(26)
        )
        .all()
    )
    return render_template(
        "admin/accounts/clients/show.html",
        client=client,
        services=held,
        timeline=audit.timeline("client", uuid, 20),
    )


@bp.get("/<uuid>/edit")
@allow("clients.manage")
def edit_form(uuid: str) -> ResponseReturnValue:
    """The form of a client."""
    client = clients.find_client(uuid)
    return _edit(ClientForm(obj=client), client)


@bp.post("/<uuid>/edit")
@allow("clients.manage")
def edit_submit(uuid: str) -> ResponseReturnValue:
    """Changes a client."""
    form = ClientForm()
    if form.validate_on_submit():
        try:
            clients.update_client(
                actor=actor(),
                uuid=uuid,
                **form.values("name", "email", "company", "country", "currency", "notes", "active"),
            )
        except UserError as error:
            add_errors(form, error)
        else:
            flash("The client was saved.", "good")
            return redirect(url_for("admin.clients.show", uuid=uuid))
    return _edit(form, clients.find_client(uuid)), 422


def _edit(form: ClientForm, client: Client) -> str:
    back = url_for("admin.clients.show", uuid=client.uuid)
    return render_template(
        "admin/form.html",
        title=f"Edit {client.name}",
        crumbs=[("Clients", url_for("admin.clients.index")), (client.name, back)],
        form=form,
        label="Save client",
        back=back,
    )


@bp.get("/<uuid>/users/new")
@allow("clients.manage")
def user_form(uuid: str) -> ResponseReturnValue:
    """The form of somebody who may act for the client."""
    return _user(UserForm(), clients.find_client(uuid))


@bp.post("/<uuid>/users/new")
@allow("clients.manage")
def user_submit(uuid: str) -> ResponseReturnValue:
    """Lets somebody act for the client."""
    form = UserForm()
    if form.validate_on_submit():
        try:
            user = clients.add_user(
                actor=actor(),
                client_uuid=uuid,
                permissions=() if form.owner.data else ("services",),
                **form.values("email", "name", "password", "owner"),
            )
        except UserError as error:
            add_errors(form, error)
        else:
            flash(f"{user.email} may act for this client.", "good")
            return redirect(url_for("admin.clients.show", uuid=uuid))
    return _user(form, clients.find_client(uuid)), 422


def _user(form: UserForm, client: Client) -> str:
    back = url_for("admin.clients.show", uuid=client.uuid)
    return render_template(
        "admin/form.html",
        title="Add user",
        crumbs=[("Clients", url_for("admin.clients.index")), (client.name, back)],
        form=form,
        label="Add user",
        back=back,
    )


@bp.get("/<uuid>/users/<user_uuid>/password")
@allow("clients.manage")
def password_form(uuid: str, user_uuid: str) -> ResponseReturnValue:
    """The form of a user's new password."""
    return _password(PasswordForm(), uuid, user_uuid)


@bp.post("/<uuid>/users/<user_uuid>/password")
@allow("clients.manage")
def password_submit(uuid: str, user_uuid: str) -> ResponseReturnValue:
    """Gives a user a new password."""
    form = PasswordForm()
    if form.validate_on_submit():
        try:
            clients.set_user_password(
                actor=actor(), client_uuid=uuid, user_uuid=user_uuid, **form.values("password")
            )
        except UserError as error:
            add_errors(form, error)
        else:
            flash("The password was changed and the user's sessions were ended.", "good")
            return redirect(url_for("admin.clients.show", uuid=uuid))
    return _password(form, uuid, user_uuid), 422


def _password(form: PasswordForm, uuid: str, user_uuid: str) -> str:
    client = clients.find_client(uuid)
    user = _member(client, user_uuid).user
    back = url_for("admin.clients.show", uuid=uuid)
    return render_template(
        "admin/form.html",
        title=f"New password for {user.email}",
        crumbs=[("Clients", url_for("admin.clients.index")), (client.name, back)],
        form=form,
        label="Set password",
        back=back,
        consequence="Ends all sessions of this user.",
    )


@bp.get("/<uuid>/users/<user_uuid>/remove")
@allow("clients.manage")
def remove_form(uuid: str, user_uuid: str) -> ResponseReturnValue:
    """The question before a user no longer acts for the client."""
    client = clients.find_client(uuid)
    user: User = _member(client, user_uuid).user
    return render_template(
        "admin/confirm.html",
        title=f"Remove {user.email} from {client.name}?",
        button="Remove user",
        back=url_for("admin.clients.show", uuid=uuid),
        goes=["What this user may do for the client", "The sessions this user has open"],
        stays="The sign-in itself stays, and can be added again.",
    )


@bp.post("/<uuid>/users/<user_uuid>/remove")
@allow("clients.manage")
def remove_submit(uuid: str, user_uuid: str) -> ResponseReturnValue:
    """Ends that a user acts for the client."""
    clients.remove_user(actor=actor(), client_uuid=uuid, user_uuid=user_uuid)
    flash("The user no longer acts for this client.", "good")
    return redirect(url_for("admin.clients.show", uuid=uuid))


def _member(client: Client, user_uuid: str) -> ClientUser:
    for member in client.members:
        if member.user.uuid == user_uuid:
            return member
    raise NotFoundError("This user does not act for the client.")
