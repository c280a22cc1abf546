"""Staff accounts and roles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from pathlib import Path

import sqlalchemy as sa

from puqpanel.domain.actors import Actor
from puqpanel.domain.errors import ConflictError, InvalidInput, NotFoundError, PermissionDenied
from puqpanel.domain.permissions import EVERYTHING, PANEL_PERMISSIONS, Permission
from puqpanel.host import languages, registry
from puqpanel.infra.db import session, transaction
from puqpanel.infra.events import raise_event
from puqpanel.models import Role, Staff, staff_roles
from puqpanel.operations.accounts.passwords import check_password, hash_password
from puqpanel.operations.system import audit
from puqpanel.operations.system.fields import clean_email, clean_name

OWNER_ROLE = "Owner"


def all_permissions() -> list[Permission]:
    """Return every key that a role can hold.

    The panel's own, then those of the active modules, in the viewer's language where they have it.
    """
    return [
        *PANEL_PERMISSIONS,
        *(
            _said(module.folder, each)
            for module in registry.current().modules.values()
            for each in module.permissions
        ),
    ]


def _said(folder: Path, permission: Permission) -> Permission:
    name, description = (
        languages.translate(folder, text) for text in (permission.name, permission.description)
    )
    return replace(permission, name=name, description=description)


def find_staff(uuid: str) -> Staff:
    """Return one account.

    Raises:
        NotFoundError: it does not exist.
    """
    found = session().scalar(sa.select(Staff).where(Staff.uuid == uuid))
    if found is None:
        raise NotFoundError("There is no such staff account.")
    return found


def find_role(uuid: str) -> Role:
    """Return one role.

    Raises:
        NotFoundError: it does not exist.
    """
    found = session().scalar(sa.select(Role).where(Role.uuid == uuid))
    if found is None:
        raise NotFoundError("There is no such role.")
    return found


def roles() -> Sequence[Role]:
    """Return every role by name."""
    return session().scalars(sa.select(Role).order_by(Role.name)).all()


def ensure_owner_role() -> Role:
    """Return the role that allows everything, made when it is missing. Needs a transaction."""
    role = session().scalar(sa.select(Role).where(Role.name == OWNER_ROLE))
    if role is None:
        role = Role(name=OWNER_ROLE, permissions=[EVERYTHING])
        session().add(role)
        session().flush()
    return role


def create_staff(
    *, actor: Actor, email: str, name: str, password: str, role_uuids: Iterable[str] | None = None
) -> Staff:
    """Create an account.

    Args:
        actor: who makes it.
        email: where it signs in with.
        name: as shown.
        password: in clear, hashed here.
        role_uuids: its roles; None makes an owner.

    Raises:
        InvalidInput: a field needs another look.
        PermissionDenied: the actor does not hold what a role allows.
    """
    address, shown = clean_email(email), clean_name(name)
    check_password(password)
    with transaction() as current:
        if current.scalar(sa.select(Staff.id).where(Staff.email == address)) is not None:
            raise InvalidInput({"email": ["Another account has this address."]})
        chosen = (
            [ensure_owner_role()]
            if role_uuids is None
            else [find_role(each) for each in role_uuids]
        )
        _may_grant(actor, {key for role in chosen for key in role.permissions})
        staff = Staff(
            email=address, name=shown, password_hash=hash_password(password), roles=chosen
        )
        current.add(staff)
        current.flush()
        audit.record(
            actor=actor,
            action="staff.created",
            subject_type="staff",
            subject_uuid=staff.uuid,
            summary=f"Account {address} created.",
            after={"email": address, "name": shown, "roles": [role.name for role in chosen]},
        )
    return staff


def update_staff(
    *, actor: Actor, uuid: str, email: str, name: str, role_uuids: Iterable[str], active: bool
) -> Staff:
    """Change an account; closing it ends its sessions.

    Raises:
        InvalidInput: a field needs another look.
        ConflictError: nobody who may change staff would be left.
        PermissionDenied: the actor does not hold what the account holds or would be given.
    """
    address, shown = clean_email(email), clean_name(name)
    with transaction() as current:
        _one_after_another()
        staff = find_staff(uuid)
        if (
            current.scalar(sa.select(Staff.id).where(Staff.email == address, Staff.id != staff.id))
            is not None
        ):
            raise InvalidInput({"email": ["Another account has this address."]})
        before = {
            "email": staff.email,
            "name": staff.name,
            "active": staff.active,
            "roles": sorted(role.name for role in staff.roles),
        }
        held = staff.permissions
        chosen = [find_role(each) for each in role_uuids]
        granted = {key for role in chosen for key in role.permissions}
        # another's address and whether it is open are as good as what it holds: who changes them
        # could lock out or become that person
        _may_grant(actor, granted ^ held if actor.id == staff.id else granted | held)
        if staff.active and not active:
            staff.epoch += 1
        staff.email, staff.name, staff.active, staff.roles = address, shown, active, chosen
        current.flush()
        _somebody_left()
        after = {
            "email": address,
            "name": shown,
            "active": active,
            "roles": sorted(role.name for role in chosen),
        }
        old, new = audit.changed(before, after)
        audit.record(
            actor=actor,
            action="staff.updated",
            subject_type="staff",
            subject_uuid=uuid,
            summary=f"Account {address} changed.",
            before=old,
            after=new,
        )
        if held != staff.permissions:
            raise_event("staff.permissions_changed", {"staff_uuid": uuid})
    return staff


def set_password(*, actor: Actor, uuid: str, password: str) -> None:
    """Set a new password for an account and end its sessions."""
    check_password(password)
    with transaction():
        staff = find_staff(uuid)
        if actor.kind == "staff" and actor.id != staff.id:
            _may_grant(actor, set(staff.permissions))
        staff.password_hash, staff.epoch = hash_password(password), staff.epoch + 1
        audit.record(
            actor=actor,
            action="staff.password_set",
            subject_type="staff",
            subject_uuid=uuid,
            summary=f"New password set for {staff.email}.",
        )


def save_role(*, actor: Actor, uuid: str | None, name: str, permissions: Iterable[str]) -> Role:
    """Create or change a role.

    Args:
        actor: who does it.
        uuid: the role; None makes a new one.
        name: unique.
        permissions: keys; those that nothing declares are kept only where the role holds them
            already (a module may be off just now).

    Raises:
        InvalidInput: the name is taken or a key is unknown.
        ConflictError: the owner's role was to be changed, or nobody who may change staff would be
            left.
        PermissionDenied: the actor does not hold what it would allow.
    """
    shown = clean_name(name, longest=100)
    wanted = list(dict.fromkeys(permissions))
    with transaction() as current:
        _one_after_another()
        role = find_role(uuid) if uuid else None
        held = set(role.permissions) if role else set()
        if role is not None and EVERYTHING in held:
            raise ConflictError("The role with all permissions cannot be changed.")
        unknown = set(wanted) - {each.key for each in all_permissions()} - held
        if unknown:
            raise InvalidInput(
                {"permissions": [f"There is no permission {', '.join(sorted(unknown))}."]}
            )
        if (
            current.scalar(
                sa.select(Role.id).where(Role.name == shown, Role.id != (role.id if role else 0))
            )
            is not None
        ):
            raise InvalidInput({"name": ["Another role has this name."]})
        _may_grant(actor, set(wanted) ^ held)
        if role is None:
            role = Role(name=shown, permissions=wanted)
            current.add(role)
        before = {"name": role.name, "permissions": sorted(held)}
        role.name, role.permissions = shown, wanted
        current.flush()
        _somebody_left()
        old, new = audit.changed(before, {"name": shown, "permissions": sorted(wanted)})
        audit.record(
            actor=actor,
            action="role.saved",
            subject_type="role",
            subject_uuid=role.uuid,
            summary=f"Role {shown} saved.",
            before=old,
            after=new,
        )
        raise_event("staff.permissions_changed", {"role_uuid": role.uuid})
    return role


def delete_role(*, actor: Actor, uuid: str) -> None:
    """Delete a role that nobody has.

    Raises:
        ConflictError: somebody has it, or it is the owner's.
    """
    with transaction() as current:
        role = find_role(uuid)
        if EVERYTHING in role.permissions:
            raise ConflictError("The role with all permissions cannot be deleted.")
        if (
            current.scalar(
                sa.select(staff_roles.c.staff_id).where(staff_roles.c.role_id == role.id).limit(1)
            )
            is not None
        ):
            raise ConflictError(f"{role.name} is somebody's role; take it from them first.")
        current.delete(role)
        audit.record(
            actor=actor,
            action="role.deleted",
            subject_type="role",
            subject_uuid=uuid,
            summary=f"Role {role.name} deleted.",
        )


def _one_after_another() -> None:
    """Serialize changes of roles and permissions.

    That way two at once cannot each leave the other's as the last who may.
    """
    session().execute(sa.select(Role.id).order_by(Role.id).with_for_update()).all()


def _may_grant(actor: Actor, keys: AbstractSet[str]) -> None:
    """Nobody gives, takes or gets by a detour what they do not hold."""
    if actor.kind != "staff" or not keys:
        return
    giver = session().get(Staff, actor.id)
    if giver is None or not all(giver.may(key) for key in keys):
        raise PermissionDenied("You can only give or take what you are allowed yourself.")


def _somebody_left() -> None:
    accounts = (
        session()
        .scalars(sa.select(Staff).where(Staff.active).execution_options(populate_existing=True))
        .all()
    )
    if not any(each.may("staff.manage") for each in accounts):
        raise ConflictError("At least one account must be able to manage staff.")
