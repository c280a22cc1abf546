"""Staff accounts and roles."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from pathlib import Path

import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, InvalidInput, PermissionDenied
from puqpanel.domain.permissions import (
    EVERYTHING,
    PANEL_PERMISSIONS,
    STAFF_MANAGE,
    Permission,
    allows,
    with_implied,
)
from puqpanel.domain.principals import Principal, PrincipalKind
from puqpanel.domain.session_ends import SessionEnd
from puqpanel.domain.texts import _
from puqpanel.host import languages, registry
from puqpanel.infra.db import find, save, session, transaction
from puqpanel.infra.events import raise_event
from puqpanel.models import Role, Staff, staff_roles
from puqpanel.operations.accounts import sessions
from puqpanel.operations.accounts.passwords import check_password, hash_password, prepared
from puqpanel.operations.system import audit
from puqpanel.operations.system.fields import clean_email, clean_name

OWNER_ROLE = "Owner"


def all_permissions() -> list[Permission]:
    """Return the permissions of the panel and of active modules, translated for the viewer."""
    return [
        *PANEL_PERMISSIONS,
        *(
            _translated(module.folder, each)
            for module in registry.current().modules.values()
            for each in module.permissions
        ),
    ]


def _translated(folder: Path, permission: Permission) -> Permission:
    name, description, group = (
        languages.translate(folder, text)
        for text in (permission.name, permission.description, permission.group)
    )
    return replace(permission, name=name, description=description, group=group)


def find_staff(uuid: str) -> Staff:
    """Return one account.

    Raises:
        NotFoundError: it does not exist.
    """
    return find(sa.select(Staff).where(Staff.uuid == uuid), _("Staff account not found."))


def find_role(uuid: str) -> Role:
    """Return one role.

    Raises:
        NotFoundError: it does not exist.
    """
    return find(sa.select(Role).where(Role.uuid == uuid), _("Role not found."))


def roles() -> Sequence[Role]:
    """Return every role by name."""
    return session().scalars(sa.select(Role).order_by(Role.name)).all()


def _email_taken() -> InvalidInput:
    return InvalidInput({"email": [_("This e-mail address is already in use.")]})


def _role_taken() -> InvalidInput:
    return InvalidInput({"name": [_("A role with this name already exists.")]})


def ensure_owner_role() -> Role:
    """Return the role with all permissions, creating it if missing. Needs a transaction."""
    role = session().scalar(sa.select(Role).where(Role.name == OWNER_ROLE))
    if role is None:
        role = save(Role(name=OWNER_ROLE, permissions=[EVERYTHING]), _role_taken())
    return role


def is_owner_role(role: Role) -> bool:
    """Return whether a role is the owner's, which always has all permissions."""
    return role.name == OWNER_ROLE and EVERYTHING in role.permissions


@prepared("password")
@transaction()
def create_staff(
    *,
    actor: Principal,
    email: str,
    name: str,
    password: str,
    role_uuids: Iterable[str] | None = None,
) -> Staff:
    """Create an account.

    Args:
        actor: who creates it.
        email: address to sign in with.
        name: display name.
        password: in plain text; hashed here.
        role_uuids: its roles; None creates an owner.

    Raises:
        InvalidInput: a field is invalid.
        PermissionDenied: a role has permissions that the actor lacks.
    """
    actor.require(STAFF_MANAGE)
    address, shown = clean_email(email), clean_name(name)
    check_password(password, about=(shown, address))
    if session().scalar(sa.select(Staff.id).where(Staff.email == address)) is not None:
        raise _email_taken()
    assigned = (
        [ensure_owner_role()] if role_uuids is None else [find_role(each) for each in role_uuids]
    )
    _may_grant(actor, {key for role in assigned for key in role.permissions})
    staff = save(
        Staff(email=address, name=shown, password_hash=hash_password(password), roles=assigned),
        _email_taken(),
    )
    audit.record(
        actor=actor,
        action="staff.created",
        subject_type="staff",
        subject_uuid=staff.uuid,
        summary=_("Account %(address)s created.", address=address),
        after={"email": address, "name": shown, "roles": [role.name for role in assigned]},
    )
    return staff


