"""The whole workflow, from sign-in to a provisioned service, and accessibility."""

from __future__ import annotations

import re

import axe_core_python.sync_playwright as axe
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import TOKEN, Panel

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
PASSWORD = "a-long-password"


def test_create_reaches_the_provider_and_the_customer(
    panel: Panel, staff: Page, another: BrowserContext
) -> None:
    page = staff
    page.goto(f"{panel.address}/admin/modules/")
    page.get_by_role("row", name=re.compile("My Cloud Service")).get_by_role(
        "button", name="Activate"
    ).click()
    expect(page.get_by_role("row", name=re.compile("My Cloud Service"))).to_contain_text("Active")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Servers").click()

    page.goto(f"{panel.address}/admin/modules/Product/MyCloudService/servers/add")
    for name, value in {
        "name": "Demo cloud",
        "group_name": "Demo",
        "host": "127.0.0.1",
        "port": str(panel.cloud_port),
        "api_key": TOKEN,
    }.items():
        page.fill(f"input[name={name}]", value)
    page.uncheck("input[name=ssl]")
    page.check("input[name=active]")
    page.get_by_role("button", name="Save server").click()
    expect(page.get_by_role("main")).to_contain_text("Demo cloud")

    page.goto(f"{panel.address}/admin/products/new")
    page.fill("input[name=name]", "Cloud 10")
    page.select_option("select[name=module]", label="My Cloud Service")
    page.fill("input[name=price]", "9.90")
    page.get_by_role("button", name="Add product").click()
    page.fill("input[name=server_location]", "eu-west")
    page.select_option("select[name=plan_type]", "basic")
    page.fill("input[name=disk_space]", "10")
    page.fill("input[name=bandwidth]", "100")
    page.get_by_role("button", name="Save settings").click()
    expect(page.locator("input[name=disk_space]")).to_have_value("10")

    page.goto(f"{panel.address}/admin/clients/new")
    page.fill("input[name=name]", "Lumen Atelier")
    page.fill("input[name=email]", "astrid@lumen.test")
    page.fill("input[name=user_password]", PASSWORD)
    page.get_by_role("button", name="Add client").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Lumen Atelier")

    page.goto(f"{panel.address}/admin/services/new")
    page.get_by_role("searchbox", name="Find a client").press_sequentially("lumen at")
    page.get_by_role("radio", name=re.compile("Lumen Atelier")).check()
    page.select_option(
        "select[name=product]", label=re.compile("Cloud 10").pattern + ", €9.90 / month"
    )
    page.fill("input[name=name]", "lumen.example")
    page.get_by_role("button", name="Add service").click()
    page.fill("input[name=domain]", "lumen.example")
    page.fill("input[name=username]", "lumen")
    page.fill("input[name=password]", "Secret-canary-42")
    page.get_by_role("button", name="Save settings").click()
    service = page.url.split("?")[0].split("#")[0].rstrip("/")
    uuid = service.rsplit("/", 1)[1]

    page.get_by_role("button", name="Create", exact=True).click()
    state = page.get_by_role("region", name="Status")
    expect(state).to_contain_text("Active", timeout=30_000)  # the page finds out by itself
    expect(state).to_contain_text("Completed")
    expect(page.get_by_role("main")).not_to_contain_text("Secret-canary-42")

    customer = panel.watch(another.new_page())
    panel.sign_in(customer, "/client", "astrid@lumen.test", PASSWORD)
    customer.goto(f"{panel.address}/client/services/{uuid}")
    expect(customer.get_by_role("heading", level=1)).to_contain_text("lumen.example")
    assert "Secret-canary-42" not in customer.content()
    customer.get_by_role("button", name="Show password").click()
    expect(customer.get_by_role("textbox", name="Password")).to_have_value("Secret-canary-42")
    customer.get_by_role("link", name="File Manager").click()
    expect(customer.get_by_role("main")).to_contain_text("readme.txt")
    customer.get_by_role("link", name="Statistics").click()
    expect(customer.get_by_role("main").locator("svg").first).to_be_visible()
    assert panel.complaints == []

    page.goto(service)
    page.locator("summary", has_text="Actions").click()
    page.get_by_role("link", name=re.compile("^Suspend")).click()
    page.get_by_role("button", name=re.compile("^Suspend")).click()
    expect(state).to_contain_text("Suspended", timeout=30_000)

    # what is being typed is not lost when a task ends
    page.goto(service)
    with panel.paused_workers():
        page.get_by_role("button", name="Unsuspend", exact=True).click()
        expect(page.locator("#live")).to_contain_text("Live")
        page.fill("input[name=password]", "being-typed")
    expect(state).to_contain_text("Active", timeout=30_000)
    expect(page.locator("#live")).not_to_contain_text("Live")
    expect(page.locator("input[name=password]")).to_have_value("being-typed")


PAGES = [
    "/admin",
    "/admin/services/",
    "/admin/modules/",
    "/admin/tasks/",
    "/admin/clients/",
    "/admin/products/",
    "/admin/module-log/",
    "/admin/staff/",
]


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
def test_pages_are_accessible_and_do_not_overflow(
    panel: Panel, browser: Browser, theme: str, width: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)  # type: ignore[arg-type]
    context.add_cookies([{"name": "theme", "value": theme, "url": panel.address}])
    page = panel.watch(context.new_page())
    problems = []
    for path in ("/admin/signin", "/client/signin", *PAGES):
        if path == PAGES[0]:
            panel.sign_in(page, "/admin", panel.email, panel.password)
        page.goto(panel.address + path)
        wide = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        if wide > 0:
            problems.append((path, f"{wide} px too wide"))
        # injected by the debugger, to which the policy does not apply
        report = axe.Axe().run(page)
        problems.extend(
            (path, each["id"], [node["html"][:120] for node in each["nodes"]][:3])
            for each in report["violations"]
        )
    context.close()
    assert problems == []
    assert panel.complaints == []
