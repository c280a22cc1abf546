"""The pages of prices, option groups and product groups."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.catalog import OptionKind
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.db import session
from puqpanel.models import Price
from puqpanel.operations.catalog import groups, options, prices, products
from puqpanel.operations.catalog.price_rows import Cell, live
from tests.web.billing.test_currencies import EN, PL, add_zloty
from tests.web.conftest import Browser


def inputs(page: str) -> dict[str, str]:
    """Return the values of the amounts on a page by field."""
    fields = re.findall(r"<input[^>]*class=\"amount[^>]*>", page)
    found = {}
    for field in fields:
        name, value = re.search(r'name="([^"]*)"', field), re.search(r'value="([^"]*)"', field)
        assert name and value
        found[name[1]] = value[1]
    return found


def shown(app: Panel, shop: dict[str, str]) -> dict[str, str]:
    with app.app_context():
        product = products.find_product(shop["product"])
        return {
            f"{row.period} {row.currency}": f"{row.setup.major}+{row.recurring.major}"
            for row in prices.prices_of(product)
        }


@pytest.fixture
def matrix(shop: dict[str, str]) -> str:
    return f"/admin/products/{shop['product']}/prices"


def test_the_matrix_is_saved_as_it_was_shown(
    app: Panel, owner: Browser, shop: dict[str, str], matrix: str
) -> None:
    add_zloty(owner)
    for headers, typed in ((EN, "1,234.50"), (PL, "1 234,50")):
        fields = inputs(owner.get(matrix, headers=headers).text)
        fields |= {"annually-EUR-recurring": typed, "annually-PLN-setup": ""}
        answer = owner.post(matrix, {**fields, "do": "save"}, headers=headers)
        assert answer.location == matrix
        assert shown(app, shop) == {"monthly EUR": "0.00+4.90", "annually EUR": "0.00+1234.50"}
    with app.app_context():
        rows = session().scalars(sa.select(Price)).all()
    assert len(rows) == 2, "the second time, nothing differed"


def test_prices_are_derived_and_filled(
    app: Panel, owner: Browser, shop: dict[str, str], matrix: str
) -> None:
    url = add_zloty(owner)
    fields = inputs(owner.get(matrix).text)
    refused = owner.post(matrix, {**fields, "do": "derive", "to": "PLN"})
    assert refused.status_code == 422 and "PLN has no exchange rate." in refused.text
    owner.post(url, {"rate": "4.26", "step": "0.1", "rounding": "up", "enabled": "y"}, headers=EN)
    fields["annually-EUR-recurring"] = "49"
    owner.post(matrix, {**fields, "do": "derive", "to": "PLN"}, headers=EN)
    assert shown(app, shop) == {
        "monthly EUR": "0.00+4.90",
        "annually EUR": "0.00+49.00",
        "monthly PLN": "0.00+20.90",
        "annually PLN": "0.00+208.80",
    }
    page = owner.get(matrix, headers=EN).text
    assert page.count('class="amount from"') == 4 and "× 4.26, rounded up to 0.1" in page
    assert "16.7 % less" in page
    owner.post(matrix, {**inputs(page), "do": "copy", "to": "PLN"}, headers=EN)
    assert shown(app, shop)["quarterly EUR"] == "0.00+14.70"
    for to in ("EUR", "XXX"):
        answer = owner.post(matrix, {**inputs(page), "do": "derive", "to": to}, headers=EN)
        assert answer.status_code == 422


def test_prices_of_all_currencies_with_a_rate_are_derived_with_those_of_options(
    app: Panel, owner: Browser, shop: dict[str, str], matrix: str
) -> None:
    url = add_zloty(owner)
    owner.post(url, {"rate": "4", "step": "0.1", "rounding": "up", "enabled": "y"}, headers=EN)
    owner.post("/admin/currencies/new", {"code": "USD"})
    rateless = {"rate": "", "step": "0.01", "rounding": "up", "enabled": "y"}
    owner.post("/admin/currencies/USD/edit", rateless, headers=EN)
    with app.app_context():
        group = options.save_option_group(
            actor=AUTOMATION, uuid=None, key="backup", label="Backup", kind=OptionKind.YES_NO
        )
        uuid, option = group.uuid, group.options[0].uuid
        cell = Cell("monthly", "EUR", None, "2")
        options.save_option_prices(actor=AUTOMATION, option_uuid=option, cells=[cell])
        options.assign_option_groups(
            actor=AUTOMATION, product_uuid=shop["product"], group_uuids=[uuid]
        )
    fields = inputs(owner.get(matrix, headers=EN).text)
    data = {**fields, "do": "derive", "to": ""}
    answer = owner.post(matrix, data, headers=EN, follow_redirects=True)
    assert "No exchange rate: USD." in answer.text
    assert shown(app, shop)["monthly PLN"] == "0.00+19.60"
    with app.app_context():
        prices_of = {
            key[1]: row.recurring_minor
            for key, row in live(options.find_option(uuid, option)).items()
        }
    assert prices_of == {"EUR": 200, "PLN": 800}


@pytest.mark.parametrize("typed", ["-1", "1.000,00", "1e3", "NaN", "9" * 500, "0.001", "<b>"])
def test_an_invalid_amount_is_shown_again(
    app: Panel, owner: Browser, shop: dict[str, str], matrix: str, typed: str
) -> None:
    fields = inputs(owner.get(matrix, headers=EN).text)
    fields |= {"annually-EUR-recurring": "49", "quarterly-EUR-recurring": typed}
    answer = owner.post(matrix, {**fields, "do": "save"}, headers=EN)
    assert answer.status_code == 422
    assert 'value="49"' in answer.text and 'aria-invalid="true"' in answer.text
    assert shown(app, shop) == {"monthly EUR": "0.00+4.90"}


def test_cells_that_the_form_does_not_have_are_ignored(
    app: Panel, owner: Browser, shop: dict[str, str], matrix: str
) -> None:
    fields = inputs(owner.get(matrix).text)
    forged = {"monthly-USD-recurring": "1", "one_time-EUR-recurring": "1", "price_minor": "1"}
    assert owner.post(matrix, {**fields, **forged, "do": "save"}).status_code == 302
    assert shown(app, shop) == {"monthly EUR": "0.00+4.90"}


def test_earlier_prices_and_services_are_named(
    owner: Browser, shop: dict[str, str], matrix: str
) -> None:
    fields = inputs(owner.get(matrix, headers=EN).text)
    owner.post(matrix, {**fields, "monthly-EUR-recurring": "5.90", "do": "save"}, headers=EN)
    page = owner.get(matrix, headers=EN).text
    assert "Price history" in page and "€4.90 / month" in page
    assert "1 service keeps the price at which it was sold." in page
    assert "€4.90 / month" not in owner.get(f"/admin/products/{shop['product']}").text
    assert "4.90" in owner.get(f"/admin/services/{shop['service']}").text


def test_a_product_is_shown_billed_and_provisioned_as_its_form_says(
    app: Panel, owner: Browser, shop: dict[str, str]
) -> None:
    owner.post("/admin/product-groups/new", {"name": "Cloud", "position": "1", "parent_uuid": ""})
    with app.app_context():
        group = groups.groups()[0].group.uuid
    url = f"/admin/products/{shop['product']}/edit"
    data = {
        "name": "Web S",
        "module": "",
        "active": "y",
        "group_uuid": group,
        "slug": "web-small",
        "position": "3",
        "stock": "7",
        "billing_mode": "recurring",
        "tax_class": "standard",
        "anchor_day": "1",
        "next_after": "20",
        "provisioning": "at_order",
        "suspend_after_days": "",
        "terminate_after_days": "30",
        "welcome": "Hello",
    }
    assert owner.post(url, data).status_code == 302
    with app.app_context():
        product = products.find_product(shop["product"])
        assert (product.slug, product.position, product.stock) == ("web-small", 3, 7)
        assert (product.anchor_day, product.next_after, product.welcome) == (1, 20, "Hello")
        assert (product.suspend_after_days, product.terminate_after_days) == (None, 30)
    page = owner.get(url).text
    assert 'value="web-small"' in page and f'<option selected value="{group}">' in page
    assert "Cloud" in owner.get(f"/admin/products/?group={group}").text
    for field, wrong in (("slug", "Web S"), ("stock", "-1"), ("anchor_day", "40")):
        answer = owner.post(url, {**data, field: wrong})
        assert answer.status_code == 422 and f'value="{wrong}"' in answer.text


def test_product_groups_are_added_nested_and_deleted(app: Panel, owner: Browser) -> None:
    new = "/admin/product-groups/new"
    assert owner.post(new, {"name": "", "position": "0"}).status_code == 422
    owner.post(new, {"name": "Top", "position": "0", "parent_uuid": ""})
    with app.app_context():
        top = groups.groups()[0].group.uuid
    owner.post(new, {"name": "Inside", "position": "0", "parent_uuid": top})
    page = owner.get("/admin/product-groups/").text
    assert page.index(">Top<") < page.index(">Inside<")
    path = f"/admin/product-groups/{top}"
    owner.post(f"{path}/delete")
    assert "Top contains products or groups." in owner.get("/admin/product-groups/").text
    with app.app_context():
        inside = groups.groups()[1].group.uuid
    owner.post(f"/admin/product-groups/{inside}/delete")
    owner.post(f"{path}/delete")
    with app.app_context():
        assert groups.groups() == []


def test_an_option_group_is_made_priced_and_assigned(
    app: Panel, owner: Browser, shop: dict[str, str]
) -> None:
    data = {"label": "Disk", "key": "disk", "kind": "quantity", "unit": "GB"}
    quantity = {"minimum": "10", "maximum": "100", "step": "10"}
    assert owner.post("/admin/options/new", data).status_code == 422
    page = owner.post("/admin/options/new", data | quantity).location
    uuid = page.rpartition("/")[2]
    assert "10 to 100 GB, steps of 10" in owner.get(page).text
    with app.app_context():
        option = options.find_option_group(uuid).options[0]
    path = f"{page}/{option.uuid}/prices"
    fields = inputs(owner.get(path, headers=EN).text)
    fields["monthly-EUR-recurring"] = "0.08"
    assert owner.post(path, {**fields, "do": "save"}, headers=EN).status_code == 302
    with app.app_context():
        option = options.find_option(uuid, option.uuid)
        assert [row.recurring_minor for row in live(option).values()] == [8]
    assign = f"/admin/products/{shop['product']}/options"
    assert owner.post(assign, {f"use-{uuid}": "y", f"at-{uuid}": "1"}).status_code == 302
    with app.app_context():
        product = products.find_product(shop["product"])
        assert [group.key for group in options.groups_of(product)] == ["disk"]
    assert "Disk" in owner.get(f"/admin/products/{shop['product']}").text
    assert owner.post(assign, {}).status_code == 302
    with app.app_context():
        assert options.groups_of(products.find_product(shop["product"])) == []
    edited = owner.post(f"{page}/edit", {"label": "Space", **quantity, "unit": "GB"})
    assert edited.location == page and "Space" in owner.get(page).text


def test_options_of_a_choice(app: Panel, owner: Browser) -> None:
    with app.app_context():
        image = options.save_option_group(actor=AUTOMATION, uuid=None, key="image", label="Image")
        disk = options.save_option_group(
            actor=AUTOMATION, uuid=None, key="backup", label="Backup", kind=OptionKind.YES_NO
        )
    page = f"/admin/options/{image.uuid}"
    added = owner.post(f"{page}/new", {"label": "Debian", "key": "debian-13", "position": "0"})
    assert added.location.endswith("/prices")
    option = added.location.split("/")[-2]
    data = {"label": "Debian 13", "position": "2", "free": "y", "hidden": "y"}
    assert owner.post(f"{page}/{option}/edit", data).location == page
    text = owner.get(page).text
    assert "Debian 13" in text and "Included" in text and "Hidden" in text
    refused = owner.post(f"{page}/new", {"label": "Again", "key": "debian-13", "position": "0"})
    assert (
        refused.status_code == 422 and "Another option of this group has this key." in refused.text
    )
    other = f"/admin/options/{disk.uuid}/{option}"
    for path in (f"{other}/prices", f"{other}/edit"):
        assert owner.get(path).status_code == 404
    refused = owner.post(
        f"/admin/options/{disk.uuid}/new", {"label": "More", "key": "more", "position": "0"}
    )
    assert refused.status_code == 422


def test_a_free_product_has_no_matrix(owner: Browser, shop: dict[str, str], matrix: str) -> None:
    fields = inputs(owner.get(matrix).text)
    owner.post(matrix, {**fields, "monthly-EUR-setup": "", "monthly-EUR-recurring": ""})
    edit = f"/admin/products/{shop['product']}/edit"
    data = {"name": "Web S", "position": "0", "provisioning": "by_hand", "tax_class": "standard"}
    data |= {"billing_mode": "free", "active": "y", "module": "", "group_uuid": ""}
    assert owner.post(edit, data).status_code == 302
    assert "This product is free." in owner.get(matrix).text
    page = owner.get("/admin/services/new").text
    assert f'<option value="{shop["product"]}">Web S, free</option>' in page
    new = {"client": shop["client"], "product": shop["product"], "name": "free.example"}
    assert owner.post("/admin/services/new", new).status_code == 302


def test_staff_without_the_permission_change_nothing(
    clerk: Browser, shop: dict[str, str], matrix: str
) -> None:
    for path in (matrix, f"/admin/products/{shop['product']}/options", "/admin/options/new"):
        assert clerk.get(path).status_code == 403
        assert clerk.post(path, {"do": "save"}).status_code == 403
