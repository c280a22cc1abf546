"""View as client: what it shows, refuses and records, and how it ends."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.clock import now
from puqpanel.infra.db import session, transaction, write
from puqpanel.models import AccountSession, Audit, Client, Role, Staff, User
from puqpanel.operations.accounts import members, staff
from tests.web.conftest import PASSWORD, Browser

ANNA = "anna@example.test"


@pytest.fixture
def view(app: Panel, shop: dict[str, str]) -> str:
    """The path that starts a view as the client's user."""
    with app.app_context():
        user = session().scalar(sa.select(User.uuid).where(User.email == ANNA))
    return f"/admin/clients/{shop['client']}/users/{user}/view"


@pytest.fixture
def support(app: Panel) -> Browser:
    """Signed-in staff who may view as a client."""
    with app.app_context():
        staff.create_staff(
            actor=AUTOMATION, email="owner@panel.test", name="Olga Owner", password=PASSWORD
        )
        with transaction() as current:
            keys = ["clients.view", "clients.impersonate"]
            current.add(Role(name="Support", permissions=keys))
        role = session().scalar(sa.select(Role.uuid).where(Role.name == "Support"))
        staff.create_staff(
            actor=AUTOMATION,
            email="sam@panel.test",
            name="Sam Support",
            password=PASSWORD,
            role_uuids=[str(role)],
        )
    return Browser(app).sign_in("sam@panel.test")


def audited(app: Panel, action: str) -> list[tuple[str, str, str, str]]:
    with app.app_context():
        rows = session().execute(
            sa.select(
                Audit.subject_type, Audit.actor_kind, Audit.actor_name, Audit.impersonator_name
            )
            .where(Audit.action == action)
            .order_by(Audit.id)
        )
        return [(row[0], row[1], row[2], row[3]) for row in rows]


def test_staff_view_the_client_area_as_a_user(app: Panel, support: Browser, view: str) -> None:
    assert "View as client" in support.get(view.partition("/users/")[0]).text
    assert support.post(view).location == "/client/"
    page = support.get("/client/").text
    assert f"Sam Support is viewing as Anna Berg ({ANNA})." in page and "Ends in " in page
    assert support.get("/admin/clients/").status_code == 200
    ended = support.post("/client/signout")
    assert ended.status_code == 303 and ended.location.startswith("/admin/clients/")
    assert "Viewing as a client has ended." in support.get(ended.location).text
    assert support.get("/client/").status_code == 302
    assert audited(app, "client.view_started") == [
        ("client", "staff", "Sam Support", ""),
        ("staff", "staff", "Sam Support", ""),
    ]
    both = ("user", "Anna Berg", "Sam Support")
    assert audited(app, "client.view_ended") == [("client", *both), ("staff", *both)]
    assert audited(app, "client.view_request") == []


def test_a_customer_session_of_the_same_browser_returns(
    app: Panel, support: Browser, view: str
) -> None:
    support.sign_in("tom@example.test", "/client")
    support.post(view)
    assert "Hello, Anna" in support.get("/client/").text
    support.post("/client/signout")
    page = support.get("/client/").text
    assert "Hello, Tom" in page and "is viewing as" not in page


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/client/password"),
        ("POST", "/client/password"),
        ("GET", "/client/security"),
        ("POST", "/client/security/end"),
        ("POST", "/client/signin"),
        ("POST", "/client/language"),
    ],
)
def test_only_the_user_may_change_the_account(
    app: Panel, support: Browser, view: str, method: str, path: str
) -> None:
    support.post(view)
    token = support.token("/client")
    answer = support.http.open(path, method=method, data={"csrf_token": token})
    assert answer.status_code == 403 and "Only the user can do this" in answer.text
    assert "is viewing as Anna Berg" in support.get("/client/").text


