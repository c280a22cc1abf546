"""The first sale, as docs/first-sale.md describes it: from an empty panel to a paid order."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Panel

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
COMPANY = {
    "name": "Fjordhost sp. z o.o.",
    "street": "ul. Morska 14",
    "postcode": "81-323",
    "city": "Gdynia",
    "vat_number": "PL5260250274",
    "iban": "PL61109010140000071219812874",
}


def choose_country(page: Page, code: str) -> None:
    """Choose a country; scripts turn the list into a field with search."""
    page.locator("select[name=country]").evaluate(
        "(list, code) => { list.value = code; list.dispatchEvent(new Event('change')) }", code
    )


def test_a_new_firm_sells_and_is_paid(panel: Panel, staff: Page, another: BrowserContext) -> None:
    page = staff
    page.goto(f"{panel.address}/admin/companies/new")
    for name, value in COMPANY.items():
        page.fill(f"[name={name}]", value)
    choose_country(page, "PL")
    page.get_by_role("button", name="Add company").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Fjordhost")

    page.goto(f"{panel.address}/admin/products/new")
    page.fill("input[name=name]", "Web hosting")
    page.fill("input[name=price]", "9.90")
    page.get_by_role("button", name="Add product").click()
    page.get_by_role("link", name="Edit product").click()
    page.select_option("select[name=provisioning]", label="Manually by staff")
    page.get_by_role("button", name="Save product").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Web hosting")

    customer = panel.watch(another.new_page())
    customer.goto(f"{panel.address}/shop/")
    customer.get_by_role("main").get_by_role("link", name=re.compile("Web hosting")).first.click()
    expect(customer.get_by_role("main")).to_contain_text("€12.18")
    customer.get_by_role("button", name="Add to cart").click()
    customer.get_by_role("link", name="Create account").click()
    customer.fill("input[name=name]", "Ola Nowak")
    customer.fill("input[name=email]", "ola@example.test")
    customer.fill("input[name=password]", "a-long-password")
    choose_country(customer, "PL")
    customer.get_by_role("button", name="Create account").click()
    expect(customer).to_have_url(re.compile("/shop/checkout"))
    for name, value in {"street": "ul. Długa 5", "postcode": "80-827", "city": "Gdańsk"}.items():
        customer.fill(f"[name={name}]", value)
    customer.get_by_role("button", name="Save and continue").click()
    customer.get_by_role("button", name="Order for €12.18").click()
    expect(customer.get_by_role("main")).to_contain_text(re.compile(r"INV-\d{4}-00001"))

    page.goto(f"{panel.address}/admin/documents/")
    page.get_by_role("link", name=re.compile(r"INV-\d{4}-00001")).click()
    page.get_by_role("link", name="Record payment").click()
    page.fill("[name=reason]", "Bank statement 1")
    page.get_by_role("button", name="Record payment").click()
    expect(page.get_by_role("main")).to_contain_text("Paid")

    page.goto(f"{panel.address}/admin/services/")
    page.get_by_role("link", name="Web hosting").first.click()
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("region", name="Status")).to_contain_text("Active", timeout=30_000)
    customer.goto(f"{panel.address}/client/services/")
    expect(customer.get_by_role("main")).to_contain_text("Active")
    assert panel.complaints == []
