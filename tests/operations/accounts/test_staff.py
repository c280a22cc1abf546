"""Permissions for changes of staff accounts."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.errors import ConflictError, PermissionDenied
from puqpanel.domain.principals import Principal, PrincipalKind
from puqpanel.infra.db import release, session
from puqpanel.models import Staff
from puqpanel.operations.accounts import staff
from puqpanel.operations.accounts.principals import staff_principal
from tests.sample import PASSWORD

CLI = Principal(PrincipalKind.CLI, None, "A test", permissions=frozenset({"*"}))


def actor_of(account: Staff) -> Principal:
    return staff_principal(account)


def test_staff_cannot_change_accounts_with_more_permissions(panel: Panel) -> None:
    owner = staff.create_staff(actor=CLI, email="owner@panel.test", name="Owner", password=PASSWORD)
    role = staff.save_role(actor=CLI, uuid=None, name="Desk", permissions=["staff.manage"])
    desk = actor_of(
        staff.create_staff(
            actor=CLI,
            email="desk@panel.test",
            name="Desk",
            password=PASSWORD,
            role_uuids=[role.uuid],
        )
    )
    owners = [each.uuid for each in owner.roles]
    for changes in ({"active": False}, {"email": "mine@panel.test"}, {"role_uuids": []}):
        with pytest.raises(PermissionDenied):
            staff.update_staff(
                **{
                    "actor": desk,
                    "uuid": owner.uuid,
                    "email": "owner@panel.test",
                    "name": "Owner",
                    "role_uuids": owners,
                    "active": True,
                    **changes,
                }
            )
    with pytest.raises(PermissionDenied):
        staff.set_password(actor=desk, uuid=owner.uuid, password=PASSWORD)
    me = session().get_one(Staff, desk.id)
    staff.update_staff(
        actor=desk,
        uuid=me.uuid,
        email="desk@panel.test",
        name="Front desk",
        role_uuids=[role.uuid],
        active=True,
    )
    staff.update_staff(
        actor=actor_of(owner),
        uuid=me.uuid,
        email="desk@panel.test",
        name="Desk",
        role_uuids=[],
        active=False,
    )


def test_a_rejected_change_does_not_set_the_password(panel: Panel) -> None:
    owner = staff.create_staff(actor=CLI, email="owner@panel.test", name="Owner", password=PASSWORD)
    before = owner.password_hash
    with pytest.raises(ConflictError):
        staff.update_staff(
            actor=actor_of(owner),
            uuid=owner.uuid,
            email="owner@panel.test",
            name="Owner",
            role_uuids=[],
            active=True,
            password="another long one",
        )
    release()
    saved = session().get_one(Staff, owner.id, populate_existing=True)
    assert (saved.password_hash, len(saved.roles)) == (before, 1)


def test_permissions_are_checked_against_the_database_not_loaded_rows(panel: Panel) -> None:
    owner = staff.create_staff(actor=CLI, email="owner@panel.test", name="Owner", password=PASSWORD)
    role = staff.save_role(actor=CLI, uuid=None, name="Desk", permissions=["staff.manage"])
    desk, victim = (
        staff.create_staff(
            actor=CLI,
            email=f"{name}@panel.test",
            name=name,
            password=PASSWORD,
            role_uuids=[role.uuid],
        )
        for name in ("desk", "victim")
    )
    hashed = victim.password_hash
    assert [each.name for each in victim.roles] == ["Desk"]  # loaded, as by a page

    def promote() -> None:
        with panel.app_context():
            staff.update_staff(
                actor=actor_of(owner),
                uuid=victim.uuid,
                email="victim@panel.test",
                name="victim",
                role_uuids=[each.uuid for each in owner.roles],
                active=True,
                password="set by the owner",
            )

    thread = threading.Thread(target=promote)
    thread.start()
    thread.join()
    with pytest.raises(PermissionDenied):
        staff.set_password(actor=actor_of(desk), uuid=victim.uuid, password=PASSWORD)
    staff.set_password(actor=CLI, uuid=victim.uuid, password=PASSWORD)
    release()
    assert session().get_one(Staff, victim.id, populate_existing=True).password_hash != hashed


def test_last_two_owners_cannot_close_each_other(panel: Panel) -> None:
    two = [
        staff.create_staff(actor=CLI, email=f"{name}@panel.test", name=name, password=PASSWORD)
        for name in ("ann", "bo")
    ]
    barrier, refused = threading.Barrier(2), []

    def close(by: Principal, uuid: str, email: str, roles: list[str]) -> None:
        with panel.app_context():
            barrier.wait()
            try:
                staff.update_staff(
                    actor=by, uuid=uuid, email=email, name="Closed", role_uuids=roles, active=False
                )
            except (ConflictError, PermissionDenied):  # the second one is closed already
                refused.append(email)

    pairs = [
        (actor_of(by), other.uuid, other.email, [role.uuid for role in other.roles])
        for by, other in (two, two[::-1])
    ]
    threads = [threading.Thread(target=close, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    release()
    assert (
        len(refused) == 1
        and len(session().scalars(sa.select(Staff.id).where(Staff.active)).all()) == 1
    )
