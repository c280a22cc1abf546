"""Saved views of lists: each belongs to one staff member."""

from __future__ import annotations

from urllib.parse import urlsplit

import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.principals import Principal, PrincipalKind
from puqpanel.infra.db import session
from puqpanel.models import Audit, SavedView, Staff
from puqpanel.operations.accounts import saved_views
from tests.web.conftest import Browser

LIST = "/admin/clients/"


def save(browser: Browser, name: str, query: str) -> str:
    data = {"name": name, "query": query, "next": f"{LIST}?sort=name"}
    return str(browser.post("/admin/views/clients", data).headers["Location"])


def only(app: Panel) -> SavedView:
    with app.app_context():
        return session().scalars(sa.select(SavedView)).one()


def test_a_view_keeps_filters_order_and_columns(owner: Browser, app: Panel) -> None:
    shown = save(owner, "Norway", "tab=active&country=NO&country=PL&sort=name&cols=email&at=x")
    view = only(app)
    assert view.query == "tab=active&country=NO&country=PL&sort=name&cols=email"
    assert shown == f"{LIST}?{view.query}&view={view.uuid}"
    page = owner.get(shown).text
    assert "Country: Norway, Poland" in page
    manage = owner.get(f"/admin/views/clients?next={LIST}").text
    assert f'href="{shown.replace("&", "&amp;")}">Open</a>' in manage
    with app.app_context():
        actions = session().scalars(sa.select(Audit.action)).all()
        assert "staff.view_saved" in actions


def test_saving_again_replaces_the_view(owner: Browser, app: Panel) -> None:
    save(owner, "Mine", "sort=name")
    save(owner, " Mine ", "sort=-name")
    assert only(app).query == "sort=-name"


def test_the_default_view_opens_with_the_list(owner: Browser, app: Panel) -> None:
    save(owner, "Mine", "sort=name")
    view = only(app)
    path = f"/admin/views/clients/{view.uuid}"
    assert owner.get(LIST).status_code == 200
    owner.post(path, {"do": "default", "next": LIST})
    answer = owner.get(LIST)
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"{LIST}?sort=name&view={view.uuid}"
    assert owner.get(answer.headers["Location"]).status_code == 200
    owner.post(path, {"do": "not-default"})
    assert owner.get(LIST).status_code == 200
    owner.post(path, {"do": "default"})
    owner.post(path, {"do": "delete"})
    assert owner.get(LIST).status_code == 200


def test_a_view_is_renamed_and_deleted(owner: Browser, app: Panel) -> None:
    save(owner, "Mine", "sort=name")
    save(owner, "Other", "sort=name")
    with app.app_context():
        uuid = session().scalars(sa.select(SavedView.uuid).where(SavedView.name == "Mine")).one()
    path = f"/admin/views/clients/{uuid}"
    owner.post(path, {"do": "rename", "name": "Other"})
    page = owner.get("/admin/views/clients").text
    assert "Another view already has this name." in page and 'value="Mine"' in page
    owner.post(path, {"do": "rename", "name": "New\u200b name"})
    assert 'value="New name"' in owner.get("/admin/views/clients").text
    answer = owner.post(path, {"do": "delete", "next": "https://evil.test/"})
    assert urlsplit(answer.headers["Location"]).netloc == ""
    assert only(app).name == "Other"


def test_a_view_of_another_staff_member_does_not_exist(app: Panel, clerk: Browser) -> None:
    with app.app_context():
        other = session().scalars(sa.select(Staff).where(Staff.email == "owner@panel.test")).one()
        principal = Principal(PrincipalKind.STAFF, other.id, other.name, uuid=other.uuid)
        saved_views.save_view(actor=principal, list="services", name="Secret plan", query="q=x")
        uuid = session().scalars(sa.select(SavedView.uuid)).one()
    path = f"/admin/views/services/{uuid}"
    assert "Secret plan" not in clerk.get("/admin/services/").text
    assert "Secret plan" not in clerk.get("/admin/views/services").text
    for action in ("rename", "delete", "default"):
        clerk.post(path, {"do": action, "name": "Taken"})
    view = only(app)
    assert view.name == "Secret plan"


def test_a_filter_that_no_longer_exists_is_ignored_with_a_notice(
    owner: Browser, app: Panel
) -> None:
    page = owner.get(save(owner, "Old", "planet=mars&sort=name"))
    assert page.status_code == 200
    assert "One filter was ignored." in page.text


def test_invalid_views_are_refused(owner: Browser, app: Panel) -> None:
    for data in (
        {"name": "", "query": "sort=name"},
        {"name": "x" * 101, "query": "sort=name"},
        {"name": "Long", "query": "q=" + "x" * 5000},
    ):
        owner.post("/admin/views/clients", data)
    owner.post("/admin/views/NO_LIST", {"name": "List", "query": "q=1"})
    assert owner.get("/admin/views/planets").status_code == 404
    with app.app_context():
        assert session().scalar(sa.select(sa.func.count()).select_from(SavedView)) == 0
