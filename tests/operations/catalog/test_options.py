"""Option groups, and what a customer chose of a product."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from puqpanel.domain.catalog import OptionKind
from puqpanel.domain.errors import InvalidInput, NotFoundError, PermissionDenied
from puqpanel.domain.money import Money
from puqpanel.domain.pricing import Item, quote
from puqpanel.domain.principals import Principal
from puqpanel.domain.tax import PriceEntry, TaxCategory, TaxGroup
from puqpanel.models import Option, OptionGroup, Product
from puqpanel.operations.catalog import options, products
from puqpanel.operations.catalog.configuration import configure, parts
from puqpanel.operations.catalog.offered_options import offered, prices_in, unpriced
from puqpanel.operations.catalog.price_rows import Cell


@dataclass(frozen=True)
class Shop:
    """A product with options: an image, a disk of 10 to 100 GB in steps of 10, and backups."""

    product: Product
    image: OptionGroup
    disk: OptionGroup
    backup: OptionGroup

    def configure(self, **chosen: Any) -> Any:
        return configure(product=self.product, currency="EUR", period="monthly", chosen=chosen)


@pytest.fixture
def shop(staff: Principal) -> Shop:
    product = products.save_product(actor=staff, uuid=None, name="VPS", price="24.90")
    image = options.save_option_group(actor=staff, uuid=None, key="image", label="Image")
    for at, (key, free) in enumerate((("debian-13", True), ("windows", False), ("bsd", True))):
        option = options.save_option(
            actor=staff,
            group_uuid=image.uuid,
            uuid=None,
            key=key,
            label=key.title(),
            position=at,
            free=free,
            hidden=key == "bsd",
        )
        if not free:
            price_option(staff, option, "5", "12")
    disk = options.save_option_group(
        actor=staff,
        uuid=None,
        key="disk",
        label="Disk",
        kind=OptionKind.QUANTITY,
        unit="GB",
        minimum=10,
        maximum=100,
        step=10,
    )
    price_option(staff, disk.options[0], None, "0.08")
    backup = options.save_option_group(
        actor=staff, uuid=None, key="backup", label="Backup", kind=OptionKind.YES_NO
    )
    price_option(staff, backup.options[0], None, "3")
    options.assign_option_groups(
        actor=staff,
        product_uuid=product.uuid,
        group_uuids=[image.uuid, disk.uuid, backup.uuid],
    )
    return Shop(product, image, disk, backup)


def price_option(staff: Principal, option: Option, setup: str | None, recurring: str) -> None:
    cell = Cell("monthly", "EUR", setup, recurring)
    options.save_option_prices(actor=staff, option_uuid=option.uuid, cells=[cell])


def test_what_is_chosen_becomes_parts_and_values(shop: Shop) -> None:
    chosen = shop.configure(image="windows", disk="50", backup="y")
    assert [(part.key, part.label, part.quantity) for part in chosen.parts] == [
        ("", "VPS", 1),
        ("image", "Image: Windows", 1),
        ("disk", "Disk", 50),
        ("backup", "Backup", 1),
    ]
    assert chosen.values == {"image": "windows", "disk": 50, "backup": True}
    assert shop.configure(**chosen.values) == chosen
    item = Item("a", shop.product.uuid, chosen.parts, TaxGroup(TaxCategory.STANDARD))
    result = quote([item], day=date(2026, 1, 1), currency="EUR", entry=PriceEntry.NET)
    assert result.total == Money(2490 + 500 + 1200 + 50 * 8 + 300, "EUR")
    assert all(line.source for line in result.lines)


def test_what_is_not_chosen_has_its_default(shop: Shop) -> None:
    chosen = shop.configure()
    assert chosen.values == {"image": "debian-13", "disk": 10, "backup": False}
    assert [part.key for part in chosen.parts] == ["", "image", "disk"]
    assert chosen.parts[1].price.recurring == Money(0, "EUR")


@pytest.mark.parametrize(
    "chosen, field, text",
    [
        ({"image": "bsd"}, "image", "Bsd is no longer available."),
        ({"image": "debian"}, "image", "Select an option from the list."),
        ({"disk": "-10"}, "disk", "Enter a whole number from 10 to 100."),
        ({"disk": "110"}, "disk", "Enter a whole number from 10 to 100."),
        ({"disk": "0"}, "disk", "Enter a whole number from 10 to 100."),
        ({"disk": "15"}, "disk", "Enter a number in steps of 10, such as 10 or 20."),
        ({"disk": "10.0"}, "disk", "Enter a whole number from 10 to 100."),
        ({"disk": "٣٠"}, "disk", "Enter a whole number from 10 to 100."),
        ({"disk": "9" * 5000}, "disk", "Enter a whole number from 10 to 100."),
        ({"disk": True}, "disk", "Enter a whole number from 10 to 100."),
        ({"backup": "maybe"}, "backup", "Select yes or no."),
        ({"price": "0"}, "price", "VPS has no option of this name."),
    ],
)
def test_invalid_choices_are_refused(
    shop: Shop, chosen: dict[str, Any], field: str, text: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        shop.configure(**chosen)
    assert refused.value.errors == {field: [text]}


def test_options_need_a_price_in_the_currency_and_for_the_period(
    staff: Principal, shop: Shop
) -> None:
    products.save_product(
        actor=staff, uuid=shop.product.uuid, name="VPS", price="240", period="annually"
    )

    def annually(**chosen: Any) -> Any:
        return parts(product=shop.product, currency="EUR", period="annually", chosen=chosen)

    with pytest.raises(InvalidInput) as refused:
        annually()
    assert refused.value.errors == {"disk": ["No price in EUR for this billing period."]}
    options.assign_option_groups(
        actor=staff, product_uuid=shop.product.uuid, group_uuids=[shop.image.uuid]
    )
    assert [part.key for part in annually()] == ["", "image"]
    with pytest.raises(InvalidInput) as refused:
        annually(image="windows")
    assert list(refused.value.errors) == ["image"]
    with pytest.raises(InvalidInput, match="no price in PLN"):
        parts(product=shop.product, currency="PLN", period="monthly", chosen={})
    with pytest.raises(InvalidInput) as refused:
        annually(disk="50")
    assert list(refused.value.errors) == ["disk"], "no longer an option of the product"


@pytest.mark.parametrize(
    "changed, field",
    [
        ({"key": "Disk"}, "key"),
        ({"key": "image"}, "key"),
        ({"kind": "slider"}, "kind"),
        ({"label": "  "}, "label"),
        ({"minimum": -1}, "minimum"),
        ({"maximum": 9}, "maximum"),
        ({"maximum": 10**9}, "maximum"),
        ({"step": 0}, "step"),
        ({"step": 7}, "step"),
    ],
)
def test_invalid_option_groups(
    staff: Principal, shop: Shop, changed: dict[str, Any], field: str
) -> None:
    values = {"key": "memory", "label": "Memory", "kind": "quantity", "minimum": 10, "maximum": 100}
    with pytest.raises(InvalidInput) as refused:
        options.save_option_group(actor=staff, uuid=None, **(values | changed))
    assert list(refused.value.errors) == [field]


def test_keys_and_kinds_are_fixed(staff: Principal, shop: Shop) -> None:
    disk = {"key": "disk", "label": "Disk", "kind": "quantity"}
    for field, value in (("key", "storage"), ("kind", "yes_no")):
        with pytest.raises(InvalidInput) as refused:
            options.save_option_group(actor=staff, uuid=shop.disk.uuid, **(disk | {field: value}))
        assert list(refused.value.errors) == [field]
    group = options.save_option_group(
        actor=staff, uuid=shop.disk.uuid, **(disk | {"label": "Space", "maximum": 20})
    )
    assert [(option.label, option.key) for option in group.options] == [("Space", options.ONLY)]
    with pytest.raises(InvalidInput):
        options.save_option(
            actor=staff, group_uuid=shop.disk.uuid, uuid=None, key="more", label="More"
        )
    with pytest.raises(NotFoundError):
        options.save_option(
            actor=staff,
            group_uuid=shop.disk.uuid,
            uuid=shop.image.options[0].uuid,
            key="debian-13",
            label="Debian",
        )
    with pytest.raises(InvalidInput):
        options.save_option(
            actor=staff, group_uuid=shop.image.uuid, uuid=None, key="windows", label="Again"
        )


def test_only_existing_groups_are_assigned(staff: Principal, shop: Shop) -> None:
    with pytest.raises(InvalidInput):
        options.assign_option_groups(
            actor=staff, product_uuid=shop.product.uuid, group_uuids=[shop.disk.uuid, "x"]
        )
    again = [shop.backup.uuid, shop.disk.uuid, shop.backup.uuid]
    options.assign_option_groups(actor=staff, product_uuid=shop.product.uuid, group_uuids=again)
    assert [group.key for group in options.groups_of(shop.product)] == ["backup", "disk"]
    clerk = Principal("staff", "", "Clerk", permissions=frozenset({"products.view"}))
    with pytest.raises(PermissionDenied):
        options.assign_option_groups(actor=clerk, product_uuid=shop.product.uuid, group_uuids=again)


def hide(staff: Principal, option: Option) -> None:
    options.save_option(
        actor=staff,
        group_uuid=option.group.uuid,
        uuid=option.uuid,
        key=option.key,
        label=option.label,
        hidden=True,
    )


def keys(shop: Shop, period: str, kept: dict[str, Any] | None = None) -> dict[str, list[str]]:
    """Return the keys of what is offered, by the key of the group."""
    groups = options.groups_of(shop.product)
    prices = prices_in(shop.product, groups, "EUR", period)
    found = offered(groups, prices, kept or {})
    return {each.group.key: [option.key for option in each.options] for each in found}


def test_only_options_that_can_be_ordered_are_offered(staff: Principal, shop: Shop) -> None:
    assert keys(shop, "monthly") == {
        "image": ["debian-13", "windows"],
        "disk": ["value"],
        "backup": ["value"],
    }
    assert keys(shop, "annually") == {"image": ["debian-13"], "disk": [], "backup": []}
    has = {"image": "windows", "disk": 50, "backup": False}
    assert keys(shop, "annually", has) == {
        "image": ["debian-13", "windows"],
        "disk": ["value"],
        "backup": [],
    }
    sold = {("EUR", "monthly"), ("EUR", "annually"), ("PLN", "monthly")}
    groups = options.groups_of(shop.product)
    assert unpriced(groups, sold) == {
        shop.disk.id: ["EUR", "PLN"],
        shop.backup.id: ["EUR", "PLN"],
    }


def test_the_first_option_with_a_price_is_the_default(staff: Principal, shop: Shop) -> None:
    debian, _windows, _bsd = shop.image.options
    options.save_option(
        actor=staff, group_uuid=shop.image.uuid, uuid=debian.uuid, key="debian-13", label="Debian"
    )
    assert shop.configure().values["image"] == "windows"
    with pytest.raises(InvalidInput) as refused:
        shop.configure(image="debian-13")
    text = "Debian has no price in EUR for this billing period."
    assert refused.value.errors == {"image": [text]}


def test_a_group_without_options_is_left_out(staff: Principal, shop: Shop) -> None:
    for option in shop.image.options:
        hide(staff, option)
    assert shop.configure().values == {"disk": 10, "backup": False}
    assert shop.configure(image="").values == {"disk": 10, "backup": False}
    assert "image" not in keys(shop, "monthly")
    assert keys(shop, "monthly", {"image": "windows"})["image"] == ["windows"]
    with pytest.raises(InvalidInput) as refused:
        shop.configure(image="windows")
    assert refused.value.errors == {"image": ["Windows is no longer available."]}
    kept = configure(
        product=shop.product,
        currency="EUR",
        period="monthly",
        chosen={"image": "windows"},
        kept={"image": "windows"},
    )
    assert kept.values["image"] == "windows"
    assert [part.key for part in kept.parts] == ["", "image", "disk"]
