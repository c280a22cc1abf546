"""The role editor, and every preset against every staff page."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.permissions import PANEL_KEYS, allows
from puqpanel.domain.presets import PRESETS, Preset
from puqpanel.domain.principals import CLI
from puqpanel.infra.db import session, transaction
from puqpanel.models import Role
from puqpanel.operations.accounts import staff
from puqpanel.web.guard import Access, Area
from tests.web.conftest import PASSWORD, Browser
from tests.web.test_guard import AS_JSON, addresses


def ticked(page: str) -> set[str]:
    """Return the ticked permissions of a page."""
    boxes = re.findall(r'<input[^>]*name="permissions"[^>]*>', page)
    return {
        match[1]
        for box in boxes
        if "checked" in box and (match := re.search(r'value="([^"]+)"', box))
    }


def sign_in(app: Panel, name: str, keys: list[str]) -> Browser:
    """Return a browser of a new account with a role of its own."""
    with app.app_context():
        role = staff.save_role(actor=CLI, uuid=None, name=name, permissions=keys)
        staff.create_staff(
            actor=CLI,
            email=f"{name}@panel.test",
            name=name,
            password=PASSWORD,
            role_uuids=[role.uuid],
        )
    return Browser(app).sign_in(f"{name}@panel.test")


def test_a_preset_fills_the_form_without_saving(owner: Browser, app: Panel) -> None:
    for preset in PRESETS:
        page = owner.get(f"/admin/staff/roles/new?preset={preset.key}").text
        assert ticked(page) == preset.keys, preset.key
        assert page.count('aria-current="true"') == 1, preset.key
    assert ticked(owner.get("/admin/staff/roles/new?preset=nonsense").text) == set()
    with app.app_context():
        assert session().scalars(sa.select(Role.name)).all() == ["Owner"]


def test_the_matrix_has_a_box_for_each_permission(owner: Browser) -> None:
    page = owner.get("/admin/staff/roles/new").text
    boxes = re.findall(r'name="permissions"\s+value="([^"]+)"', page)
    assert sorted(boxes) == sorted(["*", *PANEL_KEYS])


def test_a_role_is_saved_with_implied_permissions(owner: Browser, app: Panel) -> None:
    data = {"name": "Desk", "permissions": ["tasks.manage"]}
    assert owner.post("/admin/staff/roles/new", data).status_code == 302
    with app.app_context():
        role = session().scalars(sa.select(Role).where(Role.name == "Desk")).one()
        assert role.permissions == ["tasks.manage", "tasks.view"]


def test_an_unknown_permission_is_refused_and_nothing_saved(owner: Browser, app: Panel) -> None:
    data = {"name": "Desk", "permissions": ["tasks.view", "tasks.destroy"]}
    answer = owner.post("/admin/staff/roles/new", data)
    assert answer.status_code == 422 and ticked(answer.text) == {"tasks.view"}
    with app.app_context():
        assert session().scalars(sa.select(Role.name)).all() == ["Owner"]


def test_a_permission_of_an_inactive_module_stays_in_the_form(owner: Browser, app: Panel) -> None:
    with app.app_context():
        role = staff.save_role(actor=CLI, uuid=None, name="Desk", permissions=["tasks.view"])
        with transaction():
            session().get_one(Role, role.id).permissions = ["Product-Gone-view", "tasks.view"]
        uuid = role.uuid
    assert ticked(owner.get(f"/admin/staff/roles/{uuid}").text) == {
        "Product-Gone-view",
        "tasks.view",
    }


def test_staff_without_permissions_are_told_what_to_do(owner: Browser, app: Panel) -> None:
    page = sign_in(app, "nobody", []).get("/admin/")
    assert page.status_code == 200 and "Ask an administrator" in page.text


def expected(need: Access, method: str, keys: frozenset[str]) -> bool:
    required = need.required(method)
    return not required or any(allows(keys, key) for key in required)


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.key)
def test_a_preset_opens_exactly_its_pages(app: Panel, preset: Preset) -> None:
    browser = sign_in(app, preset.key, sorted(preset.keys))
    token, wrong = browser.token("/admin"), []
    for method, path, need in addresses(app):
        if need.area is not Area.STAFF or "/signout" in path or "/sessions" in path:
            continue
        data = None if method == "GET" else {"csrf_token": token}
        allowed = expected(need, method, preset.keys)
        headers = None if allowed else AS_JSON
        answer = browser.http.open(path, method=method, data=data, headers=headers)
        answer.close()
        if (answer.status_code == 403) is allowed or answer.status_code in (401, 500):
            wrong.append((method, path, need, answer.status_code))
    assert wrong == []
