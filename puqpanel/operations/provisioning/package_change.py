"""Putting a service on another product, and back again when its provider did not follow.

All of it inside the caller's transaction.
"""

from __future__ import annotations

import sqlalchemy as sa

from puqpanel.domain.actors import Actor
from puqpanel.domain.errors import ConflictError, InvalidInput
from puqpanel.infra.db import session
from puqpanel.models import Product, Service
from puqpanel.operations.catalog.products import find_product
from puqpanel.operations.system import audit

SOLD = ("product_id", "price_minor", "currency", "period")
"""What a service keeps of what it was sold as."""


def put_on(*, actor: Actor, service: Service, product_uuid: str, take_price: bool) -> None:
    """Move a locked service to another product of the same module; `put_back` undoes it.

    Args:
        actor: who does it.
        service: locked.
        product_uuid: its new product; the present one changes only the price, where that is taken.
        take_price: pay the product's price of today from now on; otherwise the price it was sold at
            stays.

    Raises:
        ConflictError: the product belongs to another module.
        InvalidInput: it is not sold.
    """
    product = find_product(product_uuid)
    if product.module != service.product.module:
        raise ConflictError(f"{product.name} belongs to another module; sell it as a new service.")
    if not product.active and product.id != service.product_id:
        raise InvalidInput({"product": [f"{product.name} is no longer sold."]})
    before = {"product": service.product.name, "price": str(service.price)}
    service.fallback = {name: getattr(service, name) for name in SOLD}
    service.product_id = product.id
    if take_price:
        service.price_minor, service.currency, service.period = (
            product.price_minor,
            product.currency,
            product.period,
        )
    _read_again(service)
    old, new = audit.changed(before, {"product": product.name, "price": str(service.price)})
    if new:
        audit.record(
            actor=actor,
            action="service.product_changed",
            subject_type="service",
            subject_uuid=service.uuid,
            summary=f"{before['product']} changed to {product.name}, {service.price}.",
            before=old,
            after=new,
        )


def put_back(*, actor: Actor, service: Service) -> None:
    """Put a locked service back where it stood: its provider did not follow."""
    if not service.fallback or "product_id" not in service.fallback:
        return
    tried = {name: getattr(service, name) for name in SOLD}
    before = {"product": service.product.name, "price": str(service.price)}
    for name in SOLD:
        setattr(service, name, service.fallback[name])
    service.fallback = {"tried": tried}
    _read_again(service)
    old, new = audit.changed(before, {"product": service.product.name, "price": str(service.price)})
    if new:
        audit.record(
            actor=actor,
            action="service.product_kept",
            subject_type="service",
            subject_uuid=service.uuid,
            summary=(
                f"Kept on {service.product.name}, {service.price}: the provider did not change"
                " the package."
            ),
            before=old,
            after=new,
        )


def wanted_again(*, actor: Actor, service: Service, product_uuid: str | None) -> None:
    """Move a locked service again to the product of a failed change that is retried."""
    wanted = (
        session().scalar(sa.select(Product).where(Product.uuid == product_uuid))
        if product_uuid
        else None
    )
    tried = (service.fallback or {}).get("tried", {})
    if wanted is not None and wanted.id != service.product_id:
        priced = (
            tried.get("product_id") == wanted.id and tried["price_minor"] != service.price_minor
        )
        put_on(actor=actor, service=service, product_uuid=wanted.uuid, take_price=priced)


def _read_again(service: Service) -> None:
    session().flush()
    session().expire(service, ["product"])