@transaction()
def update_staff(
    *,
    actor: Principal,
    uuid: str,
    email: str,
    name: str,
    role_uuids: Iterable[str],
    active: bool,
    password: str = "",
) -> None:
    """Update an account; closing it or setting a password ends its sessions.

    Args:
        actor: who updates it.
        uuid: the account.
        email: unique address.
        name: shown name.
        role_uuids: all roles of the account.
        active: whether it can sign in.
        password: the new password; empty keeps the current one.

    Raises:
        InvalidInput: a field is invalid.
        ConflictError: no account would be left that can manage staff.
        PermissionDenied: the account has or would get permissions that the actor lacks.
    """
    actor.require(STAFF_MANAGE)
    address, shown = clean_email(email), clean_name(name)
    _lock_roles()
    if password:
        set_password(actor=actor, uuid=uuid, password=password)
    staff = find_staff(uuid)
    if (
        session().scalar(sa.select(Staff.id).where(Staff.email == address, Staff.id != staff.id))
        is not None
    ):
        raise _email_taken()
    before = {
        "email": staff.email,
        "name": staff.name,
        "active": staff.active,
        "roles": sorted(role.name for role in staff.roles),
    }
    current_keys = staff.permissions
    assigned = [find_role(each) for each in role_uuids]
    granted = with_implied(key for role in assigned for key in role.permissions)
    # changing another account's address or status could lock out or impersonate its owner, so
    # it requires all of that account's permissions
    _may_grant(actor, granted ^ current_keys if actor.id == staff.id else granted | current_keys)
    if staff.active and not active:
        sessions.end_all_for(staff, SessionEnd.DEACTIVATED, actor)
    staff.email, staff.name, staff.active, staff.roles = address, shown, active, assigned
    save(staff, _email_taken())
    _check_manager_left()
    after = {
        "email": address,
        "name": shown,
        "active": active,
        "roles": sorted(role.name for role in assigned),
    }
    old, new = audit.changed(before, after)
    audit.record(
        actor=actor,
        action="staff.updated",
        subject_type="staff",
        subject_uuid=uuid,
        summary=_("Account %(address)s updated.", address=address),
        before=old,
        after=new,
    )
    if current_keys != staff.permissions:
        sessions.end_all_for(staff, SessionEnd.RIGHTS_CHANGED, actor)
        raise_event("staff.permissions_changed", {"staff_uuid": uuid})


@prepared("password")
@transaction()
def set_password(*, actor: Principal, uuid: str, password: str) -> None:
    """Set a new password for an account and end its sessions."""
    actor.require(STAFF_MANAGE)
    staff = find_staff(uuid)
    check_password(password, about=(staff.name, staff.email))
    if actor.kind is PrincipalKind.STAFF and actor.id != staff.id:
        _may_grant(actor, set(staff.permissions))
    staff.password_hash = hash_password(password)
    sessions.end_all_for(staff, SessionEnd.PASSWORD_CHANGED, actor)
    audit.record(
        actor=actor,
        action="staff.password_set",
        subject_type="staff",
        subject_uuid=uuid,
        summary=_("New password set for %(email)s.", email=staff.email),
    )


