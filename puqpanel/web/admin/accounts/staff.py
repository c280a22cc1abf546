"""Staff pages for staff accounts and roles."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from wtforms import BooleanField, EmailField, SelectChoice, StringField  # type: ignore[attr-defined]  # the stubs are older
from wtforms.validators import InputRequired, Length, Optional

from puqpanel.domain.emails import email_key
from puqpanel.domain.permissions import (
    EVERYTHING,
    NOUNS,
    PANEL_KEYS,
    STAFF_MANAGE,
    STAFF_VIEW,
    with_implied,
)
from puqpanel.domain.presets import PRESETS
from puqpanel.domain.texts import Text
from puqpanel.infra.db import session
from puqpanel.models import Role, Staff, staff_roles
from puqpanel.operations.accounts import staff
from puqpanel.operations.system import audit
from puqpanel.web.answers import flash, flashed_errors
from puqpanel.web.forms import Form, MultiCheckboxField, SecretField, _, _c, choices, save_or_show
from puqpanel.web.guard import actor, allow, can
from puqpanel.web.list_filters import date_filter
from puqpanel.web.list_page import Column, Rows, Tab
from puqpanel.web.list_view import list_view
from puqpanel.web.lists import Listing, Sort
from puqpanel.web.navigation import crumbs
from puqpanel.web.permission_matrix import matrix
from puqpanel.web.session_pages import end_submitted, session_page
from puqpanel.web.sessions import renew

bp = Blueprint("staff", __name__, url_prefix="/staff")

STAFF = Listing(
    sa.select(Staff.uuid, Staff.id, Staff.name, Staff.email, Staff.active, Staff.last_login_at),
    key=Staff.id,
    sorts={
        "email": Sort(Staff.email),
        "new": Sort(Staff.id, descending=True),
        "signed_in": Sort(Staff.last_login_at, descending=True, nullable=True),
    },
    tabs={
        "all": Tab(_("All")),
        "active": Tab(_c("account", "Active"), Staff.active),
        "inactive": Tab(_c("account", "Inactive"), ~Staff.active),
    },
    filters={"signed_in": date_filter(_("Last sign-in"), Staff.last_login_at)},
    search=lambda text: sa.or_(Staff.matches(text), Staff.matches(email_key(text))),
    columns={
        "name": Column(_("Name"), lambda row: row.name),
        "email": Column(_("E-mail"), lambda row: row.email, export_only=True),
        "active": Column(_c("account", "Active"), lambda row: "yes" if row.active else "no"),
        "signed_in": Column(_("Last sign-in"), lambda row: row.last_login_at),
    },
    noun="accounts",
    placeholder=_("Name or e-mail"),
)


class StaffForm(Form):
    """A staff account."""

    name = StringField(_("Name"), [InputRequired(_("Enter a name.")), Length(max=200)])
    email = EmailField(_("E-mail"), [InputRequired(_("Enter an e-mail address.")), Length(max=254)])
    password = SecretField(
        _("New password"),
        [Optional(), Length(max=256)],
        description=_("Leave blank to keep the current password."),
    )
    roles = MultiCheckboxField(
        _("Roles"),
        description=(
            _(
                "An account has the permissions of all its roles. Without a role, it can only "
                "sign in."
            )
        ),
    )
    active = BooleanField(
        _c("account", "Active"),
        default=True,
        description=_("Deactivating an account ends all its sessions."),
    )


class NewStaffForm(StaffForm):
    """A new staff account, which requires a password."""

    active = None  # type: ignore[assignment]
    password = SecretField(
        _("Password"),
        [InputRequired(_("Enter a password.")), Length(max=256)],
        description=_("At least 10 characters."),
    )


class RoleForm(Form):
    """A role and its permissions."""

    name = StringField(_("Name"), [InputRequired(_("Enter a name.")), Length(max=100)])
    permissions = MultiCheckboxField(_("Permissions"))


@bp.get("/")
@allow(STAFF_VIEW)
def index() -> ResponseReturnValue:
    """List staff accounts."""
    template = "admin/accounts/staff/index.html"
    return list_view(STAFF, "staff", template, lambda rows: {"role_names": _role_names(rows)})


def _role_names(accounts: Rows) -> dict[int, list[str]]:
    rows = session().execute(
        sa.select(staff_roles.c.staff_id, Role.name)
        .join(Role, Role.id == staff_roles.c.role_id)
        .where(staff_roles.c.staff_id.in_([account.id for account in accounts]))
        .order_by(Role.name)
    )
    names: dict[int, list[str]] = {}
    for staff_id, name in rows:
        names.setdefault(staff_id, []).append(name)
    return names


@bp.route("/new", methods=["GET", "POST"])
@allow(STAFF_MANAGE)
def create() -> ResponseReturnValue:
    """Create an account."""
    form = NewStaffForm()
    form.roles.choices = _role_choices()

    def save() -> tuple[Text, str]:
        account = staff.create_staff(
            actor=actor(),
            role_uuids=form.roles.data or (),
            **form.values("email", "name", "password"),
        )
        return _("%(name)s added.", name=account.name), url_for("admin.staff.index")

    return save_or_show(
        form,
        save,
        title=_("Add account"),
        crumbs=crumbs("staff"),
        label=_("Add account"),
        wide=("roles",),
    )


def _role_choices() -> list[SelectChoice]:
    return choices((role.uuid, role.name) for role in staff.roles())


@bp.route("/<uuid>/edit", methods=["GET", "POST"])
@allow(STAFF_MANAGE)
def edit(uuid: str) -> ResponseReturnValue:
    """Update an account, and its password if one is given."""
    account = staff.find_staff(uuid)
    form = StaffForm(
        data={
            "name": account.name,
            "email": account.email,
            "active": account.active,
            "roles": [role.uuid for role in account.roles],
        }
    )
    form.roles.choices = _role_choices()

    def save() -> tuple[Text, str]:
        rights = actor().permissions
        staff.update_staff(
            actor=actor(),
            uuid=uuid,
            role_uuids=form.roles.data or (),
            password=form.password.data or "",
            **form.values("email", "name", "active"),
        )
        _renew_if_changed(rights, password=bool(form.password.data) and account.id == actor().id)
        saved = (
            _("Account saved and its sessions ended.")
            if form.password.data
            else _("Account saved.")
        )
        return saved, url_for("admin.staff.index")

    return save_or_show(
        form,
        save,
        "admin/accounts/staff/edit.html",
        account=account,
        timeline=audit.timeline(actor(), "staff", uuid, 10),
    )


@bp.get("/<uuid>/sessions")
@allow(STAFF_VIEW)
def sessions(uuid: str) -> ResponseReturnValue:
    """List the sessions of an account."""
    account = staff.find_staff(uuid)
    manages = can(STAFF_MANAGE)
    return render_template(
        "admin/accounts/sessions.html",
        person=account,
        crumbs=crumbs("staff"),
        sessions=session_page(
            account, url_for("admin.staff.end_sessions", uuid=uuid) if manages else ""
        ),
        all_label=_("End all sessions"),
    )


@bp.post("/<uuid>/sessions")
@allow(STAFF_MANAGE)
def end_sessions(uuid: str) -> ResponseReturnValue:
    """End one session of an account, or all of them except this one."""
    end_submitted(staff.find_staff(uuid))
    return redirect(url_for("admin.staff.sessions", uuid=uuid))


@bp.get("/roles")
@allow(STAFF_VIEW)
def roles() -> ResponseReturnValue:
    """List roles."""
    rows = session().execute(
        sa.select(staff_roles.c.role_id, sa.func.count()).group_by(staff_roles.c.role_id)
    )
    counts: dict[int, int] = {row[0]: row[1] for row in rows}
    return render_template(
        "admin/accounts/staff/roles.html", roles=staff.roles(), counts=counts, everything=EVERYTHING
    )


@bp.route("/roles/new", methods=["GET", "POST"])
@allow(STAFF_MANAGE)
def create_role() -> ResponseReturnValue:
    """Create a role."""
    return _role(None)


@bp.route("/roles/<uuid>", methods=["GET", "POST"])
@allow(STAFF_MANAGE)
def edit_role(uuid: str) -> ResponseReturnValue:
    """Update a role."""
    return _role(staff.find_role(uuid))


def _renew_if_changed(rights: frozenset[str], *, password: bool = False) -> None:
    """Give the actor's session a new ID if their own rights, or password, were changed.

    Only then: a request in progress with the old ID is signed out.

    Args:
        rights: the actor's permissions before.
        password: whether their password was changed.
    """
    if password or current_user.person.permissions != rights:
        renew()


def _role(role: Role | None) -> ResponseReturnValue:
    permissions = staff.all_permissions()
    known = {permission.key for permission in permissions} | {EVERYTHING}
    inactive_keys = sorted(set(role.permissions) - known) if role else []
    form = RoleForm(obj=role)
    form.permissions.choices = choices(
        [(permission.key, permission.name) for permission in permissions]
        + [(key, key) for key in [EVERYTHING, *inactive_keys]]
    )

    def save() -> tuple[Text, str]:
        rights = actor().permissions
        staff.save_role(
            actor=actor(),
            uuid=role.uuid if role else None,
            name=str(form.name.data),
            permissions=form.permissions.data or (),
        )
        _renew_if_changed(rights)
        return _("Role %(data)s saved.", data=form.name.data), url_for("admin.staff.roles")

    filled = {preset.key: preset.fill(permissions) for preset in PRESETS}
    chosen = with_implied(form.permissions.data or ())
    if not form.is_submitted():
        chosen = filled.get(request.args.get("preset", ""), chosen)
    return save_or_show(
        form,
        save,
        "admin/accounts/staff/role.html",
        role=role,
        groups=matrix(
            NOUNS,
            [permission for permission in permissions if permission.key not in PANEL_KEYS],
            inactive_keys,
        ),
        chosen=chosen,
        selected=sorted(chosen),
        presets=[(preset, sorted(filled[preset.key])) for preset in PRESETS],
        locked=bool(role and staff.is_owner_role(role)),
        everything=EVERYTHING,
    )


@bp.route("/roles/<uuid>/delete", methods=["GET", "POST"])
@allow(STAFF_MANAGE)
def delete_role(uuid: str) -> ResponseReturnValue:
    """Delete a role that no account has, after a confirmation."""
    if request.method == "POST":
        with flashed_errors():
            staff.delete_role(actor=actor(), uuid=uuid)
            flash(_("Role deleted."), "good")
        return redirect(url_for("admin.staff.roles"))
    role = staff.find_role(uuid)
    return render_template(
        "admin/confirm.html",
        title=_("Delete the role %(name)s?", name=role.name),
        button=_("Delete role"),
        back=url_for("admin.staff.edit_role", uuid=uuid),
        stays=_("A role that is assigned to accounts can't be deleted."),
    )
