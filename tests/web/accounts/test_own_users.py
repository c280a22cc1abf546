"""Pages of the users of a client, for customers, and of invitations."""

from __future__ import annotations

import re

import pytest

from puqpanel.app import Panel
from puqpanel.domain.principals import CLI
from puqpanel.operations.accounts import clients, members
from tests.web.conftest import PASSWORD, Browser

FORM = {"name": "Nina New", "password": PASSWORD}


@pytest.fixture
def anna(app: Panel, shop: dict[str, str]) -> Browser:
    return Browser(app).sign_in("anna@example.test", "/client")


def invite(browser: Browser, **values: object) -> str:
    """Invite Nina, and return the path of the link."""
    page = browser.post("/client/users/invite", {"email": "nina@example.test", **values}).text
    link = re.findall(r'value="(http[^"]+/client/invitations/[^"]+)"', page)
    assert link, page
    return str(link[0]).removeprefix("http://panel.test")


def test_an_owner_invites_a_person_who_creates_an_account(
    app: Panel, anna: Browser, visitor: Browser
) -> None:
    assert 'href="/client/users/"' in anna.get("/client/").text
    path = invite(anna, permissions=["services.manage"])
    page = anna.get("/client/users/").text
    assert "nina@example.test" in page and path not in page
    shown = visitor.get(path)
    assert shown.headers["Referrer-Policy"] == "same-origin"
    assert shown.headers["Cache-Control"] == "no-store"
    assert "Anna Berg invited nina@example.test to join." in shown.text
    short = visitor.post(path, {**FORM, "password": "short"})
    assert short.status_code == 422 and "Nina New" in short.text
    assert visitor.post(path, FORM).headers["Location"] == "/client/"
    assert "berg.example" in visitor.get("/client/services/").text
    assert visitor.get("/client/invoices/").status_code == 403
    assert visitor.get(path).status_code == 404
    assert "Nina New" in anna.get("/client/users/").text


def test_a_person_with_an_account_signs_in_to_accept(
    app: Panel, anna: Browser, visitor: Browser
) -> None:
    path = invite(anna, email="tom@example.test", owner="y")
    page = visitor.get(path).text
    assert "Sign in to accept" in page
    assert f"/client/signin?next={path}" in page
    assert visitor.post(path, FORM).status_code == 200  # no form: nothing happens
    assert "/client/signin" in visitor.post(f"{path}accept").headers["Location"]
    assert "Sign out and open the link again" in anna.get(path).text
    anna.post(f"{path}accept")
    assert "This invitation is for tom@example.test." in anna.get(path).text
    visitor.sign_in("tom@example.test", "/client")
    assert visitor.post(f"{path}accept").headers["Location"] == "/client/"
    home = visitor.get("/client/").text
    assert "You now have access to Anna Berg." in home and "berg.example" in home


def test_an_owner_changes_and_removes_a_user(app: Panel, shop: dict[str, str], anna: Browser):
    with app.app_context():
        uma = members.add_user(
            actor=CLI,
            client_uuid=shop["client"],
            email="uma@example.test",
            name="Uma User",
            password=PASSWORD,
            permissions=["users.view"],
        ).uuid
        boss = clients.find_client(shop["client"]).members[0].user.uuid
    page = anna.get("/client/users/").text
    assert f"/client/users/{uma}/permissions" in page and boss not in page
    form = anna.get(f"/client/users/{uma}/permissions").text
    assert re.search(r'value="users.view"[^>]*checked', form)
    saved = anna.post(f"/client/users/{uma}/permissions", {"permissions": ["billing.manage"]})
    assert saved.status_code == 302
    assert "Billing" in anna.get("/client/users/").text
    unknown = anna.post(f"/client/users/{uma}/permissions", {"permissions": ["clients.manage"]})
    assert unknown.status_code == 422
    assert "Remove uma@example.test from Anna Berg?" in anna.get(f"/client/users/{uma}/remove").text
    anna.post(f"/client/users/{uma}/remove")
    assert "Uma User" not in anna.get("/client/users/").text
    own = anna.post(f"/client/users/{boss}/remove", follow_redirects=True).text
    assert "You can’t change your own access" in own.replace("&#39;", "’").replace("'", "’")
    assert anna.post(f"/client/users/{uma}/permissions").status_code == 404


def test_an_invitation_is_withdrawn(app: Panel, anna: Browser, visitor: Browser) -> None:
    path = invite(anna)
    withdraw = re.findall(
        r'action="(/client/users/invitations/[^"]+)"', anna.get("/client/users/").text
    )[0]
    assert anna.post(withdraw).status_code == 302
    assert visitor.get(path).status_code == 404
    assert anna.post(withdraw).status_code == 404
