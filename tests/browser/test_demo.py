"""The demo in Chromium: polling, use without scripts, and accessibility."""

from __future__ import annotations

import re
from collections.abc import Callable

import axe_core_python.sync_playwright as axe
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Demo

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def sign_in(demo: Demo, page: Page, who: str) -> Page:
    """Sign in as staff, or as the user with this e-mail address."""
    demo.sign_in(page, "/admin" if who == demo.email else "/client", who, demo.passwords[who])
    return page


def open_service(demo: Demo, page: Page, name: str) -> str:
    """Open the staff page of a service and return its UUID."""
    page.goto(f"{demo.address}/admin/services/?q={name}")
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    return page.url.rsplit("/", 1)[1]


def test_pages_poll_only_while_a_task_is_open(demo: Demo, browser: Browser) -> None:
    context = browser.new_context()
    page = sign_in(demo, demo.watch(context.new_page()), demo.email)
    asked: list[str] = []
    page.on(
        "request",
        lambda request: asked.append(request.url) if request.url.endswith("/live") else None,
    )
    open_service(demo, page, "staging.lumen.example")
    page.wait_for_timeout(3000)
    assert asked == []
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("region", name="Status")).to_contain_text("Completed", timeout=30_000)
    page.wait_for_timeout(1000)
    asked.clear()
    page.wait_for_timeout(5000)
    assert asked == [], "nothing runs any more"
    context.close()


def test_the_whole_workflow_without_scripts(demo: Demo, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = sign_in(demo, context.new_page(), demo.email)
    page.goto(f"{demo.address}/admin/services/new")
    page.fill("input[name=find]", "lumen")
    page.fill("input[name=name]", "plain.lumen.example")
    page.get_by_role("button", name="Find", exact=True).click()
    expect(page.locator("input[name=name]")).to_have_value("plain.lumen.example")
    page.get_by_role("radio", name=re.compile("Lumen Labs")).check()
    page.select_option("select[name=product]", index=1)
    page.get_by_role("button", name="Add service").click()
    page.get_by_role("link", name="Open module settings").click()
    page.fill("input[name=ip_address]", "nowhere")
    page.get_by_role("button", name="Save settings").click()
    expect(page.get_by_role("alert")).to_contain_text("2 fields need attention.")
    expect(page.locator("input[name=ip_address]")).to_have_value("nowhere")
    page.fill("input[name=ip_address]", "")
    page.fill("input[name=domain]", "plain.lumen.example")
    page.get_by_role("button", name="Save settings").click()
    page.get_by_role("button", name="Create", exact=True).click()
    # the page refreshes itself
    expect(page.get_by_role("region", name="Status")).to_contain_text("Completed", timeout=30_000)
    page.locator("summary", has_text="Actions").click()
    page.get_by_role("link", name=re.compile("^Terminate")).click()
    page.fill("input[name=typed]", "plain.lumen.example")
    page.get_by_role("button", name="Terminate service").click()
    expect(page.get_by_role("region", name="Status")).to_contain_text("Terminated", timeout=30_000)
    context.close()


def test_the_failed_demo_service_explains_the_error_and_can_be_retried(
    demo: Demo, browser: Browser
) -> None:
    context = browser.new_context()
    page = sign_in(demo, demo.watch(context.new_page()), demo.email)
    page.goto(f"{demo.address}/admin")
    row = page.get_by_role("row", name=re.compile("photos.nowak.example"))
    expect(row).to_contain_text("belongs to another account")
    expect(row.get_by_role("button", name="Retry")).to_be_visible()
    customer = sign_in(demo, browser.new_page(), "tomasz@example.test")
    customer.get_by_role("link", name="photos.nowak.example", exact=True).click()
    expect(customer.get_by_role("main")).to_contain_text("We're working on it")
    expect(customer.get_by_role("main")).not_to_contain_text("another account")
    customer.context.close()
    open_service(demo, page, "photos.nowak.example")
    page.fill("input[name=username]", "nowak-photos")
    page.get_by_role("button", name="Save settings").click()
    page.get_by_role("button", name="Retry: Create").click()
    expect(page.get_by_role("region", name="Status")).to_contain_text("Completed", timeout=30_000)
    context.close()


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
def test_pages_are_accessible_and_do_not_overflow(
    demo: Demo, browser: Browser, theme: str, width: int
) -> None:
    problems: list[tuple[object, ...]] = []

    def someone(who: str) -> tuple[Page, Callable[[str], None]]:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)  # type: ignore[arg-type]
        context.add_cookies([{"name": "theme", "value": theme, "url": demo.address}])
        page = sign_in(demo, demo.watch(context.new_page()), who)

        def look(what: str) -> None:
            page.wait_for_timeout(300)  # the module's form is loaded as a fragment
            wide = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            if wide > 0:
                problems.append((what, f"{wide} px too wide"))
            report = axe.Axe().run(page)
            problems.extend(
                (what, each["id"], [node["html"][:120] for node in each["nodes"]][:3])
                for each in report["violations"]
            )

        return page, look

    page, look = someone(demo.email)
    page.goto(f"{demo.address}/admin")
    expect(page.get_by_role("main").get_by_text("Failed provisioning").first).to_be_visible()
    for link in page.locator("table a.name").all():
        assert link.is_visible()
        assert (link.bounding_box() or {"width": 0})["width"] > 40, (
            "the name of what failed can be read at any width"
        )
    look("dashboard")
    for name in ("berg-design.example", "old.berg-design.example", "new.berg-design.example"):
        open_service(demo, page, name)
        look(name)
    page.goto(f"{demo.address}/admin/products/")
    page.get_by_role("link", name="Cloud Basic").click()
    page.locator("input[name=disk_space]").wait_for()
    look("product")
    page.fill("input[name=disk_space]", "-1")
    page.get_by_role("button", name="Save settings").click()
    expect(page.locator("input[name=disk_space]")).to_have_attribute("aria-invalid", "true")
    look("a module's form with an error")
    page.goto(f"{demo.address}/admin/products/")
    page.get_by_role("link", name="Cloud Basic").click()
    page.get_by_role("link", name="Prices", exact=True).click()
    page.locator("[name=monthly-EUR-recurring]").fill("a lot")
    page.get_by_role("button", name="Save prices").click()
    expect(page.locator("[name=monthly-EUR-recurring]")).to_have_value("a lot")
    look("prices with an error")
    page.get_by_role("link", name="Options", exact=True).click()
    look("options of a product")
    for path in ("product-groups/", "options/"):
        page.goto(f"{demo.address}/admin/{path}")
        look(path)
    page.goto(f"{demo.address}/admin/services/new")
    page.get_by_role("button", name="Add service").click()
    expect(page.get_by_role("alert")).to_contain_text("fields need attention")
    look("our form with errors")
    for path in ("activity/", "activity/1", "tasks/", "health/", "nothing-here"):
        page.goto(f"{demo.address}/admin/{path}")
        look(path)
    page.context.close()

    page, look = someone("anna@example.test")
    for name in ("berg-design.example", "old.berg-design.example", "new.berg-design.example"):
        page.goto(f"{demo.address}/client")
        page.get_by_role("link", name=name, exact=True).click()
        look(f"customer's {name}")
        for tab in (
            page.get_by_role("navigation", name="Service").get_by_role("link").all_text_contents()
        ):
            page.get_by_role("navigation", name="Service").get_by_role(
                "link", name=tab, exact=True
            ).click()
            page.wait_for_load_state()
            look(f"customer's {tab}")
    page.context.close()
    assert problems == []
    assert [one for one in demo.complaints if "422" not in one and "404" not in one] == []
