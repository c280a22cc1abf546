"""How visitors get from the sign-in page to the shop, and what the shop says."""

from __future__ import annotations

from puqpanel.app import Panel
from puqpanel.domain.principals import AUTOMATION
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


def test_a_prepaid_product_is_not_shown_as_sold(app: Panel, owner: Browser) -> None:
    with app.app_context():
        product = products.save_product(
            actor=AUTOMATION, uuid=None, name="Cloud", price="0.01", period="hourly"
        )
    for path in ("/admin/products/", f"/admin/products/{product.uuid}"):
        page = owner.get(path).text
        assert "Not sold yet" in page and "On sale</span>" not in page
