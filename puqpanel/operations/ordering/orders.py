"""Orders: one transaction creates the services, the document and the order.

Provisioning follows by tasks that are added in the same transaction as what allows it: the order,
or the payment of its document. So a paid order is provisioned even if a process crashes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from puqpanel.domain import texts
from puqpanel.domain.catalog import BillingMode, ProvisioningPolicy
from puqpanel.domain.document_states import DocumentStatus
from puqpanel.domain.errors import ConflictError, InvalidInput, PermissionDenied
from puqpanel.domain.money import Money
from puqpanel.domain.order_states import NOT_PLACED, OrderStatus
from puqpanel.domain.periods import anchor_for
from puqpanel.domain.permissions import CLIENT_ORDERS_MANAGE, ORDERS_MANAGE
from puqpanel.domain.pricing import Quote
from puqpanel.domain.principals import Principal, PrincipalKind
from puqpanel.domain.service_states import ProvisionStatus, ServiceStatus
from puqpanel.domain.texts import _
from puqpanel.infra import catalogs
from puqpanel.infra.clock import now
from puqpanel.infra.db import find, retry_deadlocks, save, session, transaction
from puqpanel.infra.events import raise_event
from puqpanel.models import Address, Cart, Client, Company, Document, Order, OrderItem, Service
from puqpanel.operations.accounts import addresses
from puqpanel.operations.accounts.clients import find_client
from puqpanel.operations.billing import issuing, ledger
from puqpanel.operations.billing.companies import company_for
from puqpanel.operations.catalog.products import check_configured
from puqpanel.operations.ordering import (
    carts,
    coupon_uses,
    coupons,
    limits,
    order_forms,
    prepaid_orders,
    risks,
    stock,
)
from puqpanel.operations.ordering.provisioning import provision
from puqpanel.operations.ordering.quotes import (
    Choice,
    Priced,
    document_line,
    plain_line,
    price_choices,
    sold_at,
)
from puqpanel.operations.system import audit
from puqpanel.operations.system.fields import clean_name

MAX_ITEMS = carts.MAX_SERVICES
SUBMITTED = _("This form has already been submitted. Reload the page and try again.")
WAITS = (ServiceStatus.PENDING, ProvisionStatus.PENDING)
"""A service that is not at its provider yet."""


def find_order(uuid: str) -> Order:
    """Return one order.

    Raises:
        NotFoundError: it does not exist.
    """
    return find(sa.select(Order).where(Order.uuid == uuid), _("Order not found."))


@dataclass(frozen=True, slots=True)
class Request:
    """An order that is to be placed.

    Args:
        client_uuid: who buys.
        choices: what, at least one product.
        token: of the form, so that a form that is sent twice places one order.
        expected: the total that was shown; if it is another one now, nothing is ordered. None to
            accept any.
        expected_month: what a month of prepaid services was shown to cost; checked like the total.
        coupon: the code that was entered; empty for none.
        cart: the cart that is ordered, which is deleted with the order; None without one.
        contents: of the draft with this token that becomes the order, as they were read.
        prices: returns the prices of an offer, which staff have accepted, in the transaction;
            those of the catalog unless given.
        placed_by: the name to record; that of the actor unless given.
        address_id: the billing address; None for the client's own. A draft has it itself.
    """

    client_uuid: str
    choices: Sequence[Choice]
    token: str
    expected: Money | None = None
    expected_month: Money | None = None
    coupon: str = ""
    cart: Cart | None = None
    contents: Sequence[Mapping[str, Any]] = ()
    prices: Callable[[Company, Client], Priced] | None = None
    placed_by: str = ""
    address_id: int | None = None


class PriceChangedError(ConflictError):
    """The total differs from the one that was shown."""

    error_code = "price_changed"


def place(*, actor: Principal, request: Request) -> Order:
    """Place an order: services, a document for what is due at once, and the order itself.

    Args:
        actor: staff, or a user of the client.
        request: what is ordered.

    Raises:
        PermissionDenied: the actor may not order for the client.
        InvalidInput: a product, option or field is invalid, or sold out.
        PriceChangedError: the total is not the one that was shown.
    """
    _check_actor(actor, request.client_uuid)
    if not 1 <= len(request.choices) <= MAX_ITEMS:
        raise InvalidInput({"": [_("Choose from 1 to %(limit)s products.", limit=MAX_ITEMS)]})
    forms_data = [_validated(choice, actor) for choice in request.choices]
    return _place(actor, request, forms_data)


@retry_deadlocks
@transaction()
def _place(actor: Principal, request: Request, forms_data: Sequence[dict[str, Any]]) -> Order:
    client = ledger.lock_client(find_client(request.client_uuid).id)
    earlier = _earlier(request, client)
    if earlier is not None and earlier.status not in NOT_PLACED:
        return earlier
    limits.check_order(actor, client)
    company = company_for(client)
    address = addresses.chosen(client, earlier.address_id if earlier else request.address_id)
    if request.address_id and address is None and earlier is None:
        raise addresses.gone()
    for choice in sorted(request.choices, key=lambda each: each.product.id):
        stock.take(choice.product)
    language = catalogs.find(client.language) or texts.SOURCE
    with texts.using(language):
        coupon = (
            coupons.valid_coupon(request.coupon, client, ledger.today(company))
            if request.coupon
            else None
        )
        priced = (
            request.prices(company, client)
            if request.prices
            else price_choices(company, client, request.choices, coupon, address)
        )
        _check_total(priced.quote, request.expected)
        check_month(priced.quote, request.expected_month)
        placing = _Placing(
            actor,
            client,
            company,
            request.choices,
            priced,
            offered=request.prices is not None,
            address=address,
        )
        services = [_service(placing, at, data) for at, data in enumerate(forms_data)]
        document = _document(placing, services)
    order = _record(placing, earlier or Order(token=request.token), document)
    order.placed_by = (request.placed_by or actor.name)[:200]
    if coupon is not None:
        coupon_uses.take(coupon, order)
    if request.cart is not None:
        carts.take_ordered(request.cart)
    for at, service in enumerate(services):
        save(
            OrderItem(
                order_id=order.id,
                service_id=service.id,
                selection=dict(priced.configurations[at].values),
                provisioning=service.product.provisioning,
                discount=coupon_uses.later_discount(priced.coupon, priced.quote, str(at)),
            )
        )
    for subject_type, subject_uuid in (("order", order.uuid), ("client", client.uuid)):
        audit.record(
            actor=actor,
            action="order.placed",
            subject_type=subject_type,
            subject_uuid=subject_uuid,
            summary=_("Order %(number)s placed, %(total)s.", number=order.id, total=order.total),
            after={"order": order.uuid, "total": str(order.total)},
        )
    for service, choice in zip(services, request.choices, strict=True):
        if choice.own_price is not None:
            own = {"price": str(service.price), "reason": choice.own_price.reason}
            audit.record(
                actor=actor,
                action="service.price_overridden",
                subject_type="service",
                subject_uuid=service.uuid,
                summary=_("Custom price %(price)s used instead of the catalog price: %(reason)s")
                % own,
                after=own,
            )
    for service in services:
        raise_event("service.pending", {"service_uuid": service.uuid})
    session().refresh(order, ["items"])
    if order.status == OrderStatus.PLACED:
        release(order)
    return order


def release(order: Order) -> None:
    """Provision the services of an accepted order that need not wait for a payment."""
    document = order.document
    paid = document is None or document.status == DocumentStatus.PAID
    for item in order.items:
        now_due = item.provisioning == ProvisioningPolicy.AT_ORDER or (
            paid and item.provisioning == ProvisioningPolicy.AT_PAYMENT
        )
        waits = (item.service.status, item.service.provision_status) == WAITS
        if now_due and waits and not item.service.prepaid:
            provision(item.service)
    prepaid_orders.release_of(order.client_id)


def provision_paid(name: str, payload: Any) -> None:
    """Provision the services of an invoice that was paid: a recorder of the panel's events.

    Args:
        name: the event.
        payload: its values.
    """
    if name != "invoice.paid":
        return
    query = (
        sa.select(Service)
        .join(OrderItem, OrderItem.service_id == Service.id)
        .join(Order, Order.id == OrderItem.order_id)
        .join(
            Document,
            sa.or_(Document.id == Order.document_id, Document.origin_id == Order.document_id),
        )
        .where(
            Document.uuid == payload["invoice_uuid"],
            Order.status == OrderStatus.PLACED,
            OrderItem.provisioning == ProvisioningPolicy.AT_PAYMENT,
            Service.status == "pending",
            Service.provision_status == "pending",
            ~Service.prepaid,
        )
    )
    for service in session().scalars(query):
        provision(service)


def _check_actor(actor: Principal, client_uuid: str) -> None:
    if actor.kind is not PrincipalKind.USER:
        actor.require(ORDERS_MANAGE)
        return
    actor.require_own(CLIENT_ORDERS_MANAGE, staff=ORDERS_MANAGE)
    if actor.client is None or actor.client.uuid != client_uuid:
        raise PermissionDenied(_("You can't order for this client."))


def _earlier(request: Request, client: Client) -> Order | None:
    """Return the draft that becomes the order, or the order that this form placed before."""
    query = sa.select(Order).where(Order.token == request.token)
    order = session().scalar(query.execution_options(populate_existing=True))
    if order is not None and order.client_id != client.id:
        raise ConflictError(SUBMITTED)
    if order is not None and order.status in NOT_PLACED:
        if list(order.contents or ()) != list(request.contents):
            raise ConflictError(_("The order was changed in the meantime. Check it again."))
    elif order is None and request.contents:
        raise ConflictError(_("The draft was deleted in the meantime."))
    return order


def _validated(choice: Choice, actor: Principal) -> dict[str, Any]:
    """Return the module's values of an ordered service, checked before anything is ordered."""
    check_configured(choice.product)
    return {} if choice.data is None else order_forms.check(choice.product, actor, choice.data)


