"""Whose cart users without a permission have, and staff who view as a user."""

from __future__ import annotations

import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.infra.db import session, transaction
from puqpanel.models import Client, Role
from tests.web.accounts.test_client_rights import add_user
from tests.web.accounts.test_impersonation import support, view  # noqa: F401
from tests.web.conftest import Browser
from tests.web.shop.conftest import ADDRESS, add, order


def test_a_user_who_may_not_order_has_a_cart_of_their_own(
    app: Panel, shop: dict[str, str], slug: str
) -> None:
    anna = Browser(app).sign_in("anna@example.test", "/client")
    assert add(anna, slug).status_code == 302
    other = add_user(app, shop, "services.view")
    assert "Your cart is empty" in other.get("/shop/cart/").text
    assert add(other, slug, quantity="3").status_code == 302
    assert 'value="3"' in other.get("/shop/cart/").text
    assert 'value="1"' in anna.get("/shop/cart/").text


def test_a_view_gives_staff_no_permission_of_staff(
    app: Panel,
    support: Browser,  # noqa: F811
    view: str,  # noqa: F811
    shop: dict[str, str],
    slug: str,
) -> None:
    """Their cart stays theirs, and what needs a permission in the staff area needs it here."""
    visitor_cart = add(support, slug, quantity="2")
    assert visitor_cart.status_code == 302
    support.post(view)
    assert "Your cart is empty" in support.get("/shop/cart/").text
    assert add(support, slug).status_code == 302
    with app.app_context(), transaction():
        client = session().scalars(sa.select(Client).where(Client.uuid == shop["client"])).one()
        for name, value in ADDRESS.items():
            setattr(client, name, value)
    refused = order(support)
    assert refused.status_code == 422 and "orders.manage" in refused.text
    refused = support.post("/client/address-book/details", ADDRESS)
    assert "required permission" in refused.text
    with app.app_context(), transaction():
        role = session().scalars(sa.select(Role).where(Role.name == "Support")).one()
        role.permissions = [*role.permissions, "orders.manage"]
    assert order(support).status_code == 302
