"""Every list of the panel with columns, filters, totals and exports."""

from __future__ import annotations

import pytest

from tests.web.conftest import Browser

QUERIES = (
    "",
    "?pick=cols",
    "?cols=uuid",
    "?sum=yes",
    "?format=csv",
    "?format=json",
    "?pick=status&status=active&status=suspended",
    "?pick=created&created=last-7-days",
    "?pick=time&time=2026-01-01..2026-02-01",
    "?created=2027-01-02..2026-01-01",
    "?sort=-signed_in",
    "?country=NO&country=PL",
    "?q=nothing",
)


@pytest.mark.parametrize(
    "name",
    ["clients", "services", "products", "tasks", "module-log", "modules", "activity", "staff"],
)
def test_every_list_opens_with_its_options(owner: Browser, shop: dict[str, str], name: str) -> None:
    for query in QUERIES:
        answer = owner.get(f"/admin/{name}/{query}")
        assert answer.status_code == 200, query
        answer.get_data()


def test_services_show_a_total_on_request(owner: Browser, shop: dict[str, str]) -> None:
    assert "Show total" in owner.get("/admin/services/").text
    page = owner.get("/admin/services/?sum=yes").text
    assert "Total" in page and "4.90" in page


def test_an_invalid_range_is_named_on_the_page(owner: Browser, shop: dict[str, str]) -> None:
    page = owner.get("/admin/services/?created=2027-01-02..2026-01-01").text
    assert "One filter was ignored." in page and "berg.example" in page
