"""How visitors get from the sign-in page to the shop, and what the shop says."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.db import transaction
from puqpanel.models import Product
from puqpanel.operations.catalog import products
from puqpanel.operations.system import settings
from tests.web.conftest import Browser


def test_the_sign_in_page_leads_to_the_shop_and_to_registration(
    app: Panel, visitor: Browser, shop: dict[str, str]
) -> None:
    page = visitor.get("/client/signin").text
    assert 'href="/shop/"' in page and 'href="/client/register"' in page
    with app.app_context():
        products.save_product(actor=AUTOMATION, uuid=shop["product"], name="Web S", active=False)
        settings.save(actor=AUTOMATION, values={"shop.registration": False})
    page = visitor.get("/client/signin").text
    assert 'href="/shop/"' not in page and 'href="/client/register"' not in page


@pytest.mark.parametrize(
    ("values", "linked"),
    [
        ({"hidden": True}, False),
        ({"billing_mode": "prepaid"}, True),
        ({"billing_mode": "free"}, True),
    ],
)
def test_only_a_shop_that_sells_is_linked(
    app: Panel, visitor: Browser, shop: dict[str, str], values: dict[str, object], linked: bool
) -> None:
    with app.app_context(), transaction() as current:
        current.execute(sa.update(Product).values(values))
    assert ('href="/shop/"' in visitor.get("/client/signin").text) == linked
