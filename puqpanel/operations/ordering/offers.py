"""Offers: staff offer a draft at its prices of today; `offer_answers` has what recipients do.

The link of an offer contains a random token; only its hash is stored. The use of a coupon is
counted with the offer, and given back unless it is accepted. Stock is taken when it is accepted.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, InvalidInput, NotFoundError
from puqpanel.domain.offer_states import OfferStatus
from puqpanel.domain.order_states import OrderStatus
from puqpanel.domain.permissions import (
    CLIENT_ORDERS_VIEW,
    ORDERS_MANAGE,
)
from puqpanel.domain.principals import AUTOMATION, Principal
from puqpanel.domain.texts import Text, _
from puqpanel.infra.clock import now
from puqpanel.infra.db import find, retry_deadlocks, save, session, transaction
from puqpanel.infra.redact import storable
from puqpanel.models import Company, Offer, Order
from puqpanel.operations.accounts.sessions import hash_token
from puqpanel.operations.billing.companies import company_for
from puqpanel.operations.billing.ledger import today
from puqpanel.operations.ordering import coupon_uses, draft_contents, drafts
from puqpanel.operations.ordering.coupons import valid_coupon
from puqpanel.operations.ordering.offered_prices import (
    first_end,
    plain_coupon,
    plain_prices,
    plain_quote,
)
from puqpanel.operations.ordering.quotes import Choice, Priced
from puqpanel.operations.system import audit, batches

MAX_DAYS, MAX_TERMS = 365, 10_000
BATCH = 200
MISSING = _("This offer does not exist. Check the link, or ask for a new one.")
CLOSED: dict[str, Text] = {
    OfferStatus.ACCEPTED: _("This offer has been accepted."),
    OfferStatus.DECLINED: _("This offer was declined."),
    OfferStatus.WITHDRAWN: _("This offer was withdrawn. Ask for a new one."),
    OfferStatus.EXPIRED: _("This offer has expired. Ask for a new one."),
}


@dataclass(frozen=True, slots=True)
class Sent:
    """An offer with the token of its link, which cannot be read again."""

    offer: Offer
    token: str


def find_by_token(token: str) -> Offer:
    """Return the offer of a link.

    Raises:
        NotFoundError: there is none.
    """
    return find(sa.select(Offer).where(Offer.token_hash == hash_token(storable(token))), MISSING)


def find_own(actor: Principal, uuid: str) -> Offer:
    """Return an offer to a user's current client.

    Raises:
        NotFoundError: it does not exist, or is another client's.
    """
    actor.require_own(CLIENT_ORDERS_VIEW)
    return find(_own(actor).where(Offer.uuid == uuid), MISSING)


def own_offers(actor: Principal) -> Sequence[Offer]:
    """Return the offers to a user's current client, open ones first."""
    actor.require_own(CLIENT_ORDERS_VIEW)
    query = _own(actor).order_by(Offer.status != OfferStatus.OPEN, Offer.id.desc())
    return session().scalars(query.limit(100)).all()


def open_offers(actor: Principal) -> Sequence[Offer]:
    """Return the offers that a user's current client can accept, the first to expire first."""
    actor.require_own(CLIENT_ORDERS_VIEW)
    query = _own(actor).where(Offer.status == OfferStatus.OPEN).order_by(Offer.expires_on)
    found = session().scalars(query.limit(100)).all()
    return [offer for offer in found if status_of(offer) == OfferStatus.OPEN]


def offers_of(order: Order) -> Sequence[Offer]:
    """Return the offers of an order, the last one first."""
    query = sa.select(Offer).where(Offer.order_id == order.id)
    return session().scalars(query.order_by(Offer.id.desc())).all()


def expired(order_ids: Collection[int]) -> set[int]:
    """Return which of some orders have an open offer that is past its last day."""
    query = sa.select(Offer).where(Offer.order_id.in_(order_ids), Offer.status == OfferStatus.OPEN)
    found = session().scalars(query).all() if order_ids else []
    return {offer.order_id for offer in found if status_of(offer) == OfferStatus.EXPIRED}


def status_of(offer: Offer) -> OfferStatus:
    """Return the status of an offer today: one that is past its last day has expired."""
    if offer.status == OfferStatus.OPEN and today(offer.company) > offer.expires_on:
        return OfferStatus.EXPIRED
    return OfferStatus(offer.status)


