"""Over HTTPS, cookies have the prefix `__Host-`, and each area still has a session of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel, create_app
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.db import session
from puqpanel.infra.settings import Settings
from puqpanel.live import dismantle
from puqpanel.models import User
from puqpanel.operations.system import settings as panel_settings
from tests.web.conftest import PASSWORD, Browser

pytestmark = pytest.mark.sqlite

ANNA, OWNER = "anna@example.test", "owner@panel.test"
STAFF, CUSTOMER, VIEW = (f"__Host-panel_{name}" for name in ("staff", "customer", "view"))


@pytest.fixture
def secure(settings: Settings, owner: Browser, shop: dict[str, str]) -> Iterator[Panel]:
    """The panel as the test client reaches it over HTTPS, with its staff and a customer."""
    panel = create_app(replace(settings, overrides={}))
    panel.config["PREFERRED_URL_SCHEME"] = "https"
    yield panel
    dismantle(panel)


def open_browser(panel: Panel) -> Browser:
    browser = Browser(panel)
    browser.http.environ_base["HTTP_REFERER"] = "https://localhost/"
    return browser


def names(browser: Browser) -> set[str]:
    """Return the names of the browser's session cookies."""
    cookies = browser.http._cookies.values()
    assert all(cookie.secure and cookie.path == "/" for cookie in cookies)
    return {cookie.key for cookie in cookies if "device" not in cookie.key}


def test_areas_do_not_share_a_session(secure: Panel) -> None:
    browser = open_browser(secure).sign_in(OWNER)
    assert names(browser) == {STAFF}
    assert browser.get("/admin/").status_code == 200
    assert browser.get("/client/").status_code == 302
    browser.sign_in(ANNA, "/client")
    assert names(browser) == {STAFF, CUSTOMER}
    assert "Hello, Anna" in browser.get("/client/").text
    browser.post("/client/signout")
    assert browser.get("/client/").status_code == 302
    assert browser.get("/admin/").status_code == 200


def test_every_cookie_over_https_has_the_prefix(secure: Panel) -> None:
    data = {"email": OWNER, "password": PASSWORD, "keep": "y"}
    answer = open_browser(secure).post("/admin/signin", data)
    cookies = answer.headers.getlist("Set-Cookie")
    assert {cookie.partition("=")[0] for cookie in cookies} == {
        STAFF,
        "__Host-panel_staff_device",
    }
    for cookie in cookies:
        attributes = set(cookie.split("; ")[1:])
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= attributes
        assert "Domain" not in cookie


def test_a_cookie_of_another_area_or_without_the_prefix_is_not_used(secure: Panel) -> None:
    browser = open_browser(secure).sign_in(OWNER)
    value = browser.http.get_cookie(STAFF).value  # type: ignore[union-attr]
    for name, path in ((CUSTOMER, "/client/"), (VIEW, "/client/"), ("panel_staff", "/admin/")):
        thief = open_browser(secure)
        thief.http.set_cookie(name, value, secure=True)
        assert thief.get(path).status_code in (302, 303), name
    thief = open_browser(secure)
    thief.http.set_cookie(STAFF, value, secure=True)
    assert thief.get("/admin/").status_code == 200


def test_view_as_client_over_https(secure: Panel, shop: dict[str, str]) -> None:
    browser = open_browser(secure).sign_in(OWNER).sign_in(ANNA, "/client")
    with secure.app_context():
        user = session().scalar(sa.select(User.uuid).where(User.email == ANNA))
    browser.post(f"/admin/clients/{shop['client']}/users/{user}/view")
    assert names(browser) == {STAFF, CUSTOMER, VIEW}
    assert "is viewing as Anna Berg" in browser.get("/client/").text
    assert "is viewing as" not in browser.get("/admin/").text
    browser.post("/client/signout")
    assert names(browser) == {STAFF, CUSTOMER}
    assert "Hello, Anna" in browser.get("/client/").text


@pytest.mark.parametrize(
    ("base_url", "chosen", "url", "name"),
    [
        ("https://panel.example", None, "http://panel.example", STAFF),
        ("https://panel.example", None, "http://localhost", STAFF),
        ("https://panel.example", None, "http://192.0.2.7", "panel_staff"),
        ("https://panel.example", None, "https://192.0.2.7", STAFF),
        ("https://panel.example", False, "https://panel.example", "panel_staff"),
        ("http://panel.example", None, "http://panel.example", "panel_staff"),
        ("", True, "http://192.0.2.7", STAFF),
    ],
)
def test_names_follow_the_address(
    settings: Settings, base_url: str, chosen: bool | None, url: str, name: str
) -> None:
    panel = create_app(replace(settings, overrides={}, secure_cookies=chosen))
    values = {"site.base_url": base_url, "site.trusted_hosts": "192.0.2.7" if base_url else ""}
    with panel.app_context():
        panel_settings.save(actor=AUTOMATION, values=values)
    cookie = panel.test_client().get("/admin/signin", base_url=url).headers["Set-Cookie"]
    assert cookie.startswith(f"{name}=")
    assert ("; Path=/;" in cookie) == (name == STAFF) == ("; Path=/admin" not in cookie)
    dismantle(panel)
