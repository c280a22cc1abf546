"""Option groups, their options and the prices of these, and which products have them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from puqpanel.domain.catalog import OptionKind
from puqpanel.domain.errors import InvalidInput
from puqpanel.domain.periods import Period
from puqpanel.domain.permissions import PRODUCTS_MANAGE
from puqpanel.domain.principals import Principal
from puqpanel.domain.texts import Text, _
from puqpanel.infra.db import find, save, session, transaction
from puqpanel.models import Option, OptionGroup, Product, ProductOptionGroup
from puqpanel.operations.catalog import price_rows
from puqpanel.operations.catalog.price_rows import Cell
from puqpanel.operations.catalog.products import lock_product
from puqpanel.operations.system import audit
from puqpanel.operations.system.fields import clean_name

MAX_QUANTITY = 1_000_000
ONLY = "value"
"""The key of the one option of a yes-or-no group or a quantity."""
_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
_VALUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,39}")


def find_option_group(uuid: str) -> OptionGroup:
    """Return one option group with its options.

    Raises:
        NotFoundError: it does not exist.
    """
    query = sa.select(OptionGroup).where(OptionGroup.uuid == uuid)
    return find(query, _("Option group not found."))


def find_option(group_uuid: str, uuid: str) -> Option:
    """Return one option of a group.

    Raises:
        NotFoundError: the group does not have it.
    """
    return _option_of(find_option_group(group_uuid), uuid)


def option_groups() -> Sequence[OptionGroup]:
    """Return all option groups by label, with their options."""
    query = sa.select(OptionGroup).options(selectinload(OptionGroup.options))
    return session().scalars(query.order_by(OptionGroup.label, OptionGroup.id)).all()


def groups_of(product: Product) -> Sequence[OptionGroup]:
    """Return the option groups that a product is sold with, in their order, with their options."""
    query = (
        sa.select(OptionGroup)
        .join(ProductOptionGroup, ProductOptionGroup.group_id == OptionGroup.id)
        .where(ProductOptionGroup.product_id == product.id)
        .options(selectinload(OptionGroup.options))
        .order_by(ProductOptionGroup.position, OptionGroup.id)
    )
    return session().scalars(query).all()


@transaction()
def save_option_group(
    *,
    actor: Principal,
    uuid: str | None,
    key: str,
    label: str,
    kind: str = OptionKind.CHOICE,
    unit: str = "",
    minimum: int = 0,
    maximum: int = 1,
    step: int = 1,
) -> OptionGroup:
    """Create or change an option group. Its key and kind are fixed once it exists.

    Args:
        actor: who saves it.
        uuid: the group; None creates one.
        key: the name under which modules receive what was chosen.
        label: shown to customers.
        kind: an `OptionKind`.
        unit: what a quantity counts, such as GB.
        minimum: the smallest quantity.
        maximum: the largest quantity.
        step: quantities are the minimum plus a multiple of it.

    Raises:
        InvalidInput: a field is invalid.
    """
    actor.require(PRODUCTS_MANAGE)
    shown = clean_name(label, "label")
    group = find_option_group(uuid) if uuid else OptionGroup(key=key, kind=kind)
    errors: dict[str, list[Text]] = {}
    if not _KEY.fullmatch(key):
        errors["key"] = [
            _("Use lower-case letters a–z, digits and underscores, such as disk_extra.")
        ]
    if kind not in set(OptionKind):
        errors["kind"] = [_("Select an option from the list.")]
    for field, new, old in (("key", key, group.key), ("kind", kind, group.kind)):
        if new != old:
            errors[field] = [_("This value cannot be changed.")]
    if kind == OptionKind.QUANTITY:
        errors |= _range_errors(minimum, maximum, step)
    if errors:
        raise InvalidInput(errors)
    quantity = kind == OptionKind.QUANTITY
    values: dict[str, Any] = {
        "key": key,
        "label": shown,
        "kind": kind,
        "unit": " ".join(unit.split())[:40] if quantity else "",
        "minimum": minimum if quantity else 0,
        "maximum": maximum if quantity else 1,
        "step": step if quantity else 1,
    }
    before = {name: getattr(group, name) for name in values} if uuid else {}
    for name, value in values.items():
        setattr(group, name, value)
    save(group, InvalidInput({"key": [_("Another option group has this key.")]}))
    if kind != OptionKind.CHOICE:
        only = group.options[0] if uuid else Option(group_id=group.id, key=ONLY)
        only.label = shown
        session().add(only)
    summary = (
        _("Option group %(name)s changed.", name=shown)
        if uuid
        else _("Option group %(name)s created.", name=shown)
    )
    old_values, new_values = audit.changed(before, values)
    action = "option_group.updated" if uuid else "option_group.created"
    _record(actor, group, summary, old_values, new_values, action=action)
    session().flush()
    session().expire(group, ["options"])
    return group


def _range_errors(minimum: int, maximum: int, step: int) -> dict[str, list[Text]]:
    if not 0 <= minimum <= MAX_QUANTITY:
        return {
            "minimum": [_("Enter a number from %(low)s to %(high)s.", low=0, high=MAX_QUANTITY)]
        }
    if not max(minimum, 1) <= maximum <= MAX_QUANTITY:
        low = max(minimum, 1)
        return {
            "maximum": [_("Enter a number from %(low)s to %(high)s.", low=low, high=MAX_QUANTITY)]
        }
    if not 1 <= step <= MAX_QUANTITY or (maximum - minimum) % step:
        return {
            "step": [
                _(
                    "Enter a step that divides the range from %(minimum)s to %(maximum)s evenly.",
                    minimum=minimum,
                    maximum=maximum,
                )
            ]
        }
    return {}


@transaction()
def save_option(
    *,
    actor: Principal,
    group_uuid: str,
    uuid: str | None,
    key: str,
    label: str,
    position: int = 0,
    free: bool = False,
    hidden: bool = False,
) -> Option:
    """Create or change an option of a group. Its key is fixed once it exists.

    Only a choice has several options; the one option of other groups is made with its group.

    Args:
        actor: who saves it.
        group_uuid: the group.
        uuid: the option; None creates one.
        key: the value that modules receive.
        label: shown to customers.
        position: its place in the group, smallest first.
        free: whether it is included in the price of the product.
        hidden: whether it can no longer be chosen.

    Raises:
        InvalidInput: a field is invalid.
    """
    actor.require(PRODUCTS_MANAGE)
    group, shown = find_option_group(group_uuid), clean_name(label, "label")
    option = _option_of(group, uuid) if uuid else Option(group_id=group.id, key=key)
    errors: dict[str, list[Text]] = {}
    if uuid is None and group.kind != OptionKind.CHOICE:
        errors[""] = [_("Only groups of the type “Choice” can have several options.")]
    if not _VALUE.fullmatch(key):
        errors["key"] = [
            _("Use letters a–z, digits, hyphens, dots and underscores, such as debian-13.")
        ]
    elif key != option.key:
        errors["key"] = [_("This value cannot be changed.")]
    if not 0 <= position <= 9999:
        errors["position"] = [_("Enter a number from %(low)s to %(high)s.", low=0, high=9999)]
    if errors:
        raise InvalidInput(errors)
    values = {"label": shown, "position": position, "free": free, "hidden": hidden}
    before = {name: getattr(option, name) for name in values} if uuid else {}
    for name, value in values.items():
        setattr(option, name, value)
    save(option, InvalidInput({"key": [_("Another option of this group has this key.")]}))
    session().expire(group, ["options"])
    old, new = audit.changed(before, values)
    _record(actor, group, _("Option %(name)s saved.", name=shown), old, new)
    return option


@transaction()
def save_option_prices(*, actor: Principal, option_uuid: str, cells: Iterable[Cell]) -> int:
    """Save prices of an option; those derived from the base currency follow it.

    Returns:
        How many prices changed.

    Raises:
        InvalidInput: a cell is invalid, by the names of `Cell.field`.
    """
    actor.require(PRODUCTS_MANAGE)
    option = lock_option(option_uuid)
    return _priced(actor, option, price_rows.enter(option, cells, tuple(Period)))


@transaction()
def derive_option_prices(*, actor: Principal, option_uuid: str, currency: str) -> int:
    """Compute the prices of an option in a currency from those in the base currency.

    Returns:
        How many prices changed.

    Raises:
        ConflictError: the currency is the base currency, or has no exchange rate.
    """
    actor.require(PRODUCTS_MANAGE)
    option = lock_option(option_uuid)
    return _priced(actor, option, price_rows.derive(option, currency))


@transaction()
def copy_option_prices_down(*, actor: Principal, option_uuid: str, currency: str) -> int:
    """Fill the longer periods without a price, at the price per month of the next shorter one.

    Returns:
        How many prices were added.
    """
    actor.require(PRODUCTS_MANAGE)
    option = lock_option(option_uuid)
    return _priced(actor, option, price_rows.copy_down(option, currency, tuple(Period)))


@transaction()
def assign_option_groups(
    *, actor: Principal, product_uuid: str, group_uuids: Sequence[str]
) -> None:
    """Choose with which option groups a product is sold, in their order.

    Raises:
        InvalidInput: one of them does not exist.
    """
    actor.require(PRODUCTS_MANAGE)
    product = lock_product(product_uuid)
    wanted = list(dict.fromkeys(group_uuids))
    query = sa.select(OptionGroup).where(OptionGroup.uuid.in_(wanted))
    found = {group.uuid: group for group in session().scalars(query)}
    if missing := [uuid for uuid in wanted if uuid not in found]:
        raise InvalidInput(
            {"groups": [_("Option group not found: %(uuid)s", uuid=missing[0][:40])]}
        )
    before = [group.key for group in groups_of(product)]
    session().execute(
        sa.delete(ProductOptionGroup).where(ProductOptionGroup.product_id == product.id)
    )
    for position, uuid in enumerate(wanted):
        session().add(
            ProductOptionGroup(product_id=product.id, group_id=found[uuid].id, position=position)
        )
    after = [found[uuid].key for uuid in wanted]
    if after != before:
        audit.record(
            actor=actor,
            action="product.options_changed",
            subject_type="product",
            subject_uuid=product.uuid,
            summary=_("Options of %(name)s changed.", name=product.name),
            before={"options": before},
            after={"options": after},
        )


def _option_of(group: OptionGroup, uuid: str) -> Option:
    query = sa.select(Option).where(Option.uuid == uuid, Option.group_id == group.id)
    return find(query, _("Option not found."))


def lock_option(uuid: str) -> Option:
    """Lock an option until the transaction ends, so that its prices stay."""
    query = sa.select(Option).where(Option.uuid == uuid).with_for_update()
    return find(query, _("Option not found."))


def _priced(actor: Principal, option: Option, changes: dict[str, Any]) -> int:
    if changes:
        _record(
            actor,
            option.group,
            _("Prices of %(name)s changed.", name=option.label),
            {key: before for key, (before, _after) in changes.items()},
            {key: after for key, (_before, after) in changes.items()},
        )
    return len(changes)


def _record(
    actor: Principal,
    group: OptionGroup,
    summary: Text,
    before: dict[str, Any],
    after: dict[str, Any],
    *,
    action: str = "option_group.updated",
) -> None:
    audit.record(
        actor=actor,
        action=action,
        subject_type="option_group",
        subject_uuid=group.uuid,
        summary=summary,
        before=before,
        after=after,
    )
