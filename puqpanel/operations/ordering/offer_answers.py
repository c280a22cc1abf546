"""Answers to offers: the recipient accepts or declines, by link or as a user of the client.

Accepting places the order in the same transaction, so an offer becomes one order.
"""

from __future__ import annotations

import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, InvalidInput
from puqpanel.domain.offer_states import OfferStatus
from puqpanel.domain.permissions import CLIENT_ORDERS_MANAGE, ORDERS_MANAGE
from puqpanel.domain.principals import Principal, PrincipalKind
from puqpanel.domain.texts import _
from puqpanel.infra.db import find, retry_deadlocks, transaction
from puqpanel.infra.redact import storable
from puqpanel.models import Client, Company, Offer, Order
from puqpanel.operations.ordering import draft_contents, drafts, orders
from puqpanel.operations.ordering.offered_prices import offered_prices
from puqpanel.operations.ordering.offers import (
    CLOSED,
    MISSING,
    close,
    find_by_token,
    find_own,
    record,
    status_of,
)
from puqpanel.operations.ordering.orders import Request
from puqpanel.operations.ordering.quotes import Priced
from puqpanel.operations.system.fields import clean_name

MAX_REASON = 500


def accept(*, actor: Principal, uuid: str) -> Order:
    """Accept an offer as a user of the client; see `accept_link`."""
    actor.require_own(CLIENT_ORDERS_MANAGE, staff=ORDERS_MANAGE)
    return _accept(actor, find_own(actor, uuid), actor.name)


def accept_link(*, token: str, name: str, ip: str) -> Order:
    """Accept an offer by its link: it becomes an order at exactly the offered price.

    Args:
        token: of the link.
        name: of who accepts it; required.
        ip: their address.

    Returns:
        The order; the same one if it was accepted before.

    Raises:
        ConflictError: the offer has expired, or was declined or withdrawn.
        InvalidInput: the name is missing, or a product is sold out.
        NotFoundError: there is no such offer.
    """
    offer = find_by_token(token)
    return _accept(_recipient(ip), offer, _name(name))


def decline(*, actor: Principal, uuid: str, reason: str = "") -> None:
    """Decline an offer as a user of the client; see `decline_link`."""
    actor.require_own(CLIENT_ORDERS_MANAGE, staff=ORDERS_MANAGE)
    _decline(actor, find_own(actor, uuid), actor.name, reason)


def decline_link(*, token: str, name: str, reason: str, ip: str) -> None:
    """Decline an offer by its link; its order is a draft again.

    Args:
        token: of the link.
        name: of who declines it; required.
        reason: for staff; may be empty.
        ip: their address.

    Raises:
        ConflictError: the offer is not open.
        InvalidInput: the name is missing, or the reason is too long.
        NotFoundError: there is no such offer.
    """
    offer = find_by_token(token)
    _decline(_recipient(ip), offer, _name(name), reason)


def _accept(actor: Principal, offer: Offer, name: str) -> Order:
    order, offer_uuid = offer.order, offer.uuid
    if offer.status == OfferStatus.ACCEPTED:
        return order
    _check_open(offer)
    choices = [choice for _id, choice in draft_contents.items(order)]

    def claim(company: Company, client: Client) -> Priced:
        # inside the transaction that places the order, with the client locked
        current = find(sa.select(Offer).where(Offer.uuid == offer_uuid), MISSING)
        _check_open(current)
        priced = offered_prices(current, company, client, choices)
        close(current, OfferStatus.ACCEPTED, name)
        record(
            actor,
            current,
            "order.offer_accepted",
            _("Offer accepted by %(name)s.", name=name),
        )
        return priced

    return orders.place(
        actor=actor,
        request=Request(
            client_uuid=order.client.uuid,
            choices=choices,
            token=order.token,
            contents=order.contents or (),
            prices=claim,
            placed_by=name,
        ),
    )


@retry_deadlocks
@transaction()
def _decline(actor: Principal, offer: Offer, name: str, reason: str) -> None:
    text = " ".join(storable(reason).split())
    if len(text) > MAX_REASON:
        message = _("Enter at most %(longest)s characters.", longest=MAX_REASON)
        raise InvalidInput({"reason": [message]})
    drafts.lock_order(offer.order.uuid)
    current = find(sa.select(Offer).where(Offer.uuid == offer.uuid), MISSING)
    _check_open(current)
    current.reason = text
    close(current, OfferStatus.DECLINED, name)
    summary = (
        _("Offer declined by %(name)s: %(reason)s", name=name, reason=text)
        if text
        else _("Offer declined by %(name)s.", name=name)
    )
    record(actor, current, "order.offer_declined", summary)


def _check_open(offer: Offer) -> None:
    status = status_of(offer)
    if status != OfferStatus.OPEN:
        raise ConflictError(CLOSED[status])
    if not offer.order.client.active:
        raise ConflictError(_("This offer can't be answered at the moment. Contact us."))


def _recipient(ip: str) -> Principal:
    """Return who answers an offer by its link; the name that they enter proves nothing."""
    permissions = frozenset({ORDERS_MANAGE})
    return Principal(PrincipalKind.LINK, None, "public link", ip, permissions=permissions)


def _name(name: str) -> str:
    return clean_name(name, longest=100)
