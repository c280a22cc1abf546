"""Pages that show how services differ from their providers, and the choices of staff."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.db import transaction
from puqpanel.infra.settings import Settings
from puqpanel.live import Live, dismantle
from puqpanel.models import Role, Service
from puqpanel.operations.accounts import staff
from tests.operations.provisioning.provider_file import (
    STAFF,
    audited,
    made_active,
    provider,
    refreshed,
    set_states,
    source,
    states,
    work,
)
from tests.sample import activate, make_service, write_module
from tests.web.conftest import PASSWORD, Browser


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return tmp_path / "book.json"


@pytest.fixture
def settings(settings: Settings, tmp_path: Path, book: Path) -> Settings:
    write_module(tmp_path / "modules", source(book), name="Cloud")
    return replace(settings, modules_dir=tmp_path / "modules")


@pytest.fixture
def app(app: Panel, settings: Settings) -> Iterator[Panel]:
    with app.app_context():
        activate(app, STAFF, "Cloud")
    panel = Live(settings).ensure()
    yield panel
    dismantle(panel)


@pytest.fixture
def service(app: Panel) -> Service:
    with app.app_context():
        return made_active(make_service(STAFF, "Product/Cloud"))


@pytest.fixture
def sign_in(app: Panel) -> Callable[..., Browser]:
    """A function that signs in staff with some permissions."""

    def sign(*permissions: str) -> Browser:
        with app.app_context():
            with transaction() as current:
                current.add(role := Role(name="Some", permissions=[*permissions]))
            for email, roles in (("owner@panel.test", []), ("some@panel.test", [role.uuid])):
                staff.create_staff(
                    actor=AUTOMATION,
                    email=email,
                    name=email,
                    password=PASSWORD,
                    role_uuids=roles or None,
                )
        return Browser(app).sign_in("some@panel.test")

    return sign


def differ(app: Panel, service: Service, book: Path, **answer: object) -> str:
    """Let the provider report something else; return the kind of the difference."""
    provider(book, answer=answer)
    with app.app_context():
        return refreshed(service)


def buttons(page: str) -> list[str]:
    """Return the choices that a page offers."""
    card = page.partition('id="differences"')[2].partition("</section>")[0]
    return re.findall(r"/services/[^/]+/([a-z-]+)\"", card)


def seen(page: str) -> dict[str, str]:
    found = re.search(r'name="seen" value="(\w*)"', page)
    return {"seen": found[1]} if found else {}


def test_refresh_is_a_task_whose_answer_appears_on_the_page(
    app: Panel, owner: Browser, service: Service, book: Path
) -> None:
    at = f"/admin/services/{service.uuid}"
    page = owner.get(at).text
    assert f'action="{at}/refresh"' in page and 'id="differences"' not in page
    provider(book, answer={"exists": False})
    assert owner.post(f"{at}/refresh").location.endswith(at)
    page = owner.get(at).text
    assert "Refresh requested." in page and "hx-trigger" in page
    live = owner.get(f"{at}/live")
    assert "Refresh from provider" in live.text and "HX-Trigger-After-Settle" not in live.headers
    with app.app_context():
        work()
    assert owner.get(f"{at}/live").headers["HX-Trigger-After-Settle"] == "pageOutdated"
    page = owner.get(at).text
    assert "Difference found: Gone." in page and "Compared with the provider" in page
    assert buttons(page) == ["take-over", "create-again"]
    assert owner.get("/admin/services/?status=active").text.count("Gone") == 0


@pytest.mark.parametrize(
    ("answer", "offered"),
    [
        ({"exists": False}, ["take-over", "create-again"]),
        ({"suspended": True}, ["take-over", "push-again"]),
        ({"data": {"ip": "10.0.0.9"}}, ["take-over", "push-again"]),
    ],
)
def test_choices(
    app: Panel,
    owner: Browser,
    service: Service,
    book: Path,
    answer: dict[str, object],
    offered: list[str],
) -> None:
    differ(app, service, book, **answer)
    at = f"/admin/services/{service.uuid}"
    page = owner.get(at).text
    assert buttons(page) == offered
    assert owner.post(f"{at}/{offered[0]}", seen(page)).status_code == 302
    after = owner.get(at).text
    assert "Provider state accepted." in after
    assert buttons(after) == (["create-again"] if "exists" in answer else [])
    again = owner.post(f"{at}/{offered[1]}", seen(page))
    assert again.status_code == 302 and 'role="alert"' in owner.get(at).text, "it is stale"


@pytest.mark.parametrize(
    ("permissions", "offered"),
    [
        (["services.view"], []),
        (["services.view", "services.manage"], []),
        (["services.view", "services.provision"], ["take-over", "push-again"]),
    ],
)
def test_permissions(
    app: Panel,
    service: Service,
    book: Path,
    sign_in: Callable[..., Browser],
    permissions: list[str],
    offered: list[str],
) -> None:
    differ(app, service, book, suspended=True)
    browser = sign_in(*permissions)
    at = f"/admin/services/{service.uuid}"
    page = browser.get(at).text
    assert "Differs from the provider" in page
    assert (buttons(page), f'action="{at}/refresh"' in page) == (offered, bool(offered))
    assert service.name in browser.get("/admin/differences/").text
    for path in ("refresh", "take-over", "push-again", "create-again"):
        answer = browser.post(f"{at}/{path}", seen(page))
        assert answer.status_code == (302 if offered else 403), path
    if not offered:
        with app.app_context():
            assert states(service) == ("active", "completed")


def test_choices_wait_for_an_operation(
    app: Panel, owner: Browser, service: Service, book: Path
) -> None:
    differ(app, service, book, suspended=True)
    at = f"/admin/services/{service.uuid}"
    page = owner.get(at).text
    owner.post(f"{at}/suspend")
    assert (buttons(owner.get(at).text), f'action="{at}/refresh"' in owner.get(at).text) == (
        [],
        False,
    )
    owner.post(f"{at}/take-over", seen(page))
    with app.app_context():
        assert audited("service.taken_over") == []


def test_list_with_both_sides_filter_and_export(
    app: Panel, owner: Browser, service: Service, book: Path
) -> None:
    differ(app, service, book, suspended=True, data={"ip": "10.0.0.9", "api_token": "hidden-1"})
    page = unescape(owner.get("/admin/differences/").text)
    assert [text in page for text in ("IP address", "10.0.0.1", "10.0.0.9", "hidden-1")] == [
        True,
        True,
        True,
        False,
    ]
    for query, found in (
        ("module=Product/Cloud", True),
        ("module=Product/Other", False),
        ("tab=suspended", True),
        ("tab=gone", False),
        (f"q={service.name[:5]}", True),
    ):
        assert (service.uuid in owner.get(f"/admin/differences/?{query}").text) is found, query
    exported = owner.get("/admin/differences/?format=csv").text
    assert "IP address: 10.0.0.9" in exported and "hidden-1" not in exported
    assert "hidden-1" not in owner.get(f"/admin/services/{service.uuid}").text
    app.extensions.pop("puqpanel-attention", None)
    dashboard = owner.get("/admin/").text
    assert re.search(r"Differences.{0,120}>\s*1\s*<", dashboard, re.DOTALL)
    assert "1 service differs from its provider." in owner.get("/admin/health/").text


def test_a_service_whose_module_cannot_be_asked_has_no_refresh(
    app: Panel, owner: Browser, shop: dict[str, str]
) -> None:
    at = f"/admin/services/{shop['service']}"
    with app.app_context(), transaction() as current:
        states = {"status": "active", "provision_status": "completed"}
        current.execute(sa.update(Service).where(Service.uuid == shop["service"]).values(states))
    assert "/refresh" not in owner.get(at).text
    assert owner.post(f"{at}/refresh").status_code == 302
    assert 'role="alert"' in owner.get(at).text


def test_a_service_marked_as_not_found_can_be_created_again(
    app: Panel, owner: Browser, service: Service, book: Path
) -> None:
    provider(book, answer={"exists": False})
    with app.app_context():
        set_states(service, "active", "not_found")
    at = f"/admin/services/{service.uuid}"
    page = owner.get(at).text
    assert buttons(page) == ["create-again"]
    owner.post(f"{at}/create-again", seen(page))
    with app.app_context():
        work()
        assert states(service) == ("active", "completed")


def test_queries(
    app: Panel, owner: Browser, service: Service, book: Path, counted: Callable[[], list[str]]
) -> None:
    differ(app, service, book, suspended=True)
    for path, limit in ((f"/admin/services/{service.uuid}", 6), ("/admin/differences/", 4)):
        owner.get(path)
        app.extensions.pop("puqpanel-attention", None)
        counted()
        owner.get(path)
        taken = counted()
        assert len(taken) <= limit, taken
