"""Offers: accepted once, at exactly the offered price, or declined, withdrawn and expired."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, InvalidInput, NotFoundError, PermissionDenied
from puqpanel.domain.money import Money
from puqpanel.domain.principals import CurrentClient, Principal
from puqpanel.infra.db import session, transaction
from puqpanel.models import Audit, Document, Offer, Order, Service
from puqpanel.operations.accounts.clients import find_client
from puqpanel.operations.billing import ledger, payments
from puqpanel.operations.catalog import products
from puqpanel.operations.ordering import (
    draft_contents,
    draft_items,
    drafts,
    offer_answers,
    offers,
    orders,
)
from puqpanel.operations.ordering.offers import Sent
from puqpanel.operations.ordering.quotes import Choice, OwnPrice
from puqpanel.operations.system import settings
from tests.operations.billing.conftest import STAFF, client, company  # noqa: F401  # fixtures
from tests.operations.billing.test_issuing import problems
from tests.operations.ordering.test_acceptance import together, user  # noqa: F401  # fixtures
from tests.operations.ordering.test_drafts import count, draft  # noqa: F401  # fixtures
from tests.operations.ordering.test_orders import change, product, tasks  # noqa: F401  # fixtures


def in_days(number: int) -> date:
    """Return a day from today, where the company of the fixture is."""
    return ledger.zone_day("Europe/Warsaw") + timedelta(days=number)


@pytest.fixture
def sent(draft: Order) -> Sent:  # noqa: F811
    """An offer of a product for 12.30 with tax, open for a week."""
    return offers.send(actor=STAFF, uuid=draft.uuid, expires_on=in_days(7), terms="Net 14 days.")


def accept(sent: Sent) -> Order:
    return offer_answers.accept_link(token=sent.token, name=" Anna  Berg ", ip="192.0.2.7")


def current(sent: Sent) -> Offer:
    session().rollback()
    session().expire_all()
    return offers.find_by_token(sent.token)


def test_an_offer_keeps_its_price_until_it_is_accepted(sent, product):  # noqa: F811
    products.save_product(actor=STAFF, uuid=product.uuid, name="VPS", price="99", currency="EUR")
    change(product, active=False)
    order = accept(sent)
    assert (order.status, order.placed_by) == ("placed", "Anna Berg")
    assert str(order.document.total) == "12.30 EUR"
    assert str(order.items[0].service.price) == "10.00 EUR"
    offer = current(sent)
    assert (offer.status, offer.answered_by) == ("accepted", "Anna Berg")
    assert accept(sent).id == order.id
    assert (count(Service), count(Document)) == (1, 1)
    payments.mark_paid(actor=STAFF, document_uuid=order.document.uuid, reason="cash")
    assert len(tasks()) == 1
    assert problems() == []


def test_the_record_says_that_a_link_was_used(sent):
    order = accept(sent)
    assert (order.placed_by, order.ip) == ("Anna Berg", "192.0.2.7")
    entries = session().scalars(sa.select(Audit).where(Audit.ip == "192.0.2.7")).all()
    assert {"order.offer_accepted", "order.placed"} <= {entry.action for entry in entries}
    assert {(entry.actor_kind, entry.actor_name) for entry in entries} == {("link", "public link")}
    accepted = next(each for each in entries if each.action == "order.offer_accepted")
    assert str(accepted.summary) == "Offer accepted by Anna Berg."


def test_an_offer_past_its_last_day_is_expired_before_the_job_runs(sent):
    order = sent.offer.order
    assert offers.expired({order.id}) == set()
    with transaction():
        session().get(Offer, sent.offer.id).expires_on = in_days(-2)
    assert offers.expired({order.id}) == {order.id}
    assert offers.expired(set()) == set()


def test_an_own_price_is_shown_offered_and_taken(draft, product):  # noqa: F811
    (item_id, _choice), *_others = draft_contents.items(draft)
    own = OwnPrice(Money(250, "EUR"), Money(100, "EUR"), "Loyal customer")
    choice = Choice(product, "monthly", own_price=own)
    for wrong in (replace(own, reason=" "), replace(own, recurring=Money(-1, "EUR"))):
        with pytest.raises(InvalidInput):
            draft_items.save_item(
                actor=STAFF,
                uuid=draft.uuid,
                choice=replace(choice, own_price=wrong),
                item_id=item_id,
            )
    clerk = replace(STAFF, permissions=frozenset({"orders.manage"}))
    with pytest.raises(PermissionDenied):
        draft_items.save_item(actor=clerk, uuid=draft.uuid, choice=choice, item_id=item_id)
    draft_items.save_item(actor=STAFF, uuid=draft.uuid, choice=choice, item_id=item_id)
    # a clerk may rename the service, but the price is for what it was given for
    draft_items.save_item(actor=clerk, uuid=draft.uuid, choice=choice, item_id=item_id)
    with pytest.raises(PermissionDenied):
        longer = replace(choice, period="annually")
        draft_items.save_item(actor=clerk, uuid=draft.uuid, choice=longer, item_id=item_id)
    shown = drafts.price(draft, [each for _id, each in draft_contents.items(draft)]).quote.total
    sent = offers.send(actor=STAFF, uuid=draft.uuid, expires_on=in_days(7))
    assert shown == sent.offer.total == Money(431, "EUR")  # 3.50 with 23 % tax
    order = accept(sent)
    assert (order.total, order.document.total) == (shown, shown)
    assert str(order.items[0].service.price) == "2.50 EUR"
    assert {line["own_price"] for line in order.quote} == {"Loyal customer"}
    entry = session().scalar(sa.select(Audit).where(Audit.action == "service.price_overridden"))
    assert entry.after == {"price": "2.50 EUR", "reason": "Loyal customer"}
    assert problems() == []


def test_the_token_is_stored_as_a_hash(sent):
    stored = session().scalars(sa.select(Offer.token_hash)).one()
    assert sent.token not in stored
    for token in ("", "x", "\0", stored):
        with pytest.raises(NotFoundError):
            offers.find_by_token(token)
    again = offers.replace_link(actor=STAFF, uuid=sent.offer.order.uuid)
    with pytest.raises(NotFoundError):
        offers.find_by_token(sent.token)
    assert offers.find_by_token(again.token).id == sent.offer.id


def test_accepted_offers_need_no_acceptance_by_staff(sent, user):  # noqa: F811
    settings.save(actor=STAFF, values={"shop.acceptance": "all"})
    order = offer_answers.accept(actor=user, uuid=sent.offer.uuid)
    assert (order.status, order.placed_by) == ("placed", "Anna")


def test_stock_is_taken_when_the_offer_is_accepted(sent, product):  # noqa: F811
    session().expire_all()
    assert products.find_product(product.uuid).stock == 3
    change(product, stock=0)
    with pytest.raises(InvalidInput) as caught:
        accept(sent)
    assert caught.value.errors == {"product": ["VPS is sold out."]}
    assert current(sent).status == "open"
    change(product, stock=1)
    accept(sent)
    session().expire_all()
    assert products.find_product(product.uuid).stock == 0


def test_a_tax_that_changed_is_not_charged_silently(sent, client):  # noqa: F811
    with transaction():
        find_client(client.uuid).country = "DE"
        find_client(client.uuid).buyer_kind = "business"
        find_client(client.uuid).vat_status = "confirmed"
    with pytest.raises(ConflictError, match="has changed since"):
        accept(sent)
    assert current(sent).status == "open"
    assert (count(Service), count(Document)) == (0, 0)


def test_a_declined_offer_is_a_draft_again(sent):
    offer_answers.decline_link(token=sent.token, name="Anna", reason="Too  expensive", ip="")
    offer = current(sent)
    assert (offer.status, offer.reason, offer.order.status) == (
        "declined",
        "Too expensive",
        "draft",
    )
    with pytest.raises(ConflictError, match="declined"):
        accept(sent)
    with pytest.raises(ConflictError, match="no open offer"):
        offers.withdraw(actor=STAFF, uuid=offer.order.uuid)
    drafts.delete(actor=STAFF, uuid=offer.order.uuid)
    with pytest.raises(NotFoundError):
        current(sent)


def test_a_withdrawn_offer_is_a_draft_again(sent):
    uuid = sent.offer.order.uuid
    for refused in (
        lambda: drafts.delete(actor=STAFF, uuid=uuid),
        lambda: drafts.place(actor=STAFF, uuid=uuid),
        lambda: draft_items.remove_item(actor=STAFF, uuid=uuid, item_id="x"),
        lambda: offers.send(actor=STAFF, uuid=uuid, expires_on=in_days(1)),
    ):
        with pytest.raises(ConflictError, match="Withdraw the offer first"):
            refused()
    offers.withdraw(actor=STAFF, uuid=uuid)
    with pytest.raises(ConflictError, match="withdrawn"):
        accept(sent)
    assert drafts.place(actor=STAFF, uuid=uuid).status == "placed"


def test_an_offer_expires_after_its_last_day(sent):
    for last, status, closed in ((in_days(0), "open", 0), (in_days(-2), "expired", 1)):
        with transaction():
            offers.find_by_token(sent.token).expires_on = last
        assert offers.status_of(current(sent)) == status
        if closed:
            with pytest.raises(ConflictError, match="has expired"):
                accept(sent)
        assert offers.expire_due() == closed
    assert (current(sent).status, current(sent).order.status) == ("expired", "draft")
    assert offers.expire_due() == 0


@pytest.mark.parametrize("days", [-1, 366])
def test_an_impossible_last_day_is_refused(draft, days):  # noqa: F811
    with pytest.raises(InvalidInput) as caught:
        offers.send(actor=STAFF, uuid=draft.uuid, expires_on=in_days(days))
    assert set(caught.value.errors) == {"expires_on"}


def test_an_empty_draft_is_not_offered(client, company):  # noqa: F811
    empty = drafts.create(actor=STAFF, client_uuid=client.uuid)
    with pytest.raises(InvalidInput, match="Some fields"):
        offers.send(actor=STAFF, uuid=empty.uuid, expires_on=in_days(1))


def test_a_share_of_the_first_period_is_charged_as_offered(panel, client, product, company):  # noqa: F811
    fixed = in_days(20).day
    change(product, anchor_day=fixed)
    order = drafts.create(actor=STAFF, client_uuid=client.uuid)
    draft_items.save_item(actor=STAFF, uuid=order.uuid, choice=Choice(product, "monthly"))
    with pytest.raises(InvalidInput):
        offers.send(actor=STAFF, uuid=order.uuid, expires_on=in_days(25))
    sent = offers.send(actor=STAFF, uuid=order.uuid, expires_on=in_days(10))
    with transaction():  # as if it had been offered four days ago
        row = offers.find_by_token(sent.token)
        row.day = row.day - timedelta(days=4)
    with pytest.raises(ConflictError, match="has changed since"):
        accept(sent)  # 24 days would cost more than the 20 that were offered
    with transaction():
        row = offers.find_by_token(sent.token)
        row.day = row.day + timedelta(days=4)
    placed = accept(sent)
    assert placed.document.total == sent.offer.total
    assert placed.items[0].service.paid_until == in_days(20)
    assert problems() == []


@pytest.mark.mariadb
def test_an_offer_that_is_accepted_by_many_becomes_one_order(panel, sent, user):  # noqa: F811
    outcomes = together(
        panel,
        lambda: accept(sent),
        lambda: offer_answers.accept(actor=user, uuid=sent.offer.uuid),
        lambda: accept(sent),
    )
    assert outcomes == ["done"] * 3
    assert (count(Service), count(Document)) == (1, 1)
    assert current(sent).status == "accepted"
    assert problems() == []


@pytest.mark.mariadb
def test_an_offer_that_is_withdrawn_while_it_is_accepted_is_one_of_both(panel, sent):
    uuid = sent.offer.order.uuid
    accepted, withdrawn = together(
        panel, lambda: accept(sent), lambda: offers.withdraw(actor=STAFF, uuid=uuid)
    )
    assert [accepted, withdrawn].count("done") == 1
    offer = current(sent)
    assert offer.status == ("accepted" if accepted == "done" else "withdrawn")
    assert orders.find_order(uuid).status == ("placed" if accepted == "done" else "draft")
    assert count(Service) == (accepted == "done")
    assert problems() == []


def test_users_answer_offers_of_their_own_client_only(sent, user):  # noqa: F811
    assert [offer.id for offer in offers.open_offers(user)] == [sent.offer.id]
    other: Principal = replace(user, client=CurrentClient(10**6, "another", "Other"))
    for run in (offers.find_own, offer_answers.accept, offer_answers.decline):
        with pytest.raises(NotFoundError):
            run(actor=other, uuid=sent.offer.uuid)
    weak = replace(user, permissions=frozenset({"orders.view"}))
    assert offers.find_own(actor=weak, uuid=sent.offer.uuid).total == Money(1230, "EUR")
    arguments: dict[str, Any] = {"actor": weak, "uuid": sent.offer.uuid}
    for run in (offer_answers.accept, offer_answers.decline):
        with pytest.raises(PermissionDenied):
            run(**arguments)


def test_an_offer_to_a_client_who_was_deactivated_is_not_accepted(sent, client):  # noqa: F811
    with transaction():
        find_client(client.uuid).active = False
    with pytest.raises(ConflictError, match="at the moment"):
        accept(sent)
    assert session().scalar(sa.select(sa.func.count(Service.id))) == 0
    with transaction():
        find_client(client.uuid).active = True
    assert accept(sent).status == "placed"
