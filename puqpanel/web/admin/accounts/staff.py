"""Those who work here, and the roles that say what they may do."""

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
    """An account."""

    name = StringField("Name", [InputRequired("A name is needed."), Length(max=200)])
    email = EmailField("E-mail", [InputRequired("An e-mail address is needed."), Length(max=254)])
    password = PasswordField(
        "New password",
        [Optional(), Length(max=256)],
        description="Leave it empty to keep the one there is.",
    )
    roles = MultiCheckboxField(
        "Roles",
        description="What the roles allow adds up. Without a role, an account can only sign in.",
    )
    active = BooleanField(
        "Active", default=True, description="Switching this off ends all sessions of the account."
    )


class NewStaffForm(StaffForm):
    """A new account; it needs a password."""

    active = None  # type: ignore[assignment]
    password = PasswordField(
        "Password",
        [InputRequired("A password is needed."), Length(max=256)],
        description="At least 10 characters.",
    )


class RoleForm(Form):
    """What a role allows."""

    name = StringField("Name", [InputRequired("A name is needed."), Length(max=100)])
    permissions = MultiCheckboxField("Permissions")


@bp.get("/")
@allow("staff.view")
def index() -> ResponseReturnValue:
    """The list of accounts."""
    if csv_wanted():
        return csv_answer(STAFF, "staff")
    page = STAFF.page(session(), request.path, request.args)
    held = (
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
    for row in held:
        names.setdefault(row.staff_id, []).append(row.name)
    return render_template("admin/accounts/staff/index.html", list=page, names=names)


@bp.get("/new")
@allow("staff.manage")
def create_form() -> ResponseReturnValue:
    """The form of a new account."""
    return _new(NewStaffForm())


@bp.post("/new")
@allow("staff.manage")
def create_submit() -> ResponseReturnValue:
    """Makes an account."""
    form = NewStaffForm()
    form.roles.choices = choices(_roles())
    if form.validate_on_submit():
        try:
            made = staff.create_staff(
                actor=actor(),
                role_uuids=form.roles.data or (),
                **form.values("email", "name", "password"),
            )
        except UserError as error:
            add_errors(form, error)
        else:
            flash(f"{made.name} can sign in now.", "good")
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
    """The form of an account."""
    found = staff.find_staff(uuid)
    form = StaffForm(
        data={
            "name": found.name,
            "email": found.email,
            "active": found.active,
            "roles": [role.uuid for role in found.roles],
        }
    )
    return _edit(form, found)


@bp.post("/<uuid>/edit")
@allow("staff.manage")
def edit_submit(uuid: str) -> ResponseReturnValue:
    """Changes an account, its password too where one is given."""
    form = StaffForm()
    form.roles.choices = choices(_roles())
    if form.validate_on_submit():
        try:
            # the password first: it has the stricter check, and a refusal must leave nothing half
            # saved
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
            flash(
                "The account was saved."
                + (" Its sessions were ended." if form.password.data else ""),
                "good",
            )
            return redirect(url_for("admin.staff.index"))
    return _edit(form, staff.find_staff(uuid)), 422


def _edit(form: StaffForm, found: Staff) -> str:
    form.roles.choices = choices(_roles())
    return render_template(
        "admin/accounts/staff/edit.html",
        form=form,
        found=found,
        timeline=audit.timeline("staff", found.uuid, 10),
    )


@bp.get("/roles")
@allow("staff.view")
def roles() -> ResponseReturnValue:
    """All roles."""
    held = session().execute(
        sa.select(staff_roles.c.role_id, sa.func.count()).group_by(staff_roles.c.role_id)
    )
    counts: dict[int, int] = {row[0]: row[1] for row in held}
    return render_template(
        "admin/accounts/staff/roles.html", roles=staff.roles(), counts=counts, everything=EVERYTHING
    )


@bp.get("/roles/new")
@allow("staff.manage")
def role_form() -> ResponseReturnValue:
    """The form of a new role."""
    return _role(RoleForm(), None)


@bp.post("/roles/new")
@allow("staff.manage")
def role_submit() -> ResponseReturnValue:
    """Makes a role."""
    return _save_role(None)


@bp.get("/roles/<uuid>")
@allow("staff.manage")
def role_edit_form(uuid: str) -> ResponseReturnValue:
    """The form of a role."""
    found = staff.find_role(uuid)
    return _role(RoleForm(data={"name": found.name, "permissions": list(found.permissions)}), found)


@bp.post("/roles/<uuid>")
@allow("staff.manage")
def role_edit_submit(uuid: str) -> ResponseReturnValue:
    """Changes a role."""
    return _save_role(staff.find_role(uuid))


def _save_role(found: Role | None) -> ResponseReturnValue:
    form = RoleForm()
    form.permissions.choices = choices(_keys(found))
    if form.validate_on_submit():
        try:
            staff.save_role(
                actor=actor(),
                uuid=found.uuid if found else None,
                name=str(form.name.data),
                permissions=form.permissions.data or (),
            )
        except UserError as error:
            add_errors(form, error)
        else:
            flash(f"The role {form.name.data} was saved.", "good")
            return redirect(url_for("admin.staff.roles"))
    return _role(form, found), 422


def _keys(found: Role | None) -> list[tuple[str, str]]:
    """Every key that can be chosen; those a role holds of a module that is off just now stay
    choosable.
    """
    known = [(one.key, one.name) for one in staff.all_permissions()]
    gone = set(found.permissions) - {key for key, _ in known} - {EVERYTHING} if found else set()
    return known + [(key, key) for key in sorted(gone)]


def _role(form: RoleForm, found: Role | None) -> str:
    form.permissions.choices = choices(_keys(found))
    permissions = staff.all_permissions()
    known = {one.key for one in permissions}
    groups = [(name, list(rows)) for name, rows in groupby(permissions, key=lambda one: one.group)]
    return render_template(
        "admin/accounts/staff/role.html",
        form=form,
        found=found,
        groups=groups,
        chosen=set(form.permissions.data or ()),
        gone=[key for key, _ in _keys(found) if key not in known],
        locked=bool(found and EVERYTHING in found.permissions),
    )


@bp.get("/roles/<uuid>/delete")
@allow("staff.manage")
def role_delete_form(uuid: str) -> ResponseReturnValue:
    """The question before a role goes."""
    found = staff.find_role(uuid)
    return render_template(
        "admin/confirm.html",
        title=f"Delete the role {found.name}?",
        button="Delete role",
        back=url_for("admin.staff.role_edit_form", uuid=uuid),
        goes=[f"The role {found.name} with its {len(found.permissions)} permissions"],
        stays="No account has it, so nobody loses anything.",
    )


@bp.post("/roles/<uuid>/delete")
@allow("staff.manage")
def role_delete_submit(uuid: str) -> ResponseReturnValue:
    """Deletes a role that nobody has."""
    try:
        staff.delete_role(actor=actor(), uuid=uuid)
    except UserError as error:
        flash(str(error), "bad")
    else:
        flash("The role was deleted.", "good")
    return redirect(url_for("admin.staff.roles"))
