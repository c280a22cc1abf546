"""Roles: implied permissions, privilege escalation, and the last role that may change roles."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.errors import ConflictError, InvalidInput, PermissionDenied
from puqpanel.domain.permissions import CLIENT_KEYS, EVERYTHING, PANEL_KEYS, with_implied
from puqpanel.domain.presets import PRESETS
from puqpanel.domain.principals import CLI, Principal
from puqpanel.infra.db import release, session, transaction
from puqpanel.models import Role, Staff
from puqpanel.operations.accounts import staff
from puqpanel.operations.accounts.principals import staff_principal
from tests.sample import PASSWORD


def make(name: str, *permissions: str) -> tuple[Principal, Staff, Role]:
    """Create an account with a role of its own."""
    role = staff.save_role(actor=CLI, uuid=None, name=name, permissions=permissions)
    account = staff.create_staff(
        actor=CLI,
        email=f"{name}@panel.test",
        name=name,
        password=PASSWORD,
        role_uuids=[role.uuid],
    )
    return staff_principal(account), account, role


def update(actor: Principal, account: Staff, roles: list[str], *, active: bool = True) -> None:
    staff.update_staff(
        actor=actor,
        uuid=account.uuid,
        email=account.email,
        name=account.name,
        role_uuids=roles,
        active=active,
    )


def test_actions_imply_viewing(panel: Panel) -> None:
    principal, _, role = make("desk", "clients.manage", "services.terminate")
    assert role.permissions == [
        "clients.manage",
        "clients.view",
        "services.terminate",
        "services.view",
    ]
    assert principal.may("services.view") and not principal.may("services.manage")
    with transaction():  # stored before permissions implied others
        session().get_one(Role, role.id).permissions = ["tasks.manage"]
    account = session().scalars(sa.select(Staff)).one()
    assert staff_principal(account).may("tasks.view")


def test_presets_contain_known_keys_and_what_they_imply() -> None:
    for preset in PRESETS:
        assert preset.keys <= PANEL_KEYS | {EVERYTHING}, preset.key
        assert with_implied(preset.keys) == preset.keys, preset.key
    assert with_implied({"billing.manage"}, CLIENT_KEYS) == {"billing.manage", "billing.view"}


def test_unknown_keys_are_refused_and_those_of_inactive_modules_kept(panel: Panel) -> None:
    _, _, role = make("desk", "clients.view")
    with pytest.raises(InvalidInput):
        staff.save_role(actor=CLI, uuid=role.uuid, name="desk", permissions=["clients.destroy"])
    with transaction():
        session().get_one(Role, role.id).permissions = ["Product-Gone-view"]
    keys = ["Product-Gone-view", "tasks.view"]
    staff.save_role(actor=CLI, uuid=role.uuid, name="desk", permissions=keys)
    assert role.permissions == keys
    with pytest.raises(InvalidInput):
        staff.save_role(actor=CLI, uuid=None, name="new", permissions=["Product-Gone-view"])


def test_a_role_without_permissions_is_allowed(panel: Panel) -> None:
    principal, _, role = make("nobody")
    assert role.permissions == [] and not principal.may("dashboard.view")


def test_staff_cannot_grant_or_revoke_what_they_lack(panel: Panel) -> None:
    make("boss", "staff.manage")
    desk, account, role = make("desk", "staff.manage", "clients.view")
    _, _, strong = make("strong", "modules.manage")
    attempts: list[Callable[[], object]] = [
        lambda: staff.save_role(
            actor=desk, uuid=role.uuid, name="desk", permissions=["staff.manage", "modules.manage"]
        ),
        lambda: staff.save_role(actor=desk, uuid=None, name="x", permissions=["tasks.view"]),
        lambda: staff.save_role(actor=desk, uuid=strong.uuid, name="strong", permissions=[]),
        lambda: update(desk, account, [role.uuid, strong.uuid]),
        lambda: staff.create_staff(
            actor=desk,
            email="new@panel.test",
            name="New",
            password=PASSWORD,
            role_uuids=[strong.uuid],
        ),
    ]
    for attempt in attempts:
        with pytest.raises(PermissionDenied):
            attempt()
    spare = staff.save_role(actor=CLI, uuid=None, name="spare", permissions=["modules.manage"])
    with pytest.raises(PermissionDenied):
        staff.delete_role(actor=desk, uuid=spare.uuid)
    staff.save_role(actor=desk, uuid=role.uuid, name="desk", permissions=["staff.manage"])


def test_rights_revoked_meanwhile_do_not_count(panel: Panel) -> None:
    make("boss", "staff.manage")
    desk, _, role = make("desk", "staff.manage", "clients.manage")
    staff.save_role(actor=CLI, uuid=role.uuid, name="desk", permissions=["staff.manage"])
    assert desk.may("clients.manage")  # as of the start of the request
    with pytest.raises(PermissionDenied):
        staff.save_role(actor=desk, uuid=None, name="x", permissions=["clients.manage"])


def test_the_last_account_that_manages_staff_stays(panel: Panel) -> None:
    desk, account, role = make("desk", "staff.manage")
    make("other", "clients.view")
    attempts: list[Callable[[], object]] = [
        lambda: staff.save_role(actor=CLI, uuid=role.uuid, name="desk", permissions=["staff.view"]),
        lambda: staff.delete_role(actor=CLI, uuid=role.uuid),
        lambda: update(desk, account, []),
        lambda: update(CLI, account, [role.uuid], active=False),
    ]
    for attempt in attempts:
        with pytest.raises(ConflictError):
            attempt()
    release()
    account = session().scalars(sa.select(Staff).where(Staff.name == "desk")).one()
    assert account.active and account.may("staff.manage")


def test_two_roles_cannot_lose_the_right_at_once(panel: Panel) -> None:
    roles = [make(name, "staff.manage")[2] for name in ("ann", "bo")]
    barrier, refused = threading.Barrier(2), []

    def revoke(uuid: str, name: str) -> None:
        with panel.app_context():
            barrier.wait()
            try:
                staff.save_role(actor=CLI, uuid=uuid, name=name, permissions=[])
            except ConflictError:
                refused.append(name)

    threads = [threading.Thread(target=revoke, args=(role.uuid, role.name)) for role in roles]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1


def test_a_role_beyond_ones_own_cannot_be_changed_renamed_or_deleted(panel: Panel) -> None:
    desk, _, _ = make("desk", "staff.manage", "clients.manage")
    more = staff.save_role(actor=CLI, uuid=None, name="More", permissions=["services.terminate"])
    everything = staff.save_role(actor=CLI, uuid=None, name="All", permissions=["*"])
    for role in (more, everything):
        with pytest.raises(PermissionDenied):
            staff.delete_role(actor=desk, uuid=role.uuid)
        with pytest.raises(PermissionDenied):
            staff.save_role(actor=desk, uuid=role.uuid, name="x", permissions=role.permissions)
        with pytest.raises(PermissionDenied):
            staff.save_role(actor=desk, uuid=role.uuid, name="x", permissions=[])
    with pytest.raises(PermissionDenied):
        staff.save_role(actor=desk, uuid=None, name="x", permissions=["*"])


def test_administrators_have_the_permissions_of_modules_added_later(panel: Panel) -> None:
    make("owner", "*")
    preset = next(each for each in PRESETS if each.key == "administrator")
    admin, _, role = make("admin", *preset.fill([]))
    assert role.permissions == ["*"] and admin.may("Product-Later-view")
    changed = staff.save_role(
        actor=admin, uuid=role.uuid, name="Admin", permissions=["*", "staff.view"]
    )
    assert changed.permissions == ["*"]
    less = staff.save_role(actor=admin, uuid=role.uuid, name="Admin", permissions=["staff.view"])
    assert less.permissions == ["staff.view"]
