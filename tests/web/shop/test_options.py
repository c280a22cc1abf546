"""The page of a product shows what its options cost for the selected billing period."""

from __future__ import annotations

import re

import pytest

from puqpanel.app import Panel
from puqpanel.domain.principals import AUTOMATION
from puqpanel.operations.catalog import options, prices
from puqpanel.operations.catalog.price_rows import Cell
from tests.web.conftest import Browser
from tests.web.ordering.test_by_hand import group
from tests.web.shop.conftest import add


@pytest.fixture
def page(app: Panel, shop: dict[str, str], slug: str) -> str:
    """The page of a product with a system, a disk and a backup, monthly and annually."""
    with app.app_context():
        groups = [
            group("system", "System"),
            group("disk", "Disk", kind="quantity", unit="GB", minimum=10, maximum=100),
            group("backup", "Backup", kind="yes_no"),
        ]
        windows = options.save_option(
            actor=AUTOMATION, group_uuid=groups[0].uuid, uuid=None, key="win", label="Windows"
        )
        for option, setup, month in (
            (windows, "15", "9"),
            (groups[1].options[0], "0", "0.10"),
            (groups[2].options[0], "0", "2"),
        ):
            cells = [
                Cell("monthly", "EUR", setup, month),
                Cell("annually", "EUR", "0", month + "0"),
            ]
            options.save_option_prices(actor=AUTOMATION, option_uuid=option.uuid, cells=cells)
        prices.save_prices(
            actor=AUTOMATION,
            product_uuid=shop["product"],
            cells=[Cell("annually", "EUR", "0", "49")],
        )
        options.assign_option_groups(
            actor=AUTOMATION,
            product_uuid=shop["product"],
            group_uuids=[each.uuid for each in groups],
        )
    return f"/shop/{slug}"


def costs(text: str) -> list[str]:
    """Return the texts of all costs, as the page shows them."""
    found = re.findall(r'<(?:option|span)[^>]*\bid="cost-[^>]*>(.*?)</', text, re.DOTALL)
    return [" ".join(each.split()) for each in found]


MONTHLY = ["Debian 13", "Windows (+9.00 €, plus 15.00 € setup fee)", "+0.10 € per GB", "+2.00 €"]
ANNUALLY = ["Debian 13", "Windows (+90.00 €)", "+0.10 € per GB", "+20.00 €"]


def test_costs_follow_the_period(visitor: Browser, page: str) -> None:
    assert costs(visitor.get(page).text) == MONTHLY
    part = visitor.get(f"{page}/price?period=annually&option.disk=10&option.backup=").text
    assert costs(part) == ANNUALLY
    assert part.count('hx-swap-oob="innerHTML"') == 3
    whole = visitor.get(f"{page}?period=annually").text
    assert costs(whole) == ANNUALLY
    ids = re.findall(r'id="(cost-[^"]+)"', whole)
    assert ids == re.findall(r'id="(cost-[^"]+)"', part)


def test_a_changed_price_is_shown_at_once(app: Panel, visitor: Browser, page: str) -> None:
    visitor.get(page)
    with app.app_context():
        backup = options.option_groups()[0]
        cells = [Cell("monthly", "EUR", "0", "3")]
        options.save_option_prices(
            actor=AUTOMATION, option_uuid=backup.options[0].uuid, cells=cells
        )
    assert costs(visitor.get(page).text)[3] == "+3.00 €"


def test_an_error_names_the_option(visitor: Browser, page: str) -> None:
    assert "Disk: Enter a whole number" in visitor.get(f"{page}?option.disk=7").text


def test_options_without_a_price_are_not_offered(
    app: Panel, owner: Browser, shop: dict[str, str], page: str
) -> None:
    with app.app_context():
        groups = {each.key: each for each in options.option_groups()}
        disk = groups["disk"].uuid
        system = groups["system"].uuid
        options.save_option(
            actor=AUTOMATION,
            group_uuid=system,
            uuid=None,
            key="bsd",
            label="BSD",
            position=9,
        )
        prices.save_prices(
            actor=AUTOMATION, product_uuid=shop["product"], cells=[Cell("weekly", "EUR", "0", "2")]
        )
    visitor = Browser(app)
    assert "BSD" not in visitor.get(page).text
    text = visitor.get(f"{page}?option.system=bsd").text
    assert "System: BSD has no price in EUR for this billing period." in text
    # the field of a quantity leaves the page, and comes back
    weekly = visitor.get(f"{page}/price?period=weekly&option.disk=10&option.backup=").text
    field = f'<div id="field-{disk}" hx-swap-oob="innerHTML">'
    assert f"{field}</div>" in weekly
    assert (
        "Disk: No price in EUR for this billing period."
        in visitor.get(f"{page}?period=weekly").text
    )
    monthly = visitor.get(f"{page}/price?period=monthly").text
    assert field in monthly
    assert 'name="option.disk"' in monthly
    admin = f"/admin/products/{shop['product']}"
    assert (
        "For some billing periods in EUR, none of its options has a price." in owner.get(admin).text
    )
    with app.app_context():
        for option in options.find_option_group(system).options:
            options.save_option(
                actor=AUTOMATION,
                group_uuid=system,
                uuid=option.uuid,
                key=option.key,
                label=option.label,
                hidden=True,
            )
    assert "System" not in visitor.get(page).text
    assert "System" not in visitor.get(f"{page}?period=monthly").text
    assert "None of its options can be ordered" in owner.get(admin).text


def test_the_cart_names_the_option_that_cannot_be_ordered(
    app: Panel, visitor: Browser, slug: str, page: str
) -> None:
    chosen = {"option.system": "win", "option.disk": "10", "option.backup": "y"}
    assert add(visitor, slug, **chosen).status_code == 302
    with app.app_context():
        disk = next(each for each in options.option_groups() if each.key == "disk")
        options.save_option_group(
            actor=AUTOMATION,
            uuid=disk.uuid,
            key="disk",
            label="Disk",
            kind="quantity",
            unit="GB",
            minimum=20,
            maximum=100,
        )
    text = " ".join(visitor.get("/shop/cart/").text.split())
    assert "Disk: Enter a whole number from 20 to 100." in text
    assert "Every month · System: Windows · Disk: 10 GB · Backup: Yes" in text
