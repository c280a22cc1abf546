"""Access control: every view declares who may open it, and the declaration is enforced."""

from __future__ import annotations

import re

import pytest
from flask import Blueprint
from werkzeug.routing import IntegerConverter

from puqpanel.app import Panel
from puqpanel.web.guard import Access, Area, declared
from tests.web.conftest import Browser

pytestmark = pytest.mark.sqlite

UUID = "00000000-0000-4000-8000-000000000000"
AS_JSON = {"Accept": "application/json"}
"""For requests that will be refused: without rendering an error page a thousand times."""


def addresses(app: Panel) -> list[tuple[str, str, Access]]:
    """Return method, URL and declaration of every route, with IDs that do not exist."""
    routes: list[tuple[str, str, Access]] = []
    with app.test_request_context():
        for rule in app.url_map.iter_rules():
            fill = {
                name: 999_999 if isinstance(converter, IntegerConverter) else UUID
                for name, converter in rule._converters.items()
            }
            for name, converter in rule._converters.items():
                if type(converter).__name__ == "AnyConverter":
                    fill[name] = sorted(converter.items)[0]  # type: ignore[attr-defined]
            path = rule.build(fill)[1]  # type: ignore[index]
            need = declared(app.view_functions[rule.endpoint])
            assert need is not None, rule.endpoint
            routes.extend(
                (method, path, need) for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
            )
    return sorted(routes, key=lambda route: route[:2])


def test_every_endpoint_declares_who_may_open_it(app: Panel) -> None:
    silent = [endpoint for endpoint, view in app.view_functions.items() if declared(view) is None]
    assert silent == []


def test_pages_require_sign_in(app: Panel, visitor: Browser) -> None:
    for method, path, need in addresses(app):
        answer = visitor.http.open(path, method=method)
        answer.close()
        if need.area is Area.PUBLIC:
            assert answer.status_code not in (403, 500), (method, path)
        elif method == "GET" and "/api/" not in path:
            assert answer.status_code == 302, (method, path)
            assert "/signin" in answer.location, (method, path)
        else:
            assert answer.status_code in (302, 401), (method, path, answer.status_code)


def test_pages_require_their_permission(app: Panel, clerk: Browser) -> None:
    for method, path, need in addresses(app):
        if need.area is not Area.STAFF or not need.permissions:
            continue
        if "services.view" in need.permissions:
            continue
        answer = clerk.http.open(path, method=method)
        assert answer.status_code == 403, (method, path, need, answer.status_code)


def test_posts_require_a_csrf_token(app: Panel, owner: Browser) -> None:
    for method, path, need in addresses(app):
        # their callers have no page with a token
        if method == "GET" or need.area is Area.CLIENT or path.startswith("/webhooks/"):
            continue
        answer = owner.http.open(path, method=method)
        if path.endswith(("/signin", "/signout")) and answer.status_code == 302:
            assert answer.location in ("/admin", "/client"), path  # to another tab's state
            continue
        assert answer.status_code == 400, (method, path, answer.status_code)
        if path.endswith("/signin"):
            assert "Sign in again" in answer.text
            continue
        assert "form has expired" in answer.text or "message" in (answer.json or {}), path


@pytest.mark.parametrize("path", ["/admin/signin", "/admin/password", "/client/signin"])
def test_pages_show_a_token_of_their_session(visitor: Browser, owner: Browser, path: str) -> None:
    """Other tests make the token themselves."""
    browser = owner if path == "/admin/password" else visitor
    shown = re.search(r'name="csrf_token"[^>]*? value="([^"]+)"', browser.get(path).text)
    assert shown and browser.http.post(path, data={"csrf_token": shown[1]}).status_code == 422
    assert browser.http.post(path, data={"csrf_token": "x"}).status_code == 400


def test_views_without_a_declaration_are_refused(settings: object, app: Panel) -> None:
    late = Blueprint("late", __name__)
    late.add_url_rule("/late", "page", lambda: "seen")
    app.register_blueprint(late)
    assert app.test_client().get("/late").status_code == 403


def test_services_of_other_clients_return_404(app: Panel, shop: dict[str, str]) -> None:
    path = f"/client/services/{shop['service']}"
    assert (
        Browser(app)
        .sign_in("anna@example.test", "/client")
        .get(path, follow_redirects=True)
        .status_code
        == 200
    )
    other = Browser(app)
    with app.app_context():
        from puqpanel.domain.principals import AUTOMATION
        from puqpanel.operations.accounts import clients

        clients.create_client(
            actor=AUTOMATION,
            name="Eve",
            email="eve@example.test",
            user_password="a long enough one",
        )
    other.sign_in("eve@example.test", "/client")
    for address in (
        path,
        path + "/overview",
        path + "/overview/api/get",
        f"/client/services/{UUID}",
    ):
        assert other.get(address).status_code == 404, address


@pytest.mark.parametrize("path", ["/admin/clients/", "/admin/tasks/", "/admin/staff/"])
def test_the_sidebar_shows_what_the_role_allows(clerk: Browser, path: str) -> None:
    page = clerk.get("/admin/").text
    assert f'href="{path}"' not in page
    assert 'href="/admin/services/"' in page