@retry_deadlocks
@transaction()
def send(*, actor: Principal, uuid: str, expires_on: date, terms: str = "") -> Sent:
    """Offer a draft at its prices of today.

    Args:
        actor: who offers it.
        uuid: the draft.
        expires_on: the last day on which it can be accepted.
        terms: shown to the recipient.

    Raises:
        ConflictError: the order is not a draft.
        InvalidInput: the draft is empty, a product cannot be ordered, or the day is not possible.
    """
    actor.require(ORDERS_MANAGE)
    order = drafts.lock_draft(uuid)
    choices = [choice for _id, choice in draft_contents.items(order)]
    company, client = company_for(order.client), order.client
    priced = drafts.price_all(order)
    _check_day(company, priced, choices, expires_on)
    if len(terms) > MAX_TERMS:
        raise InvalidInput(
            {"terms": [_("Enter at most %(longest)s characters.", longest=MAX_TERMS)]}
        )
    token = secrets.token_urlsafe(32)
    offer = save(
        Offer(
            order_id=order.id,
            order=order,
            company_id=company.id,
            company=company,
            token_hash=hash_token(token),
            day=today(company),
            expires_on=expires_on,
            terms=storable(terms).strip(),
            prices=plain_prices(priced),
            coupon=plain_coupon(priced.coupon),
            quote=plain_quote(priced.quote),
            currency=client.currency,
            total_minor=priced.quote.total.minor,
            offered_by=actor.name,
        )
    )
    order.status, order.currency = OrderStatus.OFFERED, client.currency
    order.total_minor = offer.total_minor
    if order.coupon:
        coupon_uses.take(valid_coupon(order.coupon, client, offer.day), order)
    summary = _("Offered for %(total)s until %(day)s.", total=offer.total, day=expires_on)
    record(actor, offer, "order.offered", summary)
    return Sent(offer, token)


@retry_deadlocks
@transaction()
def replace_link(*, actor: Principal, uuid: str) -> Sent:
    """Give an open offer a new link; the old one leads nowhere.

    Args:
        actor: who replaces it.
        uuid: the order.

    Raises:
        ConflictError: the order has no open offer.
    """
    actor.require(ORDERS_MANAGE)
    offer = _open_offer(uuid)
    token = secrets.token_urlsafe(32)
    offer.token_hash = hash_token(token)
    record(actor, offer, "order.offer_link_replaced", _("New offer link created."))
    return Sent(offer, token)


@retry_deadlocks
@transaction()
def withdraw(*, actor: Principal, uuid: str) -> None:
    """Withdraw the open offer of an order, which is a draft again.

    Raises:
        ConflictError: the order has no open offer.
    """
    actor.require(ORDERS_MANAGE)
    offer = _open_offer(uuid)
    close(offer, OfferStatus.WITHDRAWN)
    record(actor, offer, "order.offer_withdrawn", _("Offer withdrawn."))


def expire_due() -> int:
    """Close the offers that are past their last day; return how many."""
    query = sa.select(Offer).where(
        Offer.status == OfferStatus.OPEN, Offer.expires_on <= now().date()
    )
    due = session().scalars(query.order_by(Offer.expires_on).limit(BATCH)).all()
    return batches.carry_out(_expire, [(offer.uuid, offer.order.uuid) for offer in due])


@retry_deadlocks
@transaction()
def _expire(uuid: str, order_uuid: str) -> bool:
    drafts.lock_order(order_uuid)
    offer = find(sa.select(Offer).where(Offer.uuid == uuid), MISSING)
    if offer.status != OfferStatus.OPEN or status_of(offer) != OfferStatus.EXPIRED:
        return False
    close(offer, OfferStatus.EXPIRED)
    record(AUTOMATION, offer, "order.offer_expired", _("Offer expired."))
    return True


def close(offer: Offer, status: OfferStatus, answered_by: str = "") -> None:
    """End an open offer of a locked client; unless it is accepted, its order is a draft again.

    Args:
        offer: the offer.
        status: how it ended.
        answered_by: the name of who answered it; empty if nobody did.
    """
    offer.status = status
    if answered_by:
        offer.answered_by, offer.answered_at = answered_by, now()
    if status != OfferStatus.ACCEPTED:
        offer.order.status, offer.order.total_minor = OrderStatus.DRAFT, 0
        coupon_uses.give_back(offer.order)


def _open_offer(uuid: str) -> Offer:
    """Lock the client of an order, and return its open offer."""
    order = drafts.lock_order(uuid)
    query = sa.select(Offer).where(Offer.order_id == order.id, Offer.status == OfferStatus.OPEN)
    try:
        return find(query, MISSING)
    except NotFoundError:
        raise ConflictError(_("This order has no open offer.")) from None


def _check_day(
    company: Company, priced: Priced, choices: Sequence[Choice], expires_on: date
) -> None:
    """Check that an offer can be accepted until a day.

    Raises:
        InvalidInput: the day is past or far away, or the first period would be over.
    """
    first = today(company)
    last = first + timedelta(days=MAX_DAYS)
    end = first_end(priced.quote, choices)
    if end is not None:
        last = min(last, end - timedelta(days=1))
    if not first <= expires_on <= last:
        message = _("Choose a day from %(first)s to %(last)s.", first=first, last=last)
        raise InvalidInput({"expires_on": [message]})


def _own(actor: Principal) -> sa.Select[Offer]:
    client_id = actor.client.id if actor.client else None
    return (
        sa.select(Offer).join(Order, Order.id == Offer.order_id).where(Order.client_id == client_id)
    )


def record(actor: Principal, offer: Offer, action: str, summary: Text) -> None:
    """Record what happened to an offer, on its order."""
    audit.record(
        actor=actor,
        action=action,
        subject_type="order",
        subject_uuid=offer.order.uuid,
        summary=summary,
        after={"offer": offer.uuid, "total": str(offer.total)},
    )
