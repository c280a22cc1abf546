"""Forms suggest the regions that taxes depend on, and staff see which regions taxes don't know."""

from __future__ import annotations

from decimal import Decimal

import pytest

from puqpanel.app import Panel
from puqpanel.domain.principals import AUTOMATION
from puqpanel.operations.billing import taxes
from puqpanel.operations.billing.taxes import FIRST_DAY, RateValues
from tests.web.conftest import Browser

NOTICE = "Check the state or province."


@pytest.fixture
def ontario(app: Panel) -> None:
    """A rate of Ontario, whose name has to be escaped."""
    with app.app_context():
        values = RateValues("CA", "HST", Decimal(13), FIRST_DAY, region='O"N')
        taxes.save_rate(actor=AUTOMATION, uuid=None, values=values)


def test_forms_suggest_regions(
    app: Panel, owner: Browser, shop: dict[str, str], ontario: None
) -> None:
    anna = Browser(app).sign_in("anna@example.test", "/client")
    pages = [owner.get(f"/admin/clients/{shop['client']}/edit"), owner.get("/admin/clients/new")]
    pages += [owner.get("/admin/tax-rates/new"), owner.get("/admin/companies/new")]
    pages += [
        anna.get("/client/address-book/details"),
        anna.get("/client/address-book/addresses/new"),
    ]
    for page in pages:
        assert page.status_code == 200, page.request.path
        assert 'list="region-regions"' in page.text
        assert '<datalist id="region-regions"><option value="O&#34;N">Canada</option>' in page.text


def test_staff_see_a_region_that_taxes_do_not_know(
    owner: Browser, shop: dict[str, str], ontario: None
) -> None:
    client = f"/admin/clients/{shop['client']}"
    fields = {"name": "Anna", "email": "anna@example.test", "currency": "EUR", "active": "y"}

    def page(country: str, region: str) -> str:
        data = {**fields, "country": country, "region": region, "buyer_kind": "consumer"}
        assert owner.post(f"{client}/edit", data).status_code == 302
        return owner.get(client).text

    assert NOTICE not in page("PL", "Mazowieckie")
    text = page("CA", "Ontario")
    assert NOTICE in text and "but not for “Ontario”" in text
    assert "but none is entered" in page("CA", "")
    assert NOTICE not in page("CA", ' o"n ')
