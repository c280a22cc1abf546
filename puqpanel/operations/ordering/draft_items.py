"""The products of a draft: staff add, change and remove them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.catalog import BillingMode
from puqpanel.domain.errors import InvalidInput, NotFoundError
from puqpanel.domain.money import Money
from puqpanel.domain.permissions import ORDERS_MANAGE, SERVICES_MANAGE
from puqpanel.domain.principals import Principal
from puqpanel.domain.texts import _
from puqpanel.host.form_fields import secret_fields
from puqpanel.infra.db import retry_deadlocks, session, transaction
from puqpanel.models import Price, Product
from puqpanel.operations.catalog.price_rows import MAX_PRICE_MINOR
from puqpanel.operations.catalog.products import check_configured, module_of
from puqpanel.operations.modules import forms
from puqpanel.operations.ordering import draft_contents, drafts, order_forms
from puqpanel.operations.ordering.orders import MAX_ITEMS, find_order
from puqpanel.operations.ordering.quotes import Choice
from puqpanel.operations.system.fields import clean_name

MAX_REASON_LENGTH = 500


def sellable(currency: str) -> Sequence[Product]:
    """Return the products that can be ordered in a currency, hidden ones included, by name."""
    priced = sa.select(Price.product_id).where(Price.currency == currency, Price.live.is_(True))
    query = sa.select(Product).where(
        Product.active,
        sa.or_(Product.billing_mode == BillingMode.FREE, Product.id.in_(priced)),
    )
    return session().scalars(query.order_by(Product.name, Product.id)).all()


def save_item(*, actor: Principal, uuid: str, choice: Choice, item_id: str = "") -> None:
    """Add a product to a draft, or change one.

    Args:
        actor: who changes it.
        uuid: the draft.
        choice: the product with period, options, name and the module's form.
        item_id: the product that is changed; empty adds one.

    Raises:
        ConflictError: the order is not a draft.
        InvalidInput: the product is not sold, or an option or a field is invalid.
        NotFoundError: the product was removed.
    """
    actor.require(ORDERS_MANAGE)
    before = draft_contents.find_item(find_order(uuid), item_id) if item_id else None
    if choice.own_price is not None and (before is None or _terms(before) != _terms(choice)):
        actor.require(SERVICES_MANAGE)
        _check_own_price(choice)
    data = _checked(actor, choice, (before.data if before else None) or {})
    name = clean_name(choice.name) if choice.name.strip() else ""
    _store(actor, uuid, replace(choice, data=data, name=name), item_id)


def _terms(choice: Choice) -> tuple[object, ...]:
    """Return what a custom price is for."""
    return choice.own_price, choice.product.id, choice.period, dict(choice.options)


def _check_own_price(choice: Choice) -> None:
    own, errors = choice.own_price, {}
    assert own is not None
    if choice.product.billing_mode == BillingMode.FREE:
        errors["own_price"] = [
            _("%(name)s is free, so it can't have a custom price.", name=choice.product.name)
        ]
    for field, amount in (("own_price", own.recurring), ("own_setup", own.setup)):
        if not 0 <= amount.minor <= MAX_PRICE_MINOR:
            limit = Money(MAX_PRICE_MINOR, amount.currency)
            errors[field] = [_("Enter an amount up to %(limit)s.", limit=limit)]
    if not own.reason.strip():
        errors["own_reason"] = [_("Enter a reason.")]
    elif len(own.reason) > MAX_REASON_LENGTH:
        errors["own_reason"] = [_("Enter at most %(limit)s characters.", limit=MAX_REASON_LENGTH)]
    if errors:
        raise InvalidInput(errors)


def _checked(
    actor: Principal, choice: Choice, before: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """Return the module's form as it was submitted, after the module has accepted it.

    Secrets that are left blank are kept.
    """
    check_configured(choice.product)
    module = module_of(choice.product)
    if module is None or choice.data is None:
        return None
    asked = order_forms.field_names(choice.product, actor)
    data = {name: value for name, value in choice.data.items() if name in asked}
    secret = secret_fields(module.cls)
    kept = {key: before[key] for key in secret if before.get(key) and not data.get(key)}
    forms.validate(
        module,
        "save_service_data",
        data,
        stored=before,
        kept=kept,
        product_uuid=choice.product.uuid,
        actor=actor,
    )
    return data | kept


@retry_deadlocks
@transaction()
def _store(actor: Principal, uuid: str, choice: Choice, item_id: str) -> None:
    order = drafts.lock_draft(uuid)
    drafts.price(order, [choice])
    contents = [dict(item) for item in order.contents or ()]
    item = draft_contents.stored(item_id or secrets.token_hex(4), choice)
    if not item_id:
        if len(contents) >= MAX_ITEMS:
            text = _("An order has at most %(limit)s products.", limit=MAX_ITEMS)
            raise InvalidInput({"": [text]})
        contents.append(item)
    elif any(each["id"] == item_id for each in contents):
        contents = [item if each["id"] == item_id else each for each in contents]
    else:
        raise NotFoundError(draft_contents.GONE)
    order.contents = contents
    drafts.record_change(actor, order)


@retry_deadlocks
@transaction()
def remove_item(*, actor: Principal, uuid: str, item_id: str) -> None:
    """Remove a product from a draft; it does nothing the second time.

    Raises:
        ConflictError: the order is not a draft.
    """
    actor.require(ORDERS_MANAGE)
    order = drafts.lock_draft(uuid)
    contents = [dict(item) for item in order.contents or () if item["id"] != item_id]
    if len(contents) != len(order.contents or ()):
        order.contents = contents
        drafts.record_change(actor, order)
