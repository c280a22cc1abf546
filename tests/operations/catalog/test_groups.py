"""Product groups, and how products are shown and billed."""

from __future__ import annotations

from typing import Any

import pytest

from puqpanel.domain.errors import ConflictError, InvalidInput, NotFoundError
from puqpanel.domain.periods import FixedDay
from puqpanel.domain.principals import Principal
from puqpanel.operations.catalog import groups, products


def test_groups_are_listed_in_order_with_their_products(staff: Principal) -> None:
    hosting = groups.save_group(actor=staff, uuid=None, name="Web hosting", position=2)
    cloud = groups.save_group(actor=staff, uuid=None, name="Cloud servers", position=1)
    inside = groups.save_group(
        actor=staff, uuid=None, name="With SSD", parent_uuid=cloud.uuid, hidden=True
    )
    details = products.Details(group_uuid=inside.uuid)
    product = products.save_product(actor=staff, uuid=None, name="VPS", details=details)
    assert product.group_id == inside.id
    assert [(row.group.slug, row.level, row.products) for row in groups.groups()] == [
        ("cloud-servers", 0, 0),
        ("with-ssd", 1, 1),
        ("web-hosting", 0, 0),
    ]
    with pytest.raises(ConflictError, match="Cloud servers contains products or groups"):
        groups.delete_group(actor=staff, uuid=cloud.uuid)
    with pytest.raises(ConflictError):
        groups.delete_group(actor=staff, uuid=inside.uuid)
    groups.delete_group(actor=staff, uuid=hosting.uuid)
    with pytest.raises(NotFoundError):
        groups.find_group(hosting.uuid)


def test_groups_are_nested_one_level(staff: Principal) -> None:
    top = groups.save_group(actor=staff, uuid=None, name="Top")
    inside = groups.save_group(actor=staff, uuid=None, name="Inside", parent_uuid=top.uuid)
    for uuid, parent in ((None, inside.uuid), (top.uuid, top.uuid), (None, "x")):
        with pytest.raises(InvalidInput) as refused:
            groups.save_group(actor=staff, uuid=uuid, name="Other", parent_uuid=parent)
        assert list(refused.value.errors) == ["parent_uuid"]
    other = groups.save_group(actor=staff, uuid=None, name="Other")
    with pytest.raises(InvalidInput, match="invalid") as refused:
        groups.save_group(actor=staff, uuid=top.uuid, name="Top", parent_uuid=other.uuid)
    assert "contains groups" in refused.value.errors["parent_uuid"][0]


def test_slugs_are_unique(staff: Principal) -> None:
    names = ("VPS Łódź", "VPS Lodz", "Хмара", "Хмара 2")
    made = [products.save_product(actor=staff, uuid=None, name=name) for name in names]
    assert [product.slug for product in made] == ["vps-lodz", "vps-lodz-2", "product", "2"]
    with pytest.raises(InvalidInput) as refused:
        products.save_product(
            actor=staff, uuid=None, name="Other", details=products.Details(slug="vps-lodz")
        )
    assert list(refused.value.errors) == ["slug"]
    again = products.save_product(actor=staff, uuid=made[0].uuid, name="Renamed")
    assert again.slug == "vps-lodz", "an address stays"


@pytest.mark.parametrize(
    "changed, field",
    [
        ({"slug": "Cloud VPS"}, "slug"),
        ({"slug": "-a"}, "slug"),
        ({"group_uuid": "x"}, "group_uuid"),
        ({"stock": -1}, "stock"),
        ({"stock": 10**9}, "stock"),
        ({"position": -1}, "position"),
        ({"provisioning": "later"}, "provisioning"),
        ({"billing_mode": "barter"}, "billing_mode"),
        ({"anchor_day": 0}, "anchor_day"),
        ({"anchor_day": 32}, "anchor_day"),
        ({"next_after": 20}, "next_after"),
        ({"suspend_after_days": -1}, "suspend_after_days"),
        ({"terminate_after_days": 10**6}, "terminate_after_days"),
        ({"tax_class": "<b>"}, "tax_class"),
    ],
)
def test_invalid_details(staff: Principal, changed: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        products.save_product(
            actor=staff, uuid=None, name="VPS", details=products.Details(**changed)
        )
    assert list(refused.value.errors) == [field]


def test_the_anchor_policy_of_a_product(staff: Principal) -> None:
    details = products.Details(anchor_day=1, next_after=20)
    product = products.save_product(actor=staff, uuid=None, name="VPS", details=details)
    assert product.anchor_policy == FixedDay(1, 20)
    assert products.save_product(actor=staff, uuid=None, name="B").anchor_policy is None
