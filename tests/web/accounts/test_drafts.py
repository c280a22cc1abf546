"""A form sent after the end of a session comes back with what was typed."""

from __future__ import annotations

import html
import json
import re
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from puqpanel.app import Panel
from puqpanel.domain import settings_table
from puqpanel.domain.settings import Definition, Kind
from puqpanel.domain.texts import _
from puqpanel.infra import crypto
from puqpanel.infra.clock import now
from puqpanel.infra.db import session, write
from puqpanel.models import AccountSession, Client
from puqpanel.web import drafts
from tests.web.conftest import PASSWORD, Browser

TYPED = {
    "name": "Typed <Name>",
    "email": "typed@example.test",
    "company": "Zażółć & Co",
    "country": "NO",
    "currency": "EUR",
    "user_password": "not-to-be-kept",
    "user_name": "",
}
NEW = "/admin/clients/new"


def end_sessions(app: Panel) -> None:
    with app.app_context():
        write(sa.update(AccountSession).values(seen_at=now() - timedelta(hours=1)))


def hidden(page: str, name: str) -> str:
    match = re.search(rf'name="{name}"[^>]*value="([^"]*)"', page)
    return html.unescape(match[1]) if match else ""


def answer(
    browser: Browser, page: TestResponse, email: str, password: str = PASSWORD
) -> TestResponse:
    """Fill in the sign-in form on a page."""
    action = re.search(r'<form method="post" action="([^"]+)"', page.text)
    assert action
    data = {
        "csrf_token": hidden(page.text, "csrf_token"),
        "draft": hidden(page.text, "draft"),
        "email": email,
        "password": password,
    }
    return browser.http.post(html.unescape(action[1]), data=data)


def clients(app: Panel) -> list[str]:
    with app.app_context():
        return list(session().scalars(sa.select(Client.name)))


def test_the_same_person_gets_the_form_back(app: Panel, owner: Browser) -> None:
    token = owner.token("/admin")
    end_sessions(app)
    page = owner.http.post(NEW, data={**TYPED, "csrf_token": token})
    assert page.status_code == 401 and "Sign in to continue" in page.text
    assert "typed@example.test" not in page.text, "the kept form is encrypted"
    wrong = answer(owner, page, "owner@panel.test", "wrong wrong wrong")
    assert wrong.status_code == 422 and hidden(wrong.text, "draft")
    signed_in = answer(owner, page, "owner@panel.test")
    assert signed_in.location == NEW + "?restored=1"
    form = owner.get(signed_in.location).text
    assert 'value="Typed &lt;Name&gt;"' in form and "Zażółć &amp; Co" in form
    assert "not-to-be-kept" not in form and "You were signed out before this form was saved" in form
    assert clients(app) == [], "a form is never sent by itself"
    assert "Zażółć" not in owner.get(NEW).text
    owner.post(signed_in.location, TYPED)
    assert clients(app) == ["Typed <Name>"]


def test_nobody_else_gets_the_form(app: Panel, clerk: Browser) -> None:
    owner = Browser(app).sign_in("owner@panel.test")
    token = owner.token("/admin")
    end_sessions(app)
    page = owner.http.post(NEW, data={**TYPED, "csrf_token": token})
    signed_in = answer(owner, page, "clerk@panel.test")
    assert signed_in.location == NEW
    with app.app_context():
        assert session().scalars(sa.select(AccountSession.draft)).all() == [None, None, None]


def test_a_form_sent_after_a_sign_out_and_sign_in_comes_back(app: Panel, owner: Browser) -> None:
    token = owner.token("/admin")
    owner.post("/admin/signout")
    owner.sign_in("owner@panel.test")
    back = owner.http.post(NEW, data={**TYPED, "csrf_token": token})
    assert back.status_code == 303
    assert "typed@example.test" in owner.get(back.location).text
    assert clients(app) == []


def test_a_form_sent_after_a_sign_out_comes_back(app: Panel, owner: Browser) -> None:
    token = owner.token("/admin")
    owner.post("/admin/signout")
    page = owner.http.post(NEW, data={**TYPED, "csrf_token": token})
    signed_in = answer(owner, page, "owner@panel.test")
    assert "typed@example.test" in owner.get(signed_in.location).text


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"csrf_token": "x"},
        {"csrf_token": "", "name": "x" * 70_000},
        {"csrf_token": "own", "notes": "x" * 70_000},
    ],
)
def test_forms_of_other_sites_and_large_ones_are_not_kept(
    app: Panel, owner: Browser, data: dict[str, Any]
) -> None:
    token = owner.token("/admin")
    end_sessions(app)
    if data.get("csrf_token") == "own":
        data = {**data, "csrf_token": token}
    page = owner.http.post(NEW, data=data)
    assert page.status_code == 401 and not hidden(page.text, "draft")