@pytest.mark.parametrize(
    "end", ["limit", "sign-out", "idle", "right", "deactivated", "user", "client"]
)
def test_a_view_ends_by_itself(
    app: Panel, support: Browser, view: str, shop: dict[str, str], end: str
) -> None:
    support.post(view)
    assert support.get("/client/").status_code == 200
    views = AccountSession.impersonator_id.is_not(None)
    with app.app_context():
        if end == "limit":
            write(sa.update(AccountSession).where(views).values(expires_at=now()))
        elif end == "idle":
            old = now() - timedelta(minutes=31)
            write(sa.update(AccountSession).where(~views).values(seen_at=old))
        elif end == "right":
            write(sa.update(Role).where(Role.name == "Support").values(permissions=[]))
        elif end == "deactivated":
            write(sa.update(Staff).where(Staff.email == "sam@panel.test").values(active=False))
        elif end == "user":
            write(sa.update(User).where(User.email == ANNA).values(active=False))
        elif end == "client":
            write(sa.delete(User).where(User.email == ANNA))
    if end == "sign-out":
        support.post("/admin/signout")
    gone = support.get("/client/")
    assert gone.status_code == 303 and gone.location.startswith("/admin/")
    assert support.get("/client/").location.startswith("/client/signin")


def test_others_may_not_view(app: Panel, clerk: Browser, view: str, shop: dict[str, str]) -> None:
    assert clerk.post(view).status_code == 403
    owner = Browser(app).sign_in("owner@panel.test")
    strange = "00000000-0000-4000-8000-000000000000"
    assert strange not in view
    with app.app_context():
        tom = session().scalar(sa.select(User.uuid).where(User.email == "tom@example.test"))
    for uuid in (strange, str(tom)):
        path = f"/admin/clients/{shop['client']}/users/{uuid}/view"
        assert owner.post(path).location.endswith(shop["client"])
        assert owner.get("/client/").status_code == 302
    with app.app_context():
        write(sa.update(Client).values(active=False))
    refused = owner.post(view)
    assert "is inactive" in owner.get(refused.location).text


def test_a_view_cannot_be_used_as_a_customer_session(
    app: Panel, support: Browser, view: str
) -> None:
    support.post(view)
    with app.app_context():
        row = session().scalar(sa.select(AccountSession).where(AccountSession.user_id.is_not(None)))
        assert row is not None and row.impersonator_id and row.parent_id
    cookie = support.http.get_cookie("panel_view", path="/")
    assert cookie is not None
    thief = Browser(app)
    thief.http.set_cookie("panel_customer", cookie.value, path="/")
    assert thief.get("/client/").status_code == 302
    user = Browser(app).sign_in(ANNA, "/client")
    assert "Sam" not in user.get("/client/security").text


@pytest.mark.parametrize("cookie", ["", "x", "a.b.c", "x" * 3900])
def test_a_forged_view_cookie_is_removed(app: Panel, shop: dict[str, str], cookie: str) -> None:
    user = Browser(app).sign_in(ANNA, "/client")
    user.http.set_cookie("panel_view", cookie, path="/client")
    assert user.get("/client/").location == "/client/"
    assert "Hello, Anna" in user.get("/client/").text


def test_a_view_shows_the_client_that_was_asked_for(
    app: Panel, support: Browser, shop: dict[str, str]
) -> None:
    with app.app_context():
        other = session().scalars(sa.select(Client).where(Client.name == "Tom Other")).one()
        user = members.add_user(
            actor=AUTOMATION,
            client_uuid=shop["client"],
            email="tom@example.test",
            name="Tom",
            permissions=["services.view"],
        )
        user_uuid, other_uuid = user.uuid, other.uuid
    support.post(f"/admin/clients/{shop['client']}/users/{user_uuid}/view")
    page = support.get("/client/").text  # the user owns the other client, which comes first
    assert "berg.example" in page
    token = support.token("/client")
    switch = {"csrf_token": token, "client": other_uuid}
    assert support.http.post("/client/current-client", data=switch).status_code == 404
