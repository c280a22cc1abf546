"""Each staff route with each single permission: it opens with those that it declares, only."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.permissions import PANEL_PERMISSIONS
from puqpanel.domain.principals import CLI
from puqpanel.infra.db import session, transaction
from puqpanel.models import Role
from puqpanel.operations.accounts import staff
from puqpanel.web import refusals
from puqpanel.web.guard import Area, declared
from tests.web.conftest import PASSWORD, Browser
from tests.web.test_guard import AS_JSON, addresses

pytestmark = pytest.mark.sqlite

PARTS = 4
"""Tests of the same kind, so that processes share the work."""
OPEN = {"admin.auth", "admin.dashboard", "admin.saved_views", "admin.search"}
"""Pages of all staff: their own account, and pages that show what the viewer may see."""


def sign_in(app: Panel) -> Browser:
    """Return a browser of an account with one role."""
    with app.app_context():
        role = staff.save_role(actor=CLI, uuid=None, name="Single", permissions=[])
        staff.create_staff(actor=CLI, email="owner@panel.test", name="Owner", password=PASSWORD)
        staff.create_staff(
            actor=CLI,
            email="single@panel.test",
            name="Single",
            password=PASSWORD,
            role_uuids=[role.uuid],
        )
    return Browser(app).sign_in("single@panel.test")


@pytest.mark.parametrize("part", range(PARTS))
def test_each_route_opens_with_its_declared_permissions_only(app: Panel, part: int) -> None:
    """Expected refusals are asked for as JSON, because a page takes longer to render."""
    browser = sign_in(app)
    token = browser.token("/admin")
    routes = [
        (method, path, need.required(method))
        for method, path, need in addresses(app)
        if need.area is Area.STAFF and need.required(method)
    ]
    wrong = []
    for permission in PANEL_PERMISSIONS[part::PARTS]:
        with app.app_context(), transaction():
            # as stored; what a role implies is not the subject here
            session().execute(
                sa.update(Role).where(Role.name == "Single").values(permissions=[permission.key])
            )
        implied = {permission.key, f"{permission.noun}.view"}
        for method, path, required in routes:
            opened = not implied.isdisjoint(required)
            data = None if method == "GET" else {"csrf_token": token}
            headers = None if opened else AS_JSON
            answer = browser.http.open(path, method=method, data=data, headers=headers)
            answer.close()
            if (answer.status_code == 403) is opened or answer.status_code in (401, 500):
                wrong.append((permission.key, method, path, answer.status_code))
    assert wrong == []


def test_staff_routes_without_a_permission_are_listed(app: Panel) -> None:
    open_to_all = {
        rule.endpoint.rpartition(".")[0]
        for rule in app.url_map.iter_rules()
        if (access := declared(app.view_functions[rule.endpoint]))
        and access.area is Area.STAFF
        and not access.permissions
    }
    assert open_to_all == OPEN


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_pages_of_other_sites_cannot_send_requests(owner: Browser, site: str) -> None:
    fetch = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"}
    assert owner.get("/admin/clients/", headers=fetch).status_code == 403
    assert owner.post("/admin/staff/roles/new", headers=fetch).status_code == 403
    link = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"}
    assert owner.get("/admin/clients/", headers=link).status_code == 200
    assert (
        owner.get("/admin/clients/", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200
    )


def test_refusals_are_counted() -> None:
    refusals._counters.clear()
    assert refusals.count(403, "a", "staff 1", 0.0) == 0
    assert [refusals.count(403, "a", "staff 1", 1.0) for _ in range(3)] == [None] * 3
    assert refusals.count(403, "b", "staff 1", 1.0) == 0
    assert refusals.count(403, "a", "staff 1", 61.0) == 3
    for number in range(3 * refusals.MAX_KEYS):
        refusals.count(429, "a", str(number), 61.0)
    assert len(refusals._counters) <= refusals.MAX_KEYS


def test_a_refused_request_is_logged_once(
    clerk: Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    refusals._counters.clear()
    capsys.readouterr()
    for _ in range(3):
        assert clerk.get("/admin/staff/").status_code == 403
    assert capsys.readouterr().out.count("request refused") == 1
