"""Staff give services a price of their own, and transfer them."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, InvalidInput, PermissionDenied
from puqpanel.domain.money import Money
from puqpanel.infra.db import session
from puqpanel.models import Audit, Charge, Document
from puqpanel.operations.accounts import clients
from puqpanel.operations.catalog import products
from puqpanel.operations.ordering import changes, contracts, endings, terms
from puqpanel.operations.ordering.plans import Target
from puqpanel.operations.ordering.quotes import Choice
from tests.operations.billing.conftest import STAFF, client, company  # noqa: F401  # fixtures
from tests.operations.billing.conftest import change as change_client
from tests.operations.billing.test_issuing import problems
from tests.operations.ordering.test_changes import shop  # noqa: F401  # fixture
from tests.operations.ordering.test_endings import fresh, put, user_of
from tests.operations.ordering.test_orders import place


def other_client():
    made = clients.create_client(
        actor=STAFF, name="Other", email="o@example.org", country="PL", currency="EUR"
    )
    return clients.find_client(made.uuid)


def paying_in(currency: str):
    other = other_client()
    change_client(other, currency=currency)
    return other


def move(uuid: str, to, reason: str = "Sold"):
    terms.transfer(actor=STAFF, service_uuid=uuid, client_uuid=to.uuid, reason=reason)


def test_another_price_is_for_future_charges(shop):  # noqa: F811
    charged = session().scalars(sa.select(Charge.amount_minor)).all()
    terms.override_price(
        actor=STAFF, service_uuid=shop.uuid, price=Money(450, "EUR"), reason="Loyal"
    )
    assert (str(shop.service.price), shop.service.price_id) == ("4.50 EUR", None)
    assert session().scalars(sa.select(Charge.amount_minor)).all() == charged
    entry = session().scalar(sa.select(Audit).where(Audit.action == "service.price_overridden"))
    assert (entry.before, entry.after) == (
        {"price": "7.00 EUR"},
        {"price": "4.50 EUR", "reason": "Loyal"},
    )
    for price, reason in (
        (Money(-1, "EUR"), "x"),
        (Money(10**13, "EUR"), "x"),
        (Money(1, "PLN"), "x"),
        (Money(1, "EUR"), " "),
    ):
        with pytest.raises(InvalidInput):
            terms.override_price(actor=STAFF, service_uuid=shop.uuid, price=price, reason=reason)
    assert str(shop.service.price) == "4.50 EUR"


def test_a_transfer_leaves_documents_where_they_are(shop, client):  # noqa: F811
    old = place(client, Choice(products.find_product(shop.products["7"]), "weekly"), token="o")
    uuid, other = old.items[0].service.uuid, other_client()
    put(uuid, status="active", provision_status="completed")
    move(uuid, other)
    service = fresh(uuid)
    assert service.client_id == other.id
    assert session().scalars(sa.select(Document.client_id)).all() == [client.id, client.id]
    assert contracts.open_documents(service) == []  # those of the other client are not shown
    subjects = session().execute(
        sa.select(Audit.subject_uuid).where(Audit.action == "service.transferred")
    )
    assert {row.subject_uuid for row in subjects} == {uuid, client.uuid, other.uuid}
    with pytest.raises(PermissionDenied):
        endings.request(actor=user_of(client), service_uuid=uuid, at_once=True, reason="")
    assert problems() == []


def test_transfers_that_are_refused(shop, client):  # noqa: F811
    with pytest.raises(InvalidInput, match="invalid") as caught:
        move(shop.uuid, paying_in("PLN"))
    assert "pays in PLN" in caught.value.errors["client"][0]
    with pytest.raises(InvalidInput):
        move(shop.uuid, client)
    other = clients.find_client(
        clients.create_client(
            actor=STAFF, name="Third", email="t@example.org", country="PL", currency="EUR"
        ).uuid
    )
    with pytest.raises(InvalidInput):
        move(shop.uuid, other, reason="")
    shop.request("14")
    with pytest.raises(ConflictError, match="pending change"):
        move(shop.uuid, other)
    changes.withdraw(actor=STAFF, service_uuid=shop.uuid)
    endings.request(actor=STAFF, service_uuid=shop.uuid, at_once=False, reason="x")
    with pytest.raises(ConflictError, match="Keep service"):
        move(shop.uuid, other)
    assert shop.service.client_id == client.id


def test_an_upgrade_after_another_price_settles_what_was_charged(shop):  # noqa: F811
    terms.override_price(actor=STAFF, service_uuid=shop.uuid, price=Money(1, "EUR"), reason="x")
    target = Target(products.find_product(shop.products["14"]), "weekly")
    change = changes.request(actor=STAFF, change=changes.Request(shop.uuid, target, "t"))
    assert change.document.net == Money(700, "EUR")
