"""What the lines of documents were priced by: rows of the price list, and services."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from puqpanel.infra.db import session
from puqpanel.models import DocumentLineRow, OptionPrice, Price, Product, Service


@dataclass(frozen=True, slots=True)
class Sources:
    """What lines refer to.

    Args:
        prices: UUID → row of the price list.
        products: id of a product → its UUID, for the rows of products.
        services: id → service.
    """

    prices: Mapping[str, Price | OptionPrice]
    products: Mapping[int, str]
    services: Mapping[int, Service]


def of_lines(lines: Sequence[DocumentLineRow]) -> Sources:
    """Return what lines were priced by; what no longer exists is left out."""
    uuids = {str(line.explanation.get("price") or "") for line in lines} - {""}
    ids = {line.service_id for line in lines} - {None}
    base = session().scalars(sa.select(Price).where(Price.uuid.in_(uuids))).all()
    options = session().scalars(sa.select(OptionPrice).where(OptionPrice.uuid.in_(uuids))).all()
    wanted = {row.product_id for row in base}
    products = session().execute(sa.select(Product.id, Product.uuid).where(Product.id.in_(wanted)))
    services = session().scalars(sa.select(Service).where(Service.id.in_(ids)))
    prices: dict[str, Price | OptionPrice] = {row.uuid: row for row in base}
    prices.update({row.uuid: row for row in options})
    return Sources(
        prices,
        {row.id: row.uuid for row in products},
        {service.id: service for service in services},
    )
