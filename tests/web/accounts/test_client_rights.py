"""Permissions of users for their current client, on every page of the client area."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.principals import CLI
from puqpanel.infra.db import session, transaction
from puqpanel.models import Audit, Client, ClientUser
from puqpanel.operations.accounts import clients, members
from puqpanel.operations.provisioning import services
from puqpanel.web.guard import Area
from tests.web.conftest import PASSWORD, Browser
from tests.web.test_guard import addresses

OPEN = {
    ("GET", "/client/"),
    ("POST", "/client/current-client"),
}
"""Client pages that need no permission, besides those of the own account."""
OWN_ACCOUNT = ("password", "preferences", "language", "security", "sessions")


def add_user(app: Panel, shop: dict[str, str], *permissions: str) -> Browser:
    """Return a browser of a user of Anna Berg's client."""
    with app.app_context():
        members.add_user(
            actor=CLI,
            client_uuid=shop["client"],
            email="uma@example.test",
            name="Uma User",
            password=PASSWORD,
            permissions=permissions,
        )
    return Browser(app).sign_in("uma@example.test", "/client")


def test_client_pages_require_a_permission(app: Panel) -> None:
    undeclared = {
        (method, path)
        for method, path, need in addresses(app)
        if need.area is Area.CLIENT
        and not need.required(method)
        and not any(part in path for part in OWN_ACCOUNT)
    }
    assert undeclared == OPEN


@pytest.mark.parametrize(
    "permissions",
    [(), ("profile.manage", "billing.view"), ("services.view",), ("services.manage",)],
    ids="+".join,
)
def test_a_user_opens_exactly_the_pages_of_their_permissions(
    app: Panel, shop: dict[str, str], permissions: tuple[str, ...]
) -> None:
    browser = add_user(app, shop, *permissions)
    held = {*permissions, *(key.replace(".manage", ".view") for key in permissions)}
    token, wrong = browser.token("/client"), []
    for method, path, need in addresses(app):
        if need.area is not Area.CLIENT or any(part in path for part in OWN_ACCOUNT):
            continue
        data = None if method == "GET" else {"csrf_token": token}
        answer = browser.http.open(path, method=method, data=data)
        answer.close()
        required = need.required(method)
        allowed = not required or not held.isdisjoint(required)
        if (answer.status_code == 403) is allowed or answer.status_code in (401, 500):
            wrong.append((method, path, need, answer.status_code))
    assert wrong == []
    page = browser.get("/client/")
    assert page.status_code == 200
    assert ("berg.example" in page.text) is ("services.view" in held)
    assert ("/client/services/" in page.text) is ("services.view" in held)


def test_rights_change_without_a_new_sign_in(app: Panel, shop: dict[str, str]) -> None:
    browser = add_user(app, shop, "services.view")
    assert browser.get("/client/services/").status_code == 200
    with transaction_of(app):
        session().execute(sa.update(ClientUser).where(~ClientUser.owner).values(permissions=[]))
    assert browser.get("/client/services/").status_code == 403


@contextmanager
def transaction_of(app: Panel) -> Iterator[None]:
    """Open a transaction in an app context."""
    with app.app_context(), transaction():
        yield


def test_pages_show_the_current_client_only(app: Panel, shop: dict[str, str]) -> None:
    browser = add_user(app, shop, "services.view")
    with app.app_context():
        other = session().scalars(sa.select(Client).where(Client.name == "Tom Other")).one().uuid
        members.add_user(
            actor=CLI, client_uuid=other, email="uma@example.test", name="Uma", owner=True
        )
        theirs = services.create_service(
            actor=CLI, client_uuid=other, product_uuid=shop["product"], name="other.example"
        ).uuid
    page = browser.get("/client/").text  # the owned client comes first
    assert "other.example" in page and "berg.example" not in page
    assert browser.get(f"/client/services/{shop['service']}").status_code == 404
    switched = browser.post("/client/current-client", {"client": shop["client"]})
    assert switched.status_code == 302
    page = browser.get("/client/").text
    assert "berg.example" in page and "other.example" not in page
    assert browser.get(f"/client/services/{theirs}").status_code == 404
    answer = browser.post(f"/client/services/{shop['service']}/overview/api/post")
    assert answer.status_code == 403  # an owner elsewhere, but not of this client
    for uuid in ("", "nonsense"):
        assert browser.post("/client/current-client", {"client": uuid}).status_code == 404
    with transaction_of(app):
        session().execute(sa.update(Client).where(Client.name == "Anna Berg").values(active=False))
    page = browser.get("/client/").text  # the selected client was deactivated
    assert "other.example" in page and "berg.example" not in page


def test_a_user_cannot_select_a_client_of_others(app: Panel, shop: dict[str, str]) -> None:
    with app.app_context():
        other = session().scalars(sa.select(Client).where(Client.name == "Tom Other")).one().uuid
    browser = Browser(app).sign_in("anna@example.test", "/client")
    assert browser.post("/client/current-client", {"client": other}).status_code == 404


def test_a_user_without_an_active_client_is_told(app: Panel, shop: dict[str, str]) -> None:
    browser = Browser(app).sign_in("anna@example.test", "/client")
    with transaction_of(app):
        session().execute(sa.update(Client).values(active=False))
    page = browser.get("/client/")
    assert page.status_code == 200 and "an active client. Contact support" in page.text
    assert browser.get("/client/services/").status_code == 403


def test_staff_edit_the_permissions_of_a_user(
    owner: Browser, app: Panel, shop: dict[str, str]
) -> None:
    user = add_user(app, shop)
    with app.app_context():
        client = clients.find_client(shop["client"])
        uuid = next(each.user.uuid for each in client.members if not each.owner)
    path = f"/admin/clients/{shop['client']}/users/{uuid}/permissions"
    assert owner.get(path).status_code == 200
    bad = owner.post(path, {"permissions": ["services.view", "services.destroy"]})
    assert bad.status_code == 422 and user.get("/client/services/").status_code == 403
    saved = owner.post(path, {"permissions": ["services.manage"]})
    assert saved.status_code == 302
    assert user.get("/client/services/").status_code == 302, "a change of rights ends the session"
    user.sign_in("uma@example.test", "/client")
    assert user.get("/client/services/").status_code == 200
    owner.post(path, {"permissions": ["services.manage"]})
    assert user.get("/client/services/").status_code == 200, "nothing was changed"
    assert "Services" in owner.get(f"/admin/clients/{shop['client']}").text
    with app.app_context():
        entry = session().scalars(
            sa.select(Audit).where(Audit.action == "client.user_permissions_changed")
        )
        assert entry.all()[0].after == {"permissions": ["services.manage", "services.view"]}


def test_staff_who_add_a_user_do_not_take_over_a_foreign_account(
    owner: Browser, app: Panel, shop: dict[str, str]
) -> None:
    path = f"/admin/clients/{shop['client']}/users/new"
    form = {"email": "tom@example.test", "name": "Tom", "owner": "y"}
    refused = owner.post(path, {**form, "password": "a long password"})
    assert refused.status_code == 422 and "already has an account" in refused.text
    assert owner.post(path, form).status_code == 302
