"""Sign-in and sign-out, in both areas of one browser at once."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel, create_app
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.db import session
from puqpanel.infra.settings import Settings
from puqpanel.live import dismantle
from puqpanel.models import Audit, Staff
from puqpanel.operations.accounts import staff
from puqpanel.operations.system import settings as panel_settings
from puqpanel.web.answers import same_site
from tests.web.conftest import PASSWORD, Browser


def test_one_browser_in_both_areas(app: Panel, owner: Browser, shop: dict[str, str]) -> None:
    owner.sign_in("anna@example.test", "/client")
    assert owner.get("/admin/").status_code == 200
    assert "Hello, Anna" in owner.get("/client/").text
    answer = owner.post("/client/signout")
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert owner.get("/client/").status_code == 302
    assert owner.get("/admin/").status_code == 200


@pytest.mark.parametrize(
    ("area", "email", "name", "age"),
    [
        ("/admin", "owner@panel.test", "panel_staff", None),
        ("/client", "anna@example.test", "panel_customer", "Max-Age=1209600"),
    ],
)
def test_cookies_are_limited_to_their_area(
    app: Panel,
    owner: Browser,
    shop: dict[str, str],
    area: str,
    email: str,
    name: str,
    age: str | None,
) -> None:
    data = {"email": email, "password": PASSWORD, "keep": "y"}
    answer = Browser(app).post(area + "/signin", data)
    cookie = next(
        value
        for header, value in answer.headers
        if header == "Set-Cookie" and value.startswith(f"{name}=")
    )
    # the shop at /shop reads the cookie of customers too
    assert f"Path={area if area == '/admin' else '/'};" in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert age in cookie if age else "Max-Age" not in cookie


@pytest.mark.parametrize(
    ("saved", "chosen", "url", "secure"),
    [
        ("https://panel.example.com", None, "http://localhost", True),
        ("http://panel.example.com", None, "http://localhost", False),
        ("http://panel.example.com", None, "https://localhost", True),
        ("https://panel.example.com", False, "http://localhost", False),
    ],
)
def test_cookies_are_secure_with_https(
    settings: Settings, saved: str, chosen: bool | None, url: str, secure: bool
) -> None:
    app = create_app(replace(settings, overrides={}, secure_cookies=chosen))
    with app.app_context():
        panel_settings.save(actor=AUTOMATION, values={"site.base_url": saved})
    answer = app.test_client().get("/admin/signin", base_url=url)
    cookies = answer.headers.getlist("Set-Cookie")
    assert [("; Secure" in each) for each in cookies] == [secure]
    dismantle(app)


def test_a_staff_cookie_is_not_valid_in_the_client_area(app: Panel, owner: Browser) -> None:
    stolen = owner.http.get_cookie("panel_staff", path="/admin")
    assert stolen is not None
    thief = app.test_client()
    thief.set_cookie("panel_customer", stolen.value, path="/client")
    assert thief.get("/client/").status_code == 302


def test_a_new_password_ends_all_sessions(app: Panel, owner: Browser) -> None:
    with app.app_context():
        uuid = session().scalar(sa.select(Staff.uuid).where(Staff.email == "owner@panel.test"))
        assert uuid is not None
        staff.set_password(actor=AUTOMATION, uuid=uuid, password="another long one")
    assert owner.get("/admin/").status_code == 302


def test_a_wrong_password_returns_422_without_details(owner: Browser, visitor: Browser) -> None:
    answer = visitor.post("/admin/signin", {"email": "owner@panel.test", "password": "wrong"})
    unknown = visitor.post("/admin/signin", {"email": "nobody@panel.test", "password": "wrong"})
    assert answer.status_code == unknown.status_code == 422
    assert "Incorrect e-mail or password" in answer.text
    assert "Incorrect e-mail or password" in unknown.text
    assert 'value="owner@panel.test"' in answer.text


def test_failed_sign_ins_are_rate_limited(owner: Browser, visitor: Browser) -> None:
    codes = [
        visitor.post(
            "/admin/signin", {"email": f"owner{i % 3}@panel.test", "password": f"wrong {i}"}
        ).status_code
        for i in range(22)
    ]
    assert codes[:20] == [422] * 20
    assert codes[20:] == [429] * 2
    page = visitor.post(
        "/admin/signin", {"email": "typed@panel.test", "password": "wrong wrong"}
    ).text
    assert (
        'value="typed@panel.test"' in page
        and "Too many attempts" in page
        and "Go to the dashboard" not in page
        and "wrong wrong" not in page
    )


def test_successful_sign_ins_are_not_rate_limited(app: Panel, owner: Browser) -> None:
    for _ in range(25):
        Browser(app).sign_in("owner@panel.test")


@pytest.mark.parametrize(
    ("target", "lands"),
    [
        ("/admin/services/?tab=failed", "/admin/services/?tab=failed"),
        ("/admin", "/admin"),
        ("", "/admin"),
        ("//evil.test/admin", "/admin"),
        ("https://evil.test/admin/", "/admin"),
        ("/\\evil.test", "/admin"),
        ("/client/", "/admin"),
        ("/administrator", "/admin"),
        ("/admin/../../evil", "/admin"),
        ("/admin/..", "/admin"),
        ("/admin/%2E%2e/evil", "/admin"),
        ("/admin/.%2e%2fevil", "/admin"),
        ("/admin/a..b?x=/../y", "/admin/a..b?x=/../y"),
        ("//[", "/admin"),
        ("javascript:alert(1)", "/admin"),
        ("/admin/\n//evil.test", "/admin"),
        ("\t//evil.test/admin", "/admin"),
    ],
)
def test_next_stays_in_its_area(target: str, lands: str) -> None:
    assert same_site(target, "/admin") == lands


def test_sign_in_redirects_to_next(app: Panel, owner: Browser) -> None:
    other = Browser(app)
    asked = other.get("/admin/services/?tab=failed")
    assert asked.location == "/admin/signin?next=/admin/services/?tab%3Dfailed"
    token = other.token("/admin")
    answer = other.http.post(
        asked.location,
        data={"csrf_token": token, "email": "owner@panel.test", "password": PASSWORD},
    )
    assert answer.location == "/admin/services/?tab=failed"


@pytest.mark.parametrize("cookie", ["", "x", "a.b.c", "eyJfdXNlcl9pZCI6InN0YWZmOjE6MCJ9.aaaa.bbbb"])
def test_a_forged_cookie_is_ignored(app: Panel, cookie: str) -> None:
    client = app.test_client()
    client.set_cookie("panel_staff", cookie, path="/admin")
    assert client.get("/admin/").status_code == 302


@pytest.mark.parametrize(
    ("area", "email"), [("/admin", "owner@panel.test"), ("/client", "anna@example.test")]
)
def test_staff_and_users_change_their_own_password(
    app: Panel, owner: Browser, shop: dict[str, str], area: str, email: str
) -> None:
    here, elsewhere = Browser(app).sign_in(email, area), Browser(app).sign_in(email, area)
    assert f"{area}/password" in here.get(area + "/").text
    assert here.get(area + "/password").status_code == 200
    fresh = "another good one"
    wrong = here.post(
        area + "/password", {"current": "not this one", "password": fresh, "repeat": fresh}
    )
    assert (
        wrong.status_code == 422
        and "current password is incorrect" in wrong.text
        and fresh not in wrong.text
    )
    assert (
        "t match"
        in here.post(
            area + "/password", {"current": PASSWORD, "password": fresh, "repeat": fresh + "s"}
        ).text
    )
    assert (
        "At least 10"
        in here.post(
            area + "/password", {"current": PASSWORD, "password": "short", "repeat": "short"}
        ).text
    )
    assert (
        "differs from the current one"
        in here.post(
            area + "/password", {"current": PASSWORD, "password": PASSWORD, "repeat": PASSWORD}
        ).text
    )
    assert elsewhere.get(area + "/").status_code == 200
    done = here.post(area + "/password", {"current": PASSWORD, "password": fresh, "repeat": fresh})
    assert done.status_code == 302 and "Password changed." in here.get(done.location).text
    assert elsewhere.get(area + "/").status_code == 302
    assert (
        Browser(app).post(area + "/signin", {"email": email, "password": PASSWORD}).status_code
        == 422
    )
    Browser(app).sign_in(email, area, fresh)
    with app.app_context():
        actions = session().scalars(sa.select(Audit.action)).all()
    kind = "staff" if area == "/admin" else "user"
    assert f"{kind}.password_changed" in actions and f"{kind}.password_refused" in actions


@pytest.mark.parametrize("area", ["/admin", "/client"])
def test_the_sign_in_page_says_whom_to_ask_for_a_new_password(visitor: Browser, area: str) -> None:
    assert "Forgot your password? Ask" in visitor.get(area + "/signin").text


def test_a_cookie_of_the_old_path_does_not_shadow_the_new_one(
    app: Panel, shop: dict[str, str]
) -> None:
    browser = Browser(app)
    browser.http.set_cookie("panel_customer", "x.y.z", path="/client")
    browser.sign_in("anna@example.test", "/client")
    assert "Hello, Anna" in browser.get("/client/").text