def _check_total(quote: Quote, expected: Money | None) -> None:
    if expected is not None and quote.total != expected:
        raise PriceChangedError(
            _(
                "The total has changed to %(total)s, so the order was not placed. Check the total"
                " and order again.",
                total=quote.total,
            )
        )


def check_month(quote: Quote, expected: Money | None) -> None:
    """Check that prepaid services cost what was shown.

    Args:
        quote: what they cost.
        expected: what a month of them was shown to cost; None to accept any.

    Raises:
        PriceChangedError: they cost something else now.
    """
    if expected is not None and quote.monthly != expected:
        text = _("The price of prepaid services has changed. Check it and try again.")
        raise PriceChangedError(text)


def _record(placing: _Placing, order: Order, document: Document | None) -> Order:
    """Save the order of what was sold; a draft becomes it."""
    client, quote = placing.client, placing.priced.quote
    order.risks = risks.facts(placing.actor, client)
    order.client_id, order.client = client.id, client
    order.status = (
        OrderStatus.PLACED if placing.offered else risks.status_for(placing.actor, client)
    )
    order.currency, order.total_minor = client.currency, quote.total.minor
    reasons = {
        str(at): choice.own_price.reason
        for at, choice in enumerate(placing.choices)
        if choice.own_price is not None
    }
    order.quote = [
        plain_line(line) | {"own_price": reasons.get(line.item, "")} for line in quote.lines
    ]
    order.contents, order.coupon = None, ""
    order.address_id = placing.address.id if placing.address else None
    order.document_id, order.document = (document.id, document) if document else (None, None)
    order.placed_by, order.ip = placing.actor.name, risks.address(placing.actor)
    order.created_at = now()
    return save(order, ConflictError(SUBMITTED))


