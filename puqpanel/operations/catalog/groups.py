"""Product groups: the sections of the shop, nested one level."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from puqpanel.domain.errors import ConflictError, InvalidInput
from puqpanel.domain.permissions import PRODUCTS_MANAGE
from puqpanel.domain.principals import Principal
from puqpanel.domain.slugs import is_slug
from puqpanel.domain.texts import Text, _
from puqpanel.infra.db import find, save, session, transaction
from puqpanel.models import Product, ProductGroup
from puqpanel.operations.catalog.products import SLUG_IS_INVALID, free_slug
from puqpanel.operations.system import audit
from puqpanel.operations.system.fields import clean_name


@dataclass(frozen=True, slots=True)
class Listed:
    """A group with what lists show of it.

    Args:
        group: the group.
        level: 0, or 1 in another group.
        products: how many products are in it.
    """

    group: ProductGroup
    level: int
    products: int


def find_group(uuid: str) -> ProductGroup:
    """Return one group.

    Raises:
        NotFoundError: it does not exist.
    """
    return find(sa.select(ProductGroup).where(ProductGroup.uuid == uuid), _("Group not found."))


def groups() -> list[Listed]:
    """Return all groups in the order of the shop, each followed by those in it."""
    order = (ProductGroup.position, ProductGroup.name, ProductGroup.id)
    rows = session().scalars(sa.select(ProductGroup).order_by(*order)).all()
    query = sa.select(Product.group_id, sa.func.count()).group_by(Product.group_id)
    counts = {row[0]: row[1] for row in session().execute(query)}
    return [
        Listed(group, level, counts.get(group.id, 0))
        for top in rows
        if top.parent_id is None
        for level, group in ((0, top), *((1, row) for row in rows if row.parent_id == top.id))
    ]


def hidden_groups() -> sa.Select[int]:
    """Return the query of the ids of groups that the shop leaves out, with those in them."""
    parent = aliased(ProductGroup)
    return (
        sa.select(ProductGroup.id)
        .outerjoin(parent, parent.id == ProductGroup.parent_id)
        .where(sa.or_(ProductGroup.hidden, parent.hidden))
    )


@transaction()
def save_group(
    *,
    actor: Principal,
    uuid: str | None,
    name: str,
    slug: str = "",
    description: str = "",
    parent_uuid: str = "",
    position: int = 0,
    hidden: bool = False,
) -> ProductGroup:
    """Create or change a product group.

    Args:
        actor: who saves it.
        uuid: the group; None creates one.
        name: shown in the shop.
        slug: its part of addresses in the shop; made from the name if empty.
        description: shown in the shop.
        parent_uuid: the group that it is in, or empty.
        position: its place among the groups beside it, smallest first.
        hidden: whether the shop leaves it out.

    Raises:
        InvalidInput: a field is invalid.
    """
    actor.require(PRODUCTS_MANAGE)
    shown = clean_name(name)
    _lock_groups()
    group = find_group(uuid) if uuid else ProductGroup(name=shown)
    errors: dict[str, list[Text]] = {}
    if slug and not is_slug(slug):
        errors["slug"] = [SLUG_IS_INVALID]
    if not 0 <= position <= 9999:
        errors["position"] = [_("Enter a number from %(low)s to %(high)s.", low=0, high=9999)]
    parent = _parent(group, parent_uuid, errors)
    if errors:
        raise InvalidInput(errors)
    values = {
        "name": shown,
        "slug": slug or free_slug(ProductGroup, shown, "group", group.id),
        "description": description.strip(),
        "parent_id": parent,
        "position": position,
        "hidden": hidden,
    }
    before = {key: getattr(group, key) for key in values} if uuid else {}
    for key, value in values.items():
        setattr(group, key, value)
    save(
        group,
        InvalidInput(
            {"slug": [_("Another group already uses this shop URL. Enter a different one.")]}
        ),
    )
    old, new = audit.changed(before, values)
    summary = (
        _("Product group %(name)s changed.", name=shown)
        if uuid
        else _("Product group %(name)s created.", name=shown)
    )
    audit.record(
        actor=actor,
        action="product_group.updated" if uuid else "product_group.created",
        subject_type="product_group",
        subject_uuid=group.uuid,
        summary=summary,
        before=old,
        after=new,
    )
    return group


@transaction()
def delete_group(*, actor: Principal, uuid: str) -> None:
    """Delete an empty product group.

    Raises:
        ConflictError: it contains products or groups.
    """
    actor.require(PRODUCTS_MANAGE)
    _lock_groups()
    group = find_group(uuid)
    inside = (
        sa.select(Product.id).where(Product.group_id == group.id),
        sa.select(ProductGroup.id).where(ProductGroup.parent_id == group.id),
    )
    if any(session().scalar(query.limit(1)) is not None for query in inside):
        raise ConflictError(
            _(
                "%(name)s contains products or groups. Move them to another group first.",
                name=group.name,
            )
        )
    session().delete(group)
    audit.record(
        actor=actor,
        action="product_group.deleted",
        subject_type="product_group",
        subject_uuid=uuid,
        summary=_("Product group %(name)s deleted.", name=group.name),
    )


def _lock_groups() -> None:
    """Lock all groups until the transaction ends, so that none gets a level too many."""
    query = sa.select(ProductGroup).order_by(ProductGroup.id).with_for_update()
    session().scalars(query.execution_options(populate_existing=True)).all()


def _parent(group: ProductGroup, uuid: str, errors: dict[str, list[Text]]) -> int | None:
    """Return the id of the group that a group is put in; None for none."""
    if not uuid:
        return None
    parent = session().scalar(sa.select(ProductGroup).where(ProductGroup.uuid == uuid))
    inside = sa.select(ProductGroup.id).where(ProductGroup.parent_id == group.id).limit(1)
    if parent is None or parent.parent_id is not None or parent.id == group.id:
        errors["parent_uuid"] = [_("Choose a top-level group.")]
        return None
    if group.id is not None and session().scalar(inside) is not None:
        errors["parent_uuid"] = [
            _("This group contains groups, so it can't be in another group itself.")
        ]
    return parent.id
