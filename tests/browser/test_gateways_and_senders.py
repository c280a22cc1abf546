"""A gateway and a sender, from creation to a delivered message."""

from __future__ import annotations

import re

import axe_core_python.sync_playwright as axe
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Panel
from tests.fakes.smtp import MailServer

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
LOOKS = [("light", 1440), ("dark", 390)]
SECRET = "sixteen letters, and more"


def problems_of(page: Page, what: str) -> list[object]:
    """Return the layout problems of a page."""
    problems: list[object] = []
    page.emulate_media(
        reduced_motion="reduce"
    )  # transitions would change the colours during the check
    for theme, width in LOOKS:
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate(f"document.documentElement.dataset.bsTheme = '{theme}'")
        wide = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        if wide > 0:
            problems.append((what, width, f"{wide} px too wide"))
        violations = axe.Axe().run(page)["violations"]
        problems.extend(
            (what, theme, each["id"], [node["html"][:120] for node in each["nodes"]][:3])
            for each in violations
        )
    page.set_viewport_size({"width": 1440, "height": 900})
    return problems


def activate(panel: Panel, page: Page, name: str) -> None:
    """Activate a module."""
    page.goto(f"{panel.address}/admin/modules/")
    row = page.get_by_role("row", name=re.compile(name))
    row.get_by_role("button", name="Activate").click()
    expect(page.get_by_role("row", name=re.compile(name))).to_contain_text("Active")


def test_a_gateway(panel: Panel, staff: Page, browser: Browser) -> None:
    page, problems = staff, []
    activate(panel, page, "Sample payment")
    for title in ("Bank transfer", "Second"):
        page.goto(f"{panel.address}/admin/gateways/")
        problems += problems_of(page, "list")
        page.get_by_role("link", name=re.compile("^Add ")).click()
        problems += problems_of(page, "new")
        page.fill("input[name=title]", title)
        page.get_by_role("button", name="Add gateway").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(title)
    page.fill("input[name=iban]", "DE00 1234 5678 9012 3456 00")
    page.get_by_role("button", name="Save settings").click()
    expect(page.locator("input[name=iban]")).to_have_attribute("aria-invalid", "true")
    problems += problems_of(page, "refused")
    for name, value in {
        "holder": "Firm",
        "iban": "DE89 3704 0044 0532 0130 00",
        "webhook_secret": SECRET,
    }.items():
        page.fill(f"input[name={name}]", value)
    page.get_by_role("button", name="Save settings").click()
    expect(page.locator("input[name=webhook_secret]")).to_have_attribute(
        "placeholder", "Leave blank to keep the current value."
    )
    page.get_by_role("button", name="Enable").click()
    expect(page.get_by_role("main")).to_contain_text("Enabled")
    address = page.get_by_role("textbox", name="URL", exact=True).input_value()
    assert address.startswith(f"{panel.address}/webhooks/Payment/SamplePayment/")
    assert page.request.get(address).text() == "ok"
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator("body")).to_contain_text("Connection successful. The IBAN is valid.")
    problems += problems_of(page, "gateway")
    assert SECRET not in page.content()
    # the browser logs the 422
    assert panel.complaints == [one for one in panel.complaints if "422" in one]
    panel.complaints.clear()

    page.get_by_role("link", name="Preview as client").click()
    expect(page.get_by_role("heading", name="Pay by bank transfer")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("This is a preview.")
    # the module's stylesheet
    assert page.locator(".transfer").evaluate("one => getComputedStyle(one).fontSize") == "15px"
    # the panel's stylesheet
    assert page.locator(".btn").first.evaluate("one => getComputedStyle(one).fontWeight") == "600"
    assert panel.complaints == []
    page.get_by_role("link", name=re.compile("^Back to")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Second")
    # the preview's sandbox also blocks the listeners with which Playwright checks its own click
    assert all("Blocked script execution" in text for text in panel.complaints)
    panel.complaints.clear()

    still = browser.new_context(
        java_script_enabled=False, storage_state=page.context.storage_state()
    )
    plain = still.new_page()
    plain.goto(f"{panel.address}/admin/gateways/")
    plain.get_by_role("button", name="Move up: Second").click()
    assert plain.locator("td a.name").all_inner_texts() == ["Second", "Bank transfer"]
    still.close()
    assert problems == []


def test_a_sender(panel: Panel, staff: Page) -> None:
    page, problems = staff, []
    activate(panel, page, "Sample notification")
    page.goto(f"{panel.address}/admin/senders/new")
    page.fill("input[name=title]", "Mail of the firm")
    page.get_by_role("button", name="Add sender").click()
    with MailServer("none", ("panel", "Very-Secret-77")) as server:
        page.select_option("select[name=channel]", "smtp")
        page.select_option("select[name=encryption]", "none")
        for name, value in {
            "server": "127.0.0.1",
            "port": str(server.port),
            "username": "panel",
            "password": "Very-Secret-77",
            "email": "panel@firm.example",
        }.items():
            page.fill(f"input[name={name}]", value)
        page.get_by_role("button", name="Save settings").click()
        page.get_by_role("button", name="Enable").click()
        problems += problems_of(page, "sender")
        page.get_by_role("button", name="Test connection").click()
        expect(page.locator("body")).to_contain_text("Signed in to the mail server.")
        page.fill("input[name=to]", "anna@example.com")
        page.get_by_role("button", name="Send test message").click()
        # the page refreshes itself
        expect(page.locator("#sends")).to_contain_text("Completed", timeout=30_000)
        page.goto(page.url)  # instead of its own reload, which would interrupt the checks
        problems += problems_of(page, "sent")
        assert [one.recipients for one in server.messages] == [["anna@example.com"]]
    assert "Very-Secret-77" not in page.content()
    page.locator("summary", has_text="Actions").click()
    page.get_by_role("link", name=re.compile("^Delete")).click()
    problems += problems_of(page, "delete")
    page.get_by_role("button", name="Delete sender").click()
    expect(page.get_by_role("main")).to_contain_text("No senders yet")
    assert problems == []
    assert panel.complaints == []