@dataclass(frozen=True, slots=True)
class _Placing:
    """An order that is being placed."""

    actor: Principal
    client: Client
    company: Company
    choices: Sequence[Choice]
    priced: Priced
    offered: bool = False
    address: Address | None = None


def _service(placing: _Placing, at: int, data: dict[str, Any]) -> Service:
    choice, configuration = placing.choices[at], placing.priced.configurations[at]
    lines = placing.priced.quote.lines
    minor, period = sold_at(configuration)
    ends = [line.span.end for line in lines if line.item == str(at) and line.span]
    days = placing.priced.days
    day = days[at] if days else ledger.today(placing.company)
    anchor = anchor_for(choice.product.anchor_policy, day, period)
    return save(
        Service(
            client_id=placing.client.id,
            client=placing.client,
            product_id=choice.product.id,
            product=choice.product,
            name=clean_name(choice.name or choice.product.name),
            service_data={**data, **configuration.values},
            price_minor=minor,
            currency=placing.client.currency,
            period=period.value,
            anchored_on=anchor.start,
            anchor_day=anchor.kept_day,
            paid_until=max(ends, default=None),
            prepaid=choice.product.billing_mode == BillingMode.PREPAID,
        )
    )


def _document(placing: _Placing, services: Sequence[Service]) -> Document | None:
    """Issue the document of an order; None if nothing is charged."""
    quote, company, client = placing.priced.quote, placing.company, placing.client
    lines = [
        document_line(
            line,
            service_id=services[int(line.item)].id,
            tax_class=placing.choices[int(line.item)].product.tax_class,
            details=services[int(line.item)].name,
        )
        for line in quote.lines
    ]
    if not any(line.amount for line in quote.lines):
        return None
    return issuing.issue_quoted(
        placing.actor, company, client, lines, quote.total, address=placing.address
    )
