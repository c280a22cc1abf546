"""Staff pages for staff accounts and roles."""

from __future__ import annotations

from itertools import groupby

import sqlalchemy as sa
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import BooleanField, EmailField, PasswordField, StringField
from wtforms.validators import InputRequired, Length, Optional

from puqpanel.domain.errors import UserError
from puqpanel.domain.permissions import EVERYTHING
from puqpanel.infra.db import session
from puqpanel.models import Role, Staff, staff_roles
from puqpanel.operations.accounts import staff
from puqpanel.operations.system import audit
from puqpanel.web.exports import csv_answer, csv_wanted
from puqpanel.web.forms import Form, MultiCheckboxField, add_errors, choices
from puqpanel.web.guard import actor, allow
from puqpanel.web.list_page import Tab
from puqpanel.web.lists import Column, Listing, Sort

bp = Blueprint("staff", __name__, url_prefix="/staff")

STAFF = Listing(
    sa.select(Staff.uuid, Staff.id, Staff.name, Staff.email, Staff.active, Staff.last_login_at),
    key=Staff.id,
    sorts={"email": Sort(Staff.email), "new": Sort(Staff.id, descending=True)},
    tabs={
        "all": Tab("All"),
        "active": Tab("Active", Staff.active),
        "inactive": Tab("Inactive", ~Staff.active),
    },
    search=lambda text: sa.or_(
        Staff.name.icontains(text, autoescape=True), Staff.email.icontains(text, autoescape=True)
    ),
    columns=(
        Column("Name", lambda row: row.name),
        Column("E-mail", lambda row: row.email),
        Column("Active", lambda row: "yes" if row.active else "no"),
        Column("Signed in", lambda row: row.last_login_at),
    ),
    noun="accounts",
    placeholder="Name or e-mail",
)


class StaffForm(Form):
    """A staff account."""

    name = StringField("Name", [InputRequired("Enter a name."), Length(max=200)])
    email = EmailField("E-mail", [InputRequired("Enter an e-mail address."), Length(max=254)])
    password = PasswordField(
        "New password",
        [Optional(), Length(max=256)],
        description="Leave blank to keep the current password.",
    )
    roles = MultiCheckboxField(
        "Roles",
        description="Permissions of all roles add up. Without a role, an account can only sign in.",
    )
    active = BooleanField(
        "Active", default=True, description="Deactivating an account ends all its sessions."
    )


class NewStaffForm(StaffForm):
    """A new staff account, which requires a password."""

    active = None  # type: ignore[assignment]
    password = PasswordField(
        "Password",
        [InputRequired("Enter a password."), Length(max=256)],
        description="At least 10 characters.",
    )


class RoleForm(Form):
    """A role and its permissions."""

    name = StringField("Name", [InputRequired("Enter a name."), Length(max=100)])
    permissions = MultiCheckboxField("Permissions")


@bp.get("/")
@allow("staff.view")
def index() -> ResponseReturnValue:
    """List staff accounts."""
    if csv_wanted():
        return csv_answer(STAFF, "staff")
    page = STAFF.page(session(), request.path, request.args)
    assignments = (
        session()
        .execute(
            sa.select(staff_roles.c.staff_id, Role.name)
            .join(Role, Role.id == staff_roles.c.role_id)
            .where(staff_roles.c.staff_id.in_([row.id for row in page.rows]))
            .order_by(Role.name)
        )
        .all()
    )
    names: dict[int, list[str]] = {}
    for row in assignments:
        names.setdefault(row.staff_id, []).append(row.name)
    return render_template("admin/accounts/staff/index.html", list=page, names=names)


@bp.get("/new")
@allow("staff.manage")
def create_form() -> ResponseReturnValue:
    """Show the form of a new account."""
    return _new(NewStaffForm())


@bp.post("/new")
@allow("staff.manage")
def create_submit() -> ResponseReturnValue:
    """Create an account."""
    form = NewStaffForm()
    form.roles.choices = choices(_roles())
    if form.validate_on_submit():
        try:
            account = staff.create_staff(
                actor=actor(),
                role_uuids=form.roles.data or (),
                **form.values("email", "name", "password"),
            )
        except UserError as error:
            add_errors(form, error)
        else:
            flash(f"{account.name} added.", "good")
            return redirect(url_for("admin.staff.index"))
    return _new(form), 422


def _roles() -> list[tuple[str, str]]:
    return [(role.uuid, role.name) for role in staff.roles()]


def _new(form: NewStaffForm) -> str:
    form.roles.choices = choices(_roles())
    back = url_for("admin.staff.index")
    return render_template(
        "admin/form.html",
        title="Add account",
        crumbs=[("Staff", back)],
        form=form,
        label="Add account",
        back=back,
        wide=("roles",),
    )


@bp.get("/<uuid>/edit")
@allow("staff.manage")
def edit_form(uuid: str) -> ResponseReturnValue:
    """Show the form of an account."""
    account = staff.find_staff(uuid)
    form = StaffForm(
        data={
            "name": account.name,
            "email": account.email,
            "active": account.active,
            "roles": [role.uuid for role in account.roles],
        }
    )
    return _edit(form, account)


