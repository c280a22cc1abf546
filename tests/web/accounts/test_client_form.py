"""The form of a client has its fields in an order that people expect."""

from __future__ import annotations

import re

import pytest

from tests.web.conftest import Browser

pytestmark = pytest.mark.sqlite

ORDER = [
    "name",
    "company",
    "email",
    "phone",
    "street",
    "postcode",
    "city",
    "region",
    "country",
    "buyer_kind",
    "vat_number",
    "tax_number",
    "currency",
    "language",
    "reference",
]


def names(page: str) -> list[str]:
    form = page[page.index('<form class="card"') :]
    found = re.findall(r'<(?:input|select|textarea)[^>]* name="([a-z_]+)"', form)
    return [name for name in found if name != "csrf_token"]


def test_fields_are_grouped(owner: Browser, shop: dict[str, str]) -> None:
    edit = names(owner.get(f"/admin/clients/{shop['client']}/edit").text)
    assert edit == [*ORDER, "separate_documents", "active", "notes"]
    new = names(owner.get("/admin/clients/new").text)
    assert new == [*ORDER, "user_name", "user_password", "notes"]
