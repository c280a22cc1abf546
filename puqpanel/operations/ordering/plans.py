"""What a running service can be changed to, and what that costs: the preview of a change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.catalog import PERIODS, BillingMode
from puqpanel.domain.changes import Current, Settlement, settle, settle_prepaid
from puqpanel.domain.errors import ConflictError, InvalidInput
from puqpanel.domain.periods import Period
from puqpanel.domain.pricing import Item
from puqpanel.domain.principals import Principal, PrincipalKind
from puqpanel.domain.service_states import VERBS, ServiceStatus
from puqpanel.domain.tax import PriceEntry
from puqpanel.domain.texts import Text, _
from puqpanel.infra.clock import now
from puqpanel.infra.db import session
from puqpanel.models import (
    Address,
    Company,
    OptionGroup,
    Order,
    OrderItem,
    PrepaidSpan,
    Price,
    Product,
    Service,
)
from puqpanel.operations.accounts import addresses
from puqpanel.operations.billing.ledger import today
from puqpanel.operations.billing.tax_tables import TaxTable
from puqpanel.operations.catalog.configuration import Configuration, configure, defaults
from puqpanel.operations.catalog.groups import hidden_groups
from puqpanel.operations.catalog.options import groups_of
from puqpanel.operations.ordering import contracts, coupon_uses, stock
from puqpanel.operations.ordering.coverage import (
    charged_lines,
    coverage,
    paid_until,
    reductions,
    seller_of,
)
from puqpanel.operations.provisioning.services import implements, module_of


@dataclass(frozen=True, slots=True)
class Target:
    """What a service is to become.

    Args:
        product: the product.
        period: the billing period.
        options: what was chosen of its options, by the key of their group.
    """

    product: Product
    period: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """A target with its price.

    Args:
        company: which issues the document.
        configuration: the product with its options and their prices.
        settlement: what is charged, and when the change takes effect.
    """

    company: Company
    configuration: Configuration
    settlement: Settlement


def check_changeable(actor: Principal, service: Service) -> None:
    """Check that a service can be changed now.

    Raises:
        ConflictError: it cannot; the text says why.
    """
    user = actor.kind is PrincipalKind.USER
    running = (ServiceStatus.ACTIVE,) if user else (ServiceStatus.ACTIVE, ServiceStatus.SUSPENDED)
    if service.status not in running:
        raise ConflictError(_("Only active services can be changed."))
    if (ending := contracts.ending_of(service)) is not None:
        text = _("This service ends on %(day)s. Keep it before changing it.", day=ending.ends_on)
        raise ConflictError(text)
    if contracts.change_of(service) is not None:
        text = _("This service already has a pending change. Cancel that one first.")
        raise ConflictError(text)
    if service.prepaid != (service.product.billing_mode == BillingMode.PREPAID):
        raise ConflictError(billed_otherwise(service.product))
    if service.price_minor and Period(service.period) not in PERIODS[mode_of(service)]:
        raise ConflictError(_("Only services with recurring or prepaid billing can be changed."))
    if user and service.prepaid and Period(service.period) != Period.HOURLY:
        # a day that has begun is charged at the price that it began with
        recent = sa.select(PrepaidSpan.id).where(
            PrepaidSpan.service_id == service.id, PrepaidSpan.ended_at > now() - timedelta(days=1)
        )
        if session().scalar(recent.limit(1)) is not None:
            raise ConflictError(_("This service can be changed once a day. Try again tomorrow."))
    if documents := contracts.open_documents(service):
        number = documents[0].number
        raise ConflictError(_("%(number)s has to be paid first.", number=number))


def mode_of(service: Service) -> BillingMode:
    """Return the billing mode of the products that a service can be changed to."""
    return BillingMode.PREPAID if service.prepaid else BillingMode.RECURRING


def billed_otherwise(product: Product) -> Text:
    """Return why a service cannot be changed between prepaid and invoiced billing."""
    text = _(
        "%(name)s is billed in another way. A prepaid service can't become an invoiced one, or an"
        " invoiced one prepaid: order a new service instead."
    )
    return text % {"name": product.name}


def products_for(actor: Principal, service: Service) -> Sequence[Product]:
    """Return the products that a service can be changed to, its own one first.

    They have the same module, or the same group if there is no module, are on sale and in stock,
    and have a price in the currency of the service. Those that the shop hides are for staff.
    """
    own = service.product_id
    return [
        product
        for product in _on_sale(actor, service)
        if product.id == own or product.stock is None or product.stock > 0
    ]


def _on_sale(actor: Principal, service: Service) -> Sequence[Product]:
    """Return the products for a service, sold-out ones included."""
    product = service.product
    module = module_of(service)
    prices = sa.select(Price.product_id).where(
        Price.currency == service.currency,
        Price.live.is_(True),
        Price.period.in_(PERIODS[mode_of(service)]),
    )
    query = sa.select(Product).where(
        Product.active, Product.billing_mode == mode_of(service), Product.id.in_(prices)
    )
    if product.module and (module is None or not implements(module, VERBS["change_package"])):
        query = query.where(Product.id == product.id)  # its billing period can change
    else:
        query = query.where(Product.module == product.module)
        if not product.module:
            query = query.where(Product.group_id == product.group_id)
        if actor.kind is PrincipalKind.USER:
            listed = Product.group_id.is_(None) | Product.group_id.not_in(hidden_groups())
            shown = sa.and_(~Product.hidden, listed)
            query = query.where(sa.or_(shown, Product.id == product.id))
    order = (Product.id != product.id, Product.position, Product.name, Product.id)
    return session().scalars(query.order_by(*order)).all()


def current_target(service: Service) -> Target:
    """Return what a service is now; options that it was never given are left out."""
    values = service.service_data
    keys = [group.key for group in groups_of(service.product)]
    chosen = {key: values[key] for key in keys if key in values}
    return Target(service.product, service.period, chosen)


def own_options(groups: Sequence[OptionGroup], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the chosen options that a product has; another product had the others."""
    return {group.key: options[group.key] for group in groups if group.key in options}


