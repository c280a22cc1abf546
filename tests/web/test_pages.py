"""Staff pages: rendering, number of queries, invalid forms and bulk actions."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.db import session, transaction
from puqpanel.models import Audit, Client, ModuleLog, Product, Service, Task, TaskAttempt
from puqpanel.operations.provisioning import services
from puqpanel.operations.system import audit
from puqpanel.web import errors
from tests.web.conftest import PASSWORD, Browser

LISTS = (
    "/admin/clients/",
    "/admin/services/",
    "/admin/products/",
    "/admin/tasks/",
    "/admin/module-log/",
    "/admin/activity/",
)


@pytest.fixture
def task(app: Panel, shop: dict[str, str]) -> str:
    """A failed task with a module log entry."""
    with app.app_context(), transaction() as current:
        row = Task(
            job="ModuleJob",
            queue="Module",
            title="Create",
            status="failed",
            subject_type="service",
            subject_uuid=shop["service"],
            attempt=1,
            note="It answered 500.",
            data={"method": "create_job", "password": "hunter2"},
        )
        current.add(row)
        current.flush()
        current.add(
            TaskAttempt(
                task_id=row.id, number=1, owner="w1", outcome="failed", message="It answered 500."
            )
        )
        current.add(
            ModuleLog(
                type="Product",
                name="Cloud",
                level="error",
                action="POST /accounts",
                request='{"a": 1}',
                response="<b>500</b>",
                task_id=row.id,
                service_uuid=shop["service"],
            )
        )
        return row.uuid


@pytest.mark.parametrize(
    "path",
    [
        "/admin/",
        "/admin/clients/",
        "/admin/clients/new",
        "/admin/clients/{client}",
        "/admin/clients/{client}/edit",
        "/admin/clients/{client}/users/new",
        "/admin/services/",
        "/admin/services/?tab=failed&q=x&pick=product",
        "/admin/services/new?client={client}",
        "/admin/services/{service}",
        "/admin/services/{service}/edit",
        "/admin/services/{service}/settings",
        "/admin/services/{service}/terminate",
        "/admin/services/{service}/suspend",
        "/admin/services/{service}/package",
        "/admin/services/{service}/live",
        "/admin/products/",
        "/admin/products/new",
        "/admin/products/{product}",
        "/admin/products/{product}/edit",
        "/admin/products/{product}/settings",
        "/admin/products/{product}/prices",
        "/admin/products/{product}/options",
        "/admin/product-groups/",
        "/admin/product-groups/new",
        "/admin/options/",
        "/admin/options/new",
        "/admin/tasks/",
        "/admin/tasks/{task}",
        "/admin/tasks/{task}/live",
        "/admin/modules/",
        "/admin/module-log/",
        "/admin/module-log/1",
        "/admin/staff/",
        "/admin/staff/new",
        "/admin/staff/roles",
        "/admin/staff/roles/new",
        "/admin/search/",
        "/admin/search/?q=berg",
        "/admin/health/",
        "/admin/activity/",
        "/admin/activity/1",
        "/admin/activity/?about=service&pick=by",
        "/admin/search/?q=%25%00",
    ],
)
def test_each_page_opens(owner: Browser, shop: dict[str, str], task: str, path: str) -> None:
    answer = owner.get(path.format(task=task, **shop))
    assert answer.status_code == 200, answer.text
    assert "None<" not in answer.text


@pytest.mark.parametrize("path", LISTS)
def test_a_list_takes_four_queries_regardless_of_its_size(
    app: Panel,
    owner: Browser,
    shop: dict[str, str],
    task: str,
    path: str,
    counted: Callable[[], list[str]],
) -> None:
    owner.get(path)
    app.extensions.pop("puqpanel-attention", None)
    counted()
    owner.get(path)
    few = counted()
    with app.app_context(), transaction() as current:
        client, product = (
            current.scalars(sa.select(Client)).first(),
            current.scalars(sa.select(Product)).first(),
        )
        assert client is not None and product is not None
        current.add_all(
            Service(client_id=client.id, product_id=product.id, name=f"s{i}") for i in range(120)
        )
        current.add_all(Client(name=f"c{i}", email=f"c{i}@x.test") for i in range(120))
    app.extensions.pop("puqpanel-attention", None)
    counted()
    answer = owner.get(path + "?size=100")
    assert answer.status_code == 200
    many = counted()
    assert len(few) <= 4, few
    assert len(many) <= 4, many


def test_a_detail_page_takes_six_queries(
    app: Panel, owner: Browser, shop: dict[str, str], task: str, counted: Callable[[], list[str]]
) -> None:
    path = f"/admin/services/{shop['service']}"
    owner.get(path)
    app.extensions.pop("puqpanel-attention", None)
    counted()
    owner.get(path)
    taken = counted()
    assert len(taken) <= 6, taken


@pytest.mark.parametrize("path", [*LISTS, "/admin/staff/"])
def test_each_list_as_csv(owner: Browser, shop: dict[str, str], task: str, path: str) -> None:
    answer = owner.get(path + "?format=csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["Content-Disposition"]
    assert len(answer.text.splitlines()) >= 2
    assert answer.data.startswith(b"\xef\xbb\xbf"), (
        "without a mark, spreadsheets misread the umlauts"
    )


def test_an_invalid_form_returns_422_and_keeps_the_input(owner: Browser) -> None:
    answer = owner.post(
        "/admin/clients/new",
        {"name": "Kept Name", "email": "no address", "currency": "EUR", "country": "NOR"},
    )
    assert answer.status_code == 422
    assert 'value="Kept Name"' in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert 'href="#country"' in answer.text


def test_an_operation_error_is_shown_at_its_field(owner: Browser) -> None:
    answer = owner.post(
        "/admin/clients/new", {"name": "A", "email": "no address", "currency": "EUR"}
    )
    assert answer.status_code == 422
    assert "Enter a valid e-mail address." in answer.text
    assert 'id="email-e"' in answer.text


def test_the_whole_workflow_with_forms(app: Panel, owner: Browser) -> None:
    response = owner.post(
        "/admin/clients/new",
        {
            "name": "New Client",
            "email": "new@example.test",
            "currency": "EUR",
            "user_password": PASSWORD,
        },
    )
    assert response.status_code == 302
    client = response.location.rpartition("/")[2]
    product = owner.post(
        "/admin/products/new",
        {
            "name": "Web",
            "price": "5.50",
            "currency": "EUR",
            "period": "monthly",
            "module": "",
            "active": "y",
        },
    ).location.rpartition("/")[2]
    page = owner.get(f"/admin/services/new?client={client}&product={product}").text
    offer = re.search(rf'<option selected value="({product}/[0-9a-f-]+)">', page)
    assert offer
    service = owner.post(
        "/admin/services/new", {"client": client, "product": offer[1], "name": "new.example"}
    )
    assert service.status_code == 302
    page = owner.get(service.location)
    assert "new.example added" in page.text
    assert "5.50\u00a0€" in page.text
    customer = Browser(app).sign_in("new@example.test", "/client")
    assert "new.example" in customer.get("/client/").text


def test_termination_requires_the_name(app: Panel, owner: Browser, shop: dict[str, str]) -> None:
    path = f"/admin/services/{shop['service']}/terminate"
    assert owner.post(path, {"typed": "berg"}).status_code == 422
    answer = owner.post(path, {"typed": "berg.example"})
    assert answer.status_code == 302


def test_staff_provision_a_service_without_a_module(
    app: Panel, owner: Browser, shop: dict[str, str]
) -> None:
    path = f"/admin/services/{shop['service']}"
    states = []
    for verb, data in (
        ("create", {}),
        ("suspend", {"reason": "Unpaid"}),
        ("unsuspend", {}),
        ("terminate", {"typed": "berg.example"}),
    ):
        assert f"{path}/{verb}" in owner.get(path).text
        assert owner.post(f"{path}/{verb}", data).status_code == 302
        with app.app_context():
            service = services.find_service(shop["service"])
            states.append((service.status, service.provision_status))
    assert states == [
        ("active", "completed"),
        ("suspended", "suspended"),
        ("active", "completed"),
        ("terminated", "terminated"),
    ]


def test_default_validator_messages_are_reworded(owner: Browser) -> None:
    page = owner.post("/admin/staff/roles/new", {"name": "x" * 101}).text
    assert "Use at most 100 characters." in page and "Field cannot" not in page


def test_customers_see_the_product_once_and_the_price_with_its_period(
    app: Panel, shop: dict[str, str]
) -> None:
    page = Browser(app).sign_in("anna@example.test", "/client").get("/client/").text
    assert '<span class="sub clip hi">Web S</span>' in page and re.search(
        r"4\.90\xa0€ <span class=\"mut\">/ month</span>", page
    )


def test_a_second_retry_is_not_an_error(
    app: Panel, owner: Browser, shop: dict[str, str], task: str
) -> None:
    with app.app_context(), transaction() as current:
        current.execute(sa.update(Task).values(status="queued"))
    for path in (f"/admin/tasks/{task}/retry", f"/admin/services/{shop['service']}/retry"):
        page = owner.get(owner.post(path).location).text
        assert "note-busy" in page and "Already in progress." in page


def test_the_reason_for_a_suspension_is_required_and_shown(
    app: Panel, owner: Browser, shop: dict[str, str]
) -> None:
    path = f"/admin/services/{shop['service']}"
    assert "Reason (optional)" in owner.get(path + "/suspend").text
    with app.app_context(), transaction() as current:
        current.execute(sa.update(Service).values(status="suspended", provision_status="suspended"))
        who: dict[str, Any] = {
            "actor": AUTOMATION,
            "subject_type": "service",
            "subject_uuid": shop["service"],
        }
        audit.record(
            action="service.suspend_requested",
            summary="Suspend asked for: Unpaid since May.",
            after={"reason": "Unpaid since May."},
            **who,
        )
        audit.record(action="service.suspend_succeeded", summary="Suspend: done.", **who)
    page = owner.get(path).text
    assert "Why is its status “Suspended”?" in page and re.search(
        r'class="lead">Unpaid since May\.<', page
    )
    with app.app_context(), transaction() as current:
        current.execute(sa.update(Audit).values(after=None))
    assert "gave no reason" in owner.get(path).text


def test_a_refused_request_is_not_shown_as_failed(
    app: Panel, owner: Browser, shop: dict[str, str]
) -> None:
    with app.app_context(), transaction() as current:
        current.execute(sa.update(Service).values(failure="It was never written."))
        audit.record(
            actor=AUTOMATION,
            action="service.create_refused",
            subject_type="service",
            subject_uuid=shop["service"],
            summary="Create was refused.",
        )
    page = owner.get(f"/admin/services/{shop['service']}").text
    assert "Why was it rejected?" in page and "Why did it fail?" not in page


def test_view_permission_alone_shows_no_actions(clerk: Browser, shop: dict[str, str]) -> None:
    path = f"/admin/services/{shop['service']}"
    assert 'btn-plain">Actions' not in clerk.get(path).text
    assert "tab=cancelled" in clerk.get("/admin/services/").text


def test_bulk_termination_needs_its_own_permission(
    app: Panel, clerk: Browser, shop: dict[str, str]
) -> None:
    answer = clerk.post(
        "/admin/services/bulk", {"do": "terminate", "id": [shop["service"]], "confirmed": "yes"}
    )
    assert answer.status_code == 403


def test_task_secrets_are_masked(owner: Browser, task: str) -> None:
    page = owner.get(f"/admin/tasks/{task}").text
    assert "hunter2" not in page
    assert "create_job" in page


def test_module_output_is_escaped(owner: Browser, task: str) -> None:
    assert "&lt;b&gt;500&lt;/b&gt;" in owner.get("/admin/module-log/1").text


def test_names_are_escaped_everywhere(app: Panel, owner: Browser, shop: dict[str, str]) -> None:
    nasty = "<script>alert(1)</script>"
    with app.app_context():
        services.rename_service(actor=AUTOMATION, uuid=shop["service"], name=nasty)
    for path in (
        "/admin/services/",
        f"/admin/services/{shop['service']}",
        "/admin/search/?q=script",
        f"/admin/clients/{shop['client']}",
    ):
        assert nasty not in owner.get(path).text, path


def test_a_live_fragment_reloads_the_page_when_nothing_runs(
    app: Panel, owner: Browser, shop: dict[str, str]
) -> None:
    path = f"/admin/services/{shop['service']}/live"
    assert owner.get(path).headers["HX-Trigger-After-Settle"] == "pageOutdated"
    with app.app_context(), transaction() as current:
        current.add(
            Task(
                job="ModuleJob",
                queue="Module",
                title="Create",
                status="running",
                subject_type="service",
                subject_uuid=shop["service"],
                data={},
            )
        )
    answer = owner.get(path)
    assert "HX-Trigger-After-Settle" not in answer.headers
    assert 'hx-trigger="every 2s"' in answer.text
    assert 'id="state"' in answer.text and 'hx-swap-oob="true"' in answer.text
    page = owner.get(f"/admin/services/{shop['service']}").text
    assert 'id="state"' in page and "hx-swap-oob" not in page


def test_long_host_names_are_shortened_in_the_middle(
    app: Panel, owner: Browser, shop: dict[str, str]
) -> None:
    with app.app_context(), transaction() as current:
        name = 'www.a-long-name.of-a."host".example'
        current.execute(sa.update(Service).values(name=name))
    page = owner.get("/admin/services/").text
    assert 'data-tail=".example"' in page and "www.a-long-name.of-a.&#34;host&#34;" in page


def test_times_are_in_the_viewers_zone(app: Panel, owner: Browser, shop: dict[str, str]) -> None:
    owner.http.set_cookie("zone", "Pacific/Kiritimati")
    assert "+14" in owner.get(f"/admin/services/{shop['service']}").text
    for odd in ("../../etc/passwd", "Nowhere/Land", "/etc", "x" * 500):
        owner.http.set_cookie("zone", odd)
        assert "UTC" in owner.get(f"/admin/services/{shop['service']}").text


def test_pages_work_without_a_queue_server(
    app: Panel, owner: Browser, shop: dict[str, str]
) -> None:
    from puqpanel.infra import queue

    url = queue.server_url()
    queue.use_server("unix:///nowhere/at/all.sock")
    app.extensions.pop("puqpanel-attention", None)
    try:
        page = owner.get("/admin/services/")
        assert page.status_code == 200
        assert "queue server is unavailable" in page.text
    finally:
        queue.use_server(url)
    with app.app_context():
        assert session().scalar(sa.select(sa.func.count(Service.id))) == 1


@pytest.mark.parametrize("page", ["", "/suspend", "/terminate"])
def test_pages_of_a_service_highlight_services_in_the_sidebar(
    owner: Browser, shop: dict[str, str], page: str
) -> None:
    text = owner.get(f"/admin/services/{shop['service']}{page}").text
    sidebar = text[text.index("<nav") : text.index("</nav>")]
    assert re.findall(r'<a[^>]*href="([^"]+)"[^>]*aria-current="page"', sidebar) == [
        "/admin/services/"
    ]


def test_error_pages_keep_the_navigation(
    clerk: Browser, visitor: Browser, shop: dict[str, str]
) -> None:
    for path, code in [("/admin/nothing", 404), ("/admin/staff/", 403), ("/admin/services/x", 404)]:
        answer = clerk.get(path)
        assert (answer.status_code, 'id="side"' in answer.text) == (code, True), path
        assert 'aria-label="Main"' in answer.text and answer.text.count("<h1") == 1
    assert 'id="side"' not in visitor.get("/admin/nothing").text
    customer = visitor.sign_in("anna@example.test", "/client")
    answer = customer.get("/client/services/00000000-0000-0000-0000-000000000000")
    assert (answer.status_code, 'class="topnav"' in answer.text) == (404, True)


def test_an_error_page_is_shown_without_navigation_if_that_fails(
    owner: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(errors.LAYOUTS, "admin", "missing.html")
    answer = owner.get("/admin/nothing")
    assert (answer.status_code, "Page not found" in answer.text) == (404, True)