def test_another_sessions_token_of_a_live_session_is_refused(app: Panel, owner: Browser) -> None:
    stranger = Browser(app)
    token = stranger.token("/admin")
    page = owner.http.post(NEW, data={**TYPED, "csrf_token": token})
    assert page.status_code == 400 and "form has expired" in page.text


@pytest.mark.parametrize(
    "text",
    ["[]", "{}", "5", "draft:[]", "draft:{}", "draft:" + "[" * 9000, 'draft:{"fields": [1]}'],
)
def test_what_was_encrypted_for_another_purpose_is_no_draft(
    app: Panel, owner: Browser, text: str
) -> None:
    owner.post("/admin/signout")
    data = {"email": "owner@panel.test", "password": PASSWORD, "draft": crypto.encrypt(text)}
    assert owner.post("/admin/signin", data).location == "/admin"


def kept_fields(page: TestResponse) -> dict[str, str]:
    text = crypto.decrypt(hidden(page.text, "draft")).removeprefix(drafts.PURPOSE)
    return dict(json.loads(text)["fields"])


def test_fields_that_no_form_declares_are_not_kept(
    app: Panel, owner: Browser, shop: dict[str, str]
) -> None:
    token = owner.token("/admin")
    end_sessions(app)
    path = f"/admin/services/{shop['service']}/settings"
    data = {"csrf_token": token, "name": "x", "new_root_word": "s3cret", "card": "4111"}
    page = owner.http.post(path, data=data)
    assert kept_fields(page) == {"name": "x"}


def test_a_secret_setting_is_not_kept_though_its_form_is_gone(
    app: Panel, owner: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = Definition("firm.door", Kind.SECRET, _("Door"))
    find, names = settings_table.find, settings_table.names()
    monkeypatch.setattr(settings_table, "names", lambda: [*names, door.name])
    monkeypatch.setattr(
        settings_table, "find", lambda name: door if name == door.name else find(name)
    )
    token = owner.token("/admin")
    end_sessions(app)
    data = {"csrf_token": token, "firm.name": "Lumen", "firm.door": "sesame"}
    page = owner.http.post("/admin/settings/firm", data=data)
    assert kept_fields(page) == {"firm.name": "Lumen"}


def test_an_invalid_referrer_is_ignored(app: Panel, owner: Browser, shop: dict[str, str]) -> None:
    token = owner.token("/admin")
    end_sessions(app)
    asked = owner.http.post(
        f"/admin/services/{shop['service']}/create",
        data={"csrf_token": token},
        headers={"Referer": "http://["},
    )
    assert asked.status_code == 401


@pytest.mark.parametrize("draft", ["x", "", "gAAAAA" * 1000, "x" * 300_000])
def test_a_forged_draft_is_ignored(app: Panel, owner: Browser, draft: str) -> None:
    owner.post("/admin/signout")
    data = {"email": "owner@panel.test", "password": PASSWORD, "draft": draft}
    assert owner.post("/admin/signin", data).location == "/admin"


def test_a_button_leads_back_to_its_page(app: Panel, owner: Browser, shop: dict[str, str]) -> None:
    token, page = owner.token("/admin"), f"/admin/services/{shop['service']}"
    end_sessions(app)
    asked = owner.http.post(
        page + "/create",
        data={"csrf_token": token},
        headers={"Referer": f"http://localhost{page}"},
    )
    assert answer(owner, asked, "owner@panel.test").location.startswith(page)


def test_a_sign_in_page_of_another_tab_still_works(app: Panel, owner: Browser) -> None:
    owner.post("/admin/signout")
    token = owner.token("/admin")
    data = {"csrf_token": token, "email": "owner@panel.test", "password": PASSWORD}
    assert owner.http.post("/admin/signin", data=data).status_code == 302
    assert owner.http.post("/admin/signin", data=data).location == "/admin"
    owner.post("/admin/signout")
    retry = owner.http.post("/admin/signin", data=data)
    assert retry.status_code == 400 and "Sign in again" in retry.text
    assert 'value="owner@panel.test"' in retry.text and PASSWORD not in retry.text


def test_background_requests_get_401(app: Panel, owner: Browser) -> None:
    end_sessions(app)
    answer = owner.http.post(NEW, headers={"HX-Request": "true"})
    assert answer.status_code == 401 and "<form" not in answer.text