@bp.post("/<uuid>/edit")
@allow("staff.manage")
def edit_submit(uuid: str) -> ResponseReturnValue:
    """Update an account, and its password if one is given."""
    form = StaffForm()
    form.roles.choices = choices(_roles())
    if form.validate_on_submit():
        try:
            # first, because its validation is stricter and an error must leave nothing half saved
            if form.password.data:
                staff.set_password(actor=actor(), uuid=uuid, password=form.password.data)
            staff.update_staff(
                actor=actor(),
                uuid=uuid,
                role_uuids=form.roles.data or (),
                **form.values("email", "name", "active"),
            )
        except UserError as error:
            add_errors(form, error)
        else:
            sessions_ended = " Its sessions were ended." if form.password.data else ""
            flash(f"Account saved.{sessions_ended}", "good")
            return redirect(url_for("admin.staff.index"))
    return _edit(form, staff.find_staff(uuid)), 422


def _edit(form: StaffForm, account: Staff) -> str:
    form.roles.choices = choices(_roles())
    return render_template(
        "admin/accounts/staff/edit.html",
        form=form,
        account=account,
        timeline=audit.timeline("staff", account.uuid, 10),
    )


@bp.get("/roles")
@allow("staff.view")
def roles() -> ResponseReturnValue:
    """List roles."""
    rows = session().execute(
        sa.select(staff_roles.c.role_id, sa.func.count()).group_by(staff_roles.c.role_id)
    )
    counts: dict[int, int] = {row[0]: row[1] for row in rows}
    return render_template(
        "admin/accounts/staff/roles.html", roles=staff.roles(), counts=counts, everything=EVERYTHING
    )


@bp.get("/roles/new")
@allow("staff.manage")
def role_form() -> ResponseReturnValue:
    """Show the form of a new role."""
    return _role(RoleForm(), None)


@bp.post("/roles/new")
@allow("staff.manage")
def role_submit() -> ResponseReturnValue:
    """Create a role."""
    return _save_role(None)


@bp.get("/roles/<uuid>")
@allow("staff.manage")
def role_edit_form(uuid: str) -> ResponseReturnValue:
    """Show the form of a role."""
    role = staff.find_role(uuid)
    return _role(RoleForm(data={"name": role.name, "permissions": list(role.permissions)}), role)


@bp.post("/roles/<uuid>")
@allow("staff.manage")
def role_edit_submit(uuid: str) -> ResponseReturnValue:
    """Update a role."""
    return _save_role(staff.find_role(uuid))


def _save_role(role: Role | None) -> ResponseReturnValue:
    form = RoleForm()
    form.permissions.choices = choices(_permission_choices(role))
    if form.validate_on_submit():
        try:
            staff.save_role(
                actor=actor(),
                uuid=role.uuid if role else None,
                name=str(form.name.data),
                permissions=form.permissions.data or (),
            )
        except UserError as error:
            add_errors(form, error)
        else:
            flash(f"Role {form.name.data} saved.", "good")
            return redirect(url_for("admin.staff.roles"))
    return _role(form, role), 422


def _inactive_keys(role: Role | None) -> list[str]:
    """Return the permission keys of a role that belong to inactive modules."""
    if role is None:
        return []
    known = {permission.key for permission in staff.all_permissions()}
    return sorted(set(role.permissions) - known - {EVERYTHING})


def _permission_choices(role: Role | None) -> list[tuple[str, str]]:
    active = [(permission.key, permission.name) for permission in staff.all_permissions()]
    return active + [(key, key) for key in _inactive_keys(role)]


def _role(form: RoleForm, role: Role | None) -> str:
    form.permissions.choices = choices(_permission_choices(role))
    by_group = groupby(staff.all_permissions(), key=lambda permission: permission.group)
    return render_template(
        "admin/accounts/staff/role.html",
        form=form,
        role=role,
        groups=[(name, list(permissions)) for name, permissions in by_group],
        chosen=set(form.permissions.data or ()),
        inactive_keys=_inactive_keys(role),
        locked=bool(role and EVERYTHING in role.permissions),
    )


@bp.get("/roles/<uuid>/delete")
@allow("staff.manage")
def role_delete_form(uuid: str) -> ResponseReturnValue:
    """Show the confirmation of deleting a role."""
    role = staff.find_role(uuid)
    return render_template(
        "admin/confirm.html",
        title=f"Delete the role {role.name}?",
        button="Delete role",
        back=url_for("admin.staff.role_edit_form", uuid=uuid),
        stays="Roles in use can't be deleted, so no account loses permissions.",
    )


@bp.post("/roles/<uuid>/delete")
@allow("staff.manage")
def role_delete_submit(uuid: str) -> ResponseReturnValue:
    """Delete a role that no account has."""
    try:
        staff.delete_role(actor=actor(), uuid=uuid)
    except UserError as error:
        flash(str(error), "bad")
    else:
        flash("Role deleted.", "good")
    return redirect(url_for("admin.staff.roles"))
