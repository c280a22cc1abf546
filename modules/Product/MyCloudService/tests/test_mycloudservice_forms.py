"""Validation of the product and service forms."""

from typing import Any

import pytest

from modules.Product.MyCloudService.forms import ProductForm, ServiceForm
from puqpanel.sdk import forms

PRODUCT = {
    "server_location": "US-East",
    "plan_type": "premium",
    "disk_space": 100,
    "bandwidth": 1000,
}
SERVICE = {
    "domain": "lumen.example",
    "username": "lumen",
    "password": "a-long-password",
    "ip_address": "203.0.113.7",
}


@pytest.mark.parametrize(
    ("changed", "invalid"),
    [
        ({}, set()),
        ({"server_location": ""}, {"server_location"}),
        ({"plan_type": "invalid"}, {"plan_type"}),
        ({"disk_space": -1, "bandwidth": "much"}, {"disk_space", "bandwidth"}),
        ({"bandwidth": None}, {"bandwidth"}),
    ],
)
def test_product(changed: dict[str, Any], invalid: set[str]) -> None:
    answer = forms.save(ProductForm, {**PRODUCT, **changed})
    assert (set(answer.get("errors", {})), answer["code"]) == (invalid, 422 if invalid else 200)


@pytest.mark.parametrize(
    ("changed", "invalid"),
    [
        ({}, set()),
        ({"ip_address": ""}, set()),
        ({"ip_address": "2001:db8::7"}, set()),
        ({"ip_address": "300.1.1.1"}, {"ip_address"}),
        ({"username": "", "password": ""}, set()),
        ({"domain": ""}, {"domain"}),
        ({"domain": "a" * 256, "username": "a" * 51}, {"domain", "username"}),
        ({"password": "short"}, {"password"}),
        ({"domain": "shop.lumen.co.uk", "username": "lumen-shop_1"}, set()),
        ({"domain": "no domain", "username": "ab"}, {"domain", "username"}),
        ({"domain": "-lumen.example", "username": "a.b/c"}, {"domain", "username"}),
        ({"domain": "lumen"}, {"domain"}),
    ],
)
def test_service(changed: dict[str, Any], invalid: set[str]) -> None:
    assert set(forms.save(ServiceForm, {**SERVICE, **changed}).get("errors", {})) == invalid


def test_numbers_are_saved_as_numbers() -> None:
    assert forms.save(ProductForm, {**PRODUCT, "disk_space": "100"})["data"] == PRODUCT
