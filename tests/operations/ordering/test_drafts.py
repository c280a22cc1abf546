"""Drafts: prepared by staff, placed once at today's prices, without effect until then."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, InvalidInput, NotFoundError
from puqpanel.domain.money import Money
from puqpanel.infra.db import session, transaction
from puqpanel.models import Document, Order, Service
from puqpanel.operations.catalog import products
from puqpanel.operations.ordering import draft_contents, draft_items, drafts, orders
from puqpanel.operations.ordering.orders import PriceChangedError
from puqpanel.operations.ordering.quotes import Choice
from tests.operations.billing.conftest import STAFF, client, company  # noqa: F401  # fixtures
from tests.operations.billing.test_issuing import problems
from tests.operations.ordering.test_orders import change, product  # noqa: F401  # fixtures

ANOTHER = {"name": "Backup", "price": "2.50", "currency": "EUR"}


@pytest.fixture
def draft(client: Any, product: Any) -> Order:  # noqa: F811
    """A draft with one product, of which three are in stock."""
    change(product, stock=3)
    order = drafts.create(actor=STAFF, client_uuid=client.uuid)
    draft_items.save_item(
        actor=STAFF, uuid=order.uuid, choice=Choice(product, "monthly", name=" vps ")
    )
    return orders.find_order(order.uuid)


def count(model: Any) -> int:
    return session().scalar(sa.select(sa.func.count()).select_from(model)) or 0


def add(draft: Order, **values: Any) -> None:
    made = products.save_product(actor=STAFF, uuid=None, **{**ANOTHER, **values})
    choice = Choice(products.find_product(made.uuid), "monthly")
    draft_items.save_item(actor=STAFF, uuid=draft.uuid, choice=choice)


def test_a_draft_takes_and_makes_nothing(draft, product):  # noqa: F811
    assert (draft.status, draft.document, draft.items) == ("draft", None, [])
    assert (count(Service), count(Document)) == (0, 0)
    assert products.find_product(product.uuid).stock == 3
    drafts.delete(actor=STAFF, uuid=draft.uuid)
    assert count(Order) == 0


def test_a_placed_draft_is_the_same_order_with_its_products(draft, product):  # noqa: F811
    add(draft)
    order = drafts.place(actor=STAFF, uuid=draft.uuid, expected=Money(1538, "EUR"))
    assert (order.uuid, order.status, order.contents) == (draft.uuid, "placed", None)
    assert [item.service.name for item in order.items] == ["vps", "Backup"]
    assert str(order.document.total) == "15.38 EUR"
    session().expire_all()
    assert products.find_product(product.uuid).stock == 2
    assert drafts.place(actor=STAFF, uuid=draft.uuid).id == order.id
    assert count(Service) == 2
    assert problems() == []
    for change_it in (drafts.delete, lambda **ids: draft_items.remove_item(**ids, item_id="x")):
        with pytest.raises(ConflictError, match="placed already"):
            change_it(actor=STAFF, uuid=draft.uuid)


def test_products_are_changed_and_removed(draft):
    add(draft)
    ((first, choice), (second, _)) = draft_contents.items(orders.find_order(draft.uuid))
    draft_items.save_item(
        actor=STAFF,
        uuid=draft.uuid,
        item_id=first,
        choice=Choice(choice.product, "monthly", name="renamed"),
    )
    draft_items.remove_item(actor=STAFF, uuid=draft.uuid, item_id=second)
    draft_items.remove_item(actor=STAFF, uuid=draft.uuid, item_id=second)
    assert [each.name for _id, each in draft_contents.items(orders.find_order(draft.uuid))] == [
        "renamed"
    ]
    with pytest.raises(NotFoundError):
        draft_items.save_item(actor=STAFF, uuid=draft.uuid, item_id=second, choice=choice)


def test_a_changed_price_or_draft_is_not_placed(draft, product):  # noqa: F811
    products.save_product(actor=STAFF, uuid=product.uuid, name="VPS", price="20", currency="EUR")
    with pytest.raises(PriceChangedError):
        drafts.place(actor=STAFF, uuid=draft.uuid, expected=Money(1230, "EUR"))
    read = list(orders.find_order(draft.uuid).contents or ())
    add(draft)
    request = orders.Request(
        draft.client.uuid, [Choice(product, "monthly")], draft.token, contents=read
    )
    with pytest.raises(ConflictError, match="changed in the meantime"):
        orders.place(actor=STAFF, request=request)
    drafts.delete(actor=STAFF, uuid=draft.uuid)
    with pytest.raises(ConflictError, match="deleted"):
        orders.place(actor=STAFF, request=request)
    assert (count(Service), count(Document)) == (0, 0)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"period": "weekly"}, "period"),
        ({"options": {"disk": "1"}}, "disk"),
        ({"name": "x" * 201}, "name"),
    ],
)
def test_what_cannot_be_ordered_is_not_saved(draft, product, values, field):  # noqa: F811
    with pytest.raises(InvalidInput) as caught:
        draft_items.save_item(
            actor=STAFF,
            uuid=draft.uuid,
            choice=Choice(**{"product": product, "period": "monthly", **values}),
        )
    assert field in caught.value.errors
    assert len(draft_contents.items(orders.find_order(draft.uuid))) == 1


def test_what_was_retired_meanwhile_is_not_placed(draft, product):  # noqa: F811
    for values, text in (
        ({"active": False}, "VPS is no longer sold."),
        ({"active": True, "stock": 0}, "VPS is sold out."),
    ):
        change(product, **values)
        with pytest.raises(InvalidInput) as caught:
            drafts.place(actor=STAFF, uuid=draft.uuid)
        assert caught.value.errors == {"product": [text]}
    assert orders.find_order(draft.uuid).status == "draft"


def test_the_module_form_of_a_draft_is_encrypted(draft):
    with transaction():
        row = orders.find_order(draft.uuid)
        row.contents = [{"id": "1", "data": {"password": "a plain secret"}}]
    stored = session().execute(sa.text("SELECT contents FROM orders")).scalar()
    assert stored
    assert "a plain secret" not in stored