def plan(actor: Principal, service: Service, target: Target) -> Plan:
    """Return what a change of a service costs today.

    Raises:
        InvalidInput: the target is not offered, is sold out, or is what the service is now.
        NoCompanyError: there is no active company.
        NoTaxRateError: tax must be charged, but there is no rate.
    """
    product = target.product
    other = product.id != service.product_id
    if product.billing_mode in (BillingMode.RECURRING, BillingMode.PREPAID) and (
        product.billing_mode != mode_of(service)
    ):
        raise InvalidInput({"product": [billed_otherwise(product)]})
    if product.id not in {each.id for each in _on_sale(actor, service)}:
        raise InvalidInput({"product": [_("%(name)s is not available.", name=product.name)]})
    if other and product.stock is not None and product.stock <= 0:
        raise stock.sold_out(product)
    configuration = configure(
        product=product,
        currency=service.currency,
        period=target.period,
        chosen=target.options,
        kept=current_target(service).options,
    )
    if not other and target.period == service.period and _has_options(service, configuration):
        raise InvalidInput({"": [_("Nothing changes. Choose another product or option.")]})
    company = seller_of(service)
    day, entry = today(company), PriceEntry(company.entry)
    taxes = TaxTable(company, billed_to(service) or service.client, day)
    before, after = (taxes.group(each.tax_class) for each in (service.product, product))
    charged = charged_lines(service, day)
    current = Current(
        label=service.product.name,
        group=before,
        period=Period(service.period),
        anchor=service.anchor,
        paid_until=paid_until(service, charged),
        charges=coverage(service, charged, entry, (before, after)),
        coupons=reductions(charged, entry, product),
    )
    item = Item(
        key="0",
        product=product.uuid,
        parts=configuration.parts,
        group=after,
        policy=product.anchor_policy,
        prepaid=service.prepaid,
    )
    if service.prepaid:
        settlement = settle_prepaid(item, day=day, currency=service.currency, entry=entry)
        return Plan(company, configuration, settlement)
    settlement = settle(
        current,
        item,
        day=day,
        currency=service.currency,
        entry=entry,
        coupon=coupon_uses.kept_discount(service, product),
    )
    return Plan(company, configuration, settlement)


def _has_options(service: Service, configuration: Configuration) -> bool:
    """Return whether a service of the same product has the chosen options already."""
    now = {**defaults(service.product), **current_target(service).options}
    return all(now.get(key) == value for key, value in configuration.values.items())


def billed_to(service: Service) -> Address | None:
    """Return the billing address that was chosen for the order of a service.

    What a change credits has to be taxed as it was charged.

    Returns:
        None for the client's own, and after a transfer to another client.
    """
    query = sa.select(Order.address_id).join(OrderItem, OrderItem.order_id == Order.id)
    ordered = session().scalar(query.where(OrderItem.service_id == service.id))
    return addresses.chosen(service.client, ordered)