@transaction()
def save_role(*, actor: Principal, uuid: str | None, name: str, permissions: Iterable[str]) -> Role:
    """Create or change a role.

    Args:
        actor: who saves it.
        uuid: the role; None creates one.
        name: unique name.
        permissions: keys; those that they imply are added. `*` is all, including those of modules
            added later. Unknown keys are accepted only if the role has them already, because their
            module may be inactive.

    Raises:
        InvalidInput: the name is in use or a key is unknown.
        ConflictError: it is the owner's role, or no account would be left that can manage staff.
        PermissionDenied: the role has or would get permissions that the actor lacks.
    """
    actor.require(STAFF_MANAGE)
    shown = clean_name(name, longest=100)
    keys = sorted(with_implied(permissions))
    if EVERYTHING in keys:
        keys = [EVERYTHING]
    _lock_roles()
    role = find_role(uuid) if uuid else None
    held = with_implied(role.permissions) if role else frozenset()
    if role is not None and is_owner_role(role):
        raise ConflictError(_("The role of the owner can't be changed."))
    unknown = set(keys) - {each.key for each in all_permissions()} - held - {EVERYTHING}
    if unknown:
        raise InvalidInput(
            {
                "permissions": [
                    _("Unknown permissions: %(items)s.", items=", ".join(sorted(unknown)))
                ]
            }
        )
    if (
        session().scalar(
            sa.select(Role.id).where(Role.name == shown, Role.id != (role.id if role else 0))
        )
        is not None
    ):
        raise _role_taken()
    _may_grant(actor, set(keys) | held)
    role = role or Role(name=shown)
    before = {"name": role.name, "permissions": sorted(held)}
    role.name, role.permissions = shown, keys
    save(role, _role_taken())
    if set(keys) != held:
        for holder in _holders(role):
            sessions.end_all_for(holder, SessionEnd.RIGHTS_CHANGED, actor)
    if allows(held, STAFF_MANAGE) and not allows(keys, STAFF_MANAGE):
        _check_manager_left()
    old, new = audit.changed(before, {"name": shown, "permissions": keys})
    audit.record(
        actor=actor,
        action="role.saved",
        subject_type="role",
        subject_uuid=role.uuid,
        summary=_("Role %(shown)s saved.", shown=shown),
        before=old,
        after=new,
    )
    raise_event("staff.permissions_changed", {"role_uuid": role.uuid})
    return role


def _holders(role: Role) -> Sequence[Staff]:
    query = sa.select(Staff).join(staff_roles, staff_roles.c.staff_id == Staff.id)
    return session().scalars(query.where(staff_roles.c.role_id == role.id)).all()


@transaction()
def delete_role(*, actor: Principal, uuid: str) -> None:
    """Delete a role that is not assigned to anyone.

    Raises:
        ConflictError: it is assigned, or it is the owner's role.
        PermissionDenied: it has permissions that the actor lacks.
    """
    actor.require(STAFF_MANAGE)
    _lock_roles()
    role = find_role(uuid)
    if is_owner_role(role):
        raise ConflictError(_("The role of the owner can't be deleted."))
    _may_grant(actor, with_implied(role.permissions))
    if (
        session().scalar(
            sa.select(staff_roles.c.staff_id).where(staff_roles.c.role_id == role.id).limit(1)
        )
        is not None
    ):
        raise ConflictError(
            _("%(name)s is assigned to staff; remove it from their accounts first.", name=role.name)
        )
    session().delete(role)
    audit.record(
        actor=actor,
        action="role.deleted",
        subject_type="role",
        subject_uuid=uuid,
        summary=_("Role %(name)s deleted.", name=role.name),
    )


def _lock_roles() -> None:
    """Serialize changes of roles, so that two cannot each remove the other's last administrator."""
    session().execute(sa.select(Role.id).order_by(Role.id).with_for_update()).all()


def _may_grant(actor: Principal, keys: AbstractSet[str]) -> None:
    """Check that an actor has the permissions that a change grants or revokes."""
    may: Callable[[str], bool] = actor.may
    if actor.kind is PrincipalKind.STAFF:
        # as the database has them now: a concurrent change may have revoked some
        staff = session().get(Staff, actor.id, populate_existing=True)
        may = staff.may if staff is not None and staff.active else lambda permission: not permission
    if not all(may(key) for key in keys):
        raise PermissionDenied(_("This change involves permissions that you don't have."))


def _check_manager_left() -> None:
    accounts = (
        session()
        .scalars(sa.select(Staff).where(Staff.active).execution_options(populate_existing=True))
        .all()
    )
    if not any(each.may(STAFF_MANAGE) for each in accounts):
        raise ConflictError(_("At least one active account must be able to manage staff."))
