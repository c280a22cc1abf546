"""Every endpoint declares who may open it and enforces that, with all modules active."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from werkzeug.routing import Rule

from puqpanel.app import Panel
from puqpanel.domain.permissions import CLIENT_KEYS
from puqpanel.domain.principals import AUTOMATION, Principal, PrincipalKind
from puqpanel.infra.settings import Settings
from puqpanel.live import Live, dismantle
from puqpanel.operations.accounts import clients, staff
from puqpanel.web import guard
from puqpanel.web.guard import Access, Area
from tests.sample import PASSWORD, activate, make_client, make_service

STRANGE = "00000000-0000-4000-8000-000000000000"
SIGN_IN = ("/admin/signin", "/client/signin")
# external services have no session: the module checks a signature instead
WEBHOOKS = ("/webhooks/<type>/<name>", "/webhooks/<type>/<name>/<uuid>")


class People:
    """Browsers of a visitor, a user, staff without permissions, and an owner."""

    def __init__(self, app: Panel) -> None:
        self.app = app
        self.nobody = app.test_client()
        self.customer = app.test_client()
        self.powerless = app.test_client()
        self.owner = app.test_client()

    def token(self, browser: object, area: str) -> str:
        page = browser.get(f"{area}/signin", follow_redirects=True).text  # type: ignore[attr-defined]
        match = re.search(r'name="csrf[-_]token"[^>]*?(?:value|content)="([^"]+)"', page)
        assert match
        return match[1]

    def sign_in(self, browser: object, area: str, email: str) -> None:
        answer = browser.post(
            f"{area}/signin",
            data={"csrf_token": self.token(browser, area), "email": email, "password": PASSWORD},
        )  # type: ignore[attr-defined]
        assert answer.status_code == 302, answer.text


@pytest.fixture
def people(settings: Settings) -> Iterator[People]:
    """A panel with both modules active, and one browser per kind of person."""
    live = Live(settings)
    with live.ensure().app_context():
        for name in ("PuqNextcloud", "MyCloudService"):
            activate(live.ensure(), AUTOMATION, name)
        make_client(AUTOMATION, "Lumen", "astrid@lumen.test")
        staff.create_staff(
            actor=AUTOMATION, email="owner@panel.test", name="Owner", password=PASSWORD
        )
        role = staff.save_role(actor=AUTOMATION, uuid=None, name="Nothing", permissions=[])
        staff.create_staff(
            actor=AUTOMATION,
            email="powerless@panel.test",
            name="Powerless",
            password=PASSWORD,
            role_uuids=[role.uuid],
        )
    app = live.ensure()
    browsers = People(app)
    browsers.sign_in(browsers.customer, "/client", "astrid@lumen.test")
    browsers.sign_in(browsers.powerless, "/admin", "powerless@panel.test")
    browsers.sign_in(browsers.owner, "/admin", "owner@panel.test")
    yield browsers
    dismantle(app)


def walk(app: Panel) -> Iterator[tuple[Rule, Access, str, str]]:
    """Yield every rule with its declaration, a method, and a URL with unknown IDs."""
    for rule in app.url_map.iter_rules():
        need = guard.declared(app.view_functions[rule.endpoint])
        assert need is not None, rule.endpoint
        for method in sorted((rule.methods or set()) & {"GET", "POST", "PUT", "DELETE"}):
            path = re.sub(r"<any\(\W*(\w+)[^>]*>", r"\1", re.sub(r"<int[^>]*>", "1", rule.rule))
            yield rule, need, method, re.sub(r"<[^>]+>", STRANGE, path)


def test_every_endpoint_declares_who_may_open_it(people: People) -> None:
    known = {
        Area.PUBLIC: set(),
        Area.STAFF: {each.key for each in staff.all_permissions()},
        Area.CLIENT: set(CLIENT_KEYS),
    }
    for rule, need, method, _ in walk(people.app):
        assert known[need.area].issuperset(need.required(method)), (rule.rule, need)


def test_the_public_endpoints_are_listed(people: People) -> None:
    assert sorted(
        {
            rule.rule
            for rule, need, _, _ in walk(people.app)
            if need.area is Area.PUBLIC and "static" not in rule.rule and "asset" not in rule.rule
        }
    ) == sorted(
        {
            "/",
            "/health",
            "/metrics",
            "/favicon.ico",
            "/brand.css",
            "/brand/logo",
            "/shop/",
            "/shop/<slug>",
            "/documents/<uuid>/<token>/",
            "/documents/<uuid>/<token>/pdf",
            "/documents/<uuid>/<token>/ubl",
            "/offers/<token>/",
            "/offers/<token>/accept",
            "/offers/<token>/decline",
            "/client/invitations/<token>/",
            "/client/invitations/<token>/accept",
            "/shop/<slug>/price",
            "/shop/cart/",
            "/shop/cart/add",
            "/shop/cart/change",
            "/shop/cart/coupon",
            "/shop/embed/prices",
            "/shop/embed/prices.json",
            *WEBHOOKS,
            "/admin/language",
            "/client/language",
            "/admin/signin",
            "/client/signin",
            "/client/register",
            "/admin/signout",
            "/client/signout",
        }
    )


def test_endpoints_require_sign_in(people: People) -> None:
    token = people.token(people.nobody, "/admin")
    wrong = []
    for rule, need, method, path in walk(people.app):
        if need.area is Area.PUBLIC:
            continue
        answer = people.nobody.open(
            path, method=method, data={"csrf_token": token} if method != "GET" else None
        )
        good = (
            answer.status_code == 302
            and any(page in answer.headers["Location"] for page in SIGN_IN)
        ) or answer.status_code in (400, 401, 403, 404, 405)
        if not good or (method == "GET" and answer.status_code not in (302, 401, 404)):
            wrong.append((rule.endpoint, method, answer.status_code))
    assert wrong == []


def test_endpoints_require_the_area_and_the_permission(
    people: People,
) -> None:
    tokens = {
        "/admin": people.token(people.powerless, "/admin"),
        "/client": people.token(people.customer, "/client"),
    }
    wrong = []
    for rule, need, method, path in walk(people.app):
        if need.area is not Area.STAFF or not need.permissions:
            continue
        as_customer = people.customer.open(
            path, method=method, data={"csrf_token": tokens["/client"]} if method != "GET" else None
        )
        if as_customer.status_code not in (302, 400, 401, 403):
            wrong.append(("customer", rule.endpoint, method, as_customer.status_code))
        as_staff = people.powerless.open(
            path, method=method, data={"csrf_token": tokens["/admin"]} if method != "GET" else None
        )
        if as_staff.status_code != 403:
            wrong.append(("staff", rule.endpoint, method, as_staff.status_code))
    assert wrong == []


def test_posts_require_a_csrf_token(people: People) -> None:
    wrong = []
    for rule, need, method, path in walk(people.app):
        if method == "GET" or rule.rule in WEBHOOKS:
            continue
        browser = (
            people.customer
            if need.area is Area.CLIENT or rule.rule.startswith("/client")
            else people.owner
        )
        answer = browser.open(path, method=method)
        if path.endswith("/signin") and answer.status_code == 302:
            assert browser.get(path.removesuffix("/signin") + "/").status_code == 200
            continue  # signed in already, in another tab
        if answer.status_code not in (400, 403):
            wrong.append((rule.endpoint, method, answer.status_code))
    assert wrong == []


def test_missing_rows_return_404(people: People) -> None:
    wrong = []
    for rule, need, method, path in walk(people.app):
        if method != "GET" or STRANGE not in path or need.area is Area.PUBLIC:
            continue
        browser = people.customer if need.area is Area.CLIENT else people.owner
        if browser.get(path).status_code != 404:
            wrong.append((rule.endpoint, browser.get(path).status_code))
    assert wrong == []


def test_services_of_other_clients_return_404(people: People) -> None:
    actor = Principal(PrincipalKind.STAFF, None, "A test", permissions=frozenset({"*"}))
    with people.app.app_context():
        other = clients.create_client(
            actor=actor, name="Other", email="other@else.test", user_password=PASSWORD
        )
        service = make_service(actor, "Product/MyCloudService", client=other)
        uuid = service.uuid
    token = people.token(people.customer, "/client")
    tried = 0
    for rule, need, method, _ in walk(people.app):
        if need.area is not Area.CLIENT or "uuid" not in rule.rule:
            continue
        path = re.sub(r"<[^>]*uuid[^>]*>", uuid, rule.rule)
        for tab in ("general", "files", "statistics"):
            answer = people.customer.open(
                re.sub(r"<[^>]+>", tab, path),
                method=method,
                data={"csrf_token": token} if method != "GET" else None,
            )
            tried += 1
            assert answer.status_code == 404, (rule.rule, method, answer.status_code)
    assert tried > 3
