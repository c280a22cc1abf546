"""Package changes: move a service to another product, and back if the change fails.

Call these inside a transaction, with the service locked.
"""

from __future__ import annotations

import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, InvalidInput
from puqpanel.domain.principals import Principal
from puqpanel.domain.texts import Text, _
from puqpanel.infra.db import session
from puqpanel.models import Product, Service
from puqpanel.operations.catalog.products import check_configured, find_product
from puqpanel.operations.provisioning.services import check_same_currency
from puqpanel.operations.system import audit

TERMS = ("product_id", "price_minor", "currency", "period")
"""Columns that a package change may replace; `Service.fallback` holds their previous values."""


def apply(*, actor: Principal, service: Service, product_uuid: str, take_price: bool) -> None:
    """Move a service to another product of the same module; `revert` undoes it.

    Args:
        actor: who does it.
        service: locked.
        product_uuid: the new product; with the current one only the price changes.
        take_price: charge the product's current price from now on, instead of the price at which
            the service was sold.

    Raises:
        ConflictError: the product belongs to another module.
        InvalidInput: the product is no longer sold, is not configured, or has another currency than
            the client.
    """
    product = find_product(product_uuid)
    if product.module != service.product.module:
        raise ConflictError(
            _("%(name)s uses another module; add a new service instead.", name=product.name)
        )
    if not product.active and product.id != service.product_id:
        raise InvalidInput({"product": [_("%(name)s is no longer sold.", name=product.name)]})
    check_same_currency(service.client, product)
    check_configured(product)
    before = _terms(service)
    service.fallback = {name: getattr(service, name) for name in TERMS}
    service.product = product
    if take_price:
        service.price_minor, service.currency = product.price_minor, product.currency
        service.period = product.period
    _record_change(
        actor,
        service,
        before,
        action="service.product_changed",
        summary=_(
            "%(before)s changed to %(name)s, %(price)s.",
            before=before["product"],
            name=product.name,
            price=service.price,
        ),
    )


def revert(*, actor: Principal, service: Service, unknown: bool = False) -> None:
    """Move a service back to the product and price it had before a failed package change.

    Args:
        actor: Who requested the change.
        service: The locked service.
        unknown: Whether the provider may have changed the package all the same.
    """
    if not service.fallback or "product_id" not in service.fallback:
        return
    before = _terms(service)
    tried = {name: getattr(service, name) for name in TERMS}
    for name in TERMS:
        setattr(service, name, service.fallback[name])
    service.fallback = {"tried": tried}
    session().flush()
    session().expire(service, ["product"])
    _record_change(
        actor,
        service,
        before,
        action="service.product_kept",
        summary=(
            _(
                "Set back to %(name)s, %(price)s: it is not known whether the provider changed the"
                " package. Check it there, then retry the change or request it anew.",
                name=service.product.name,
                price=service.price,
            )
            if unknown
            else _(
                "Kept on %(name)s, %(price)s: the provider did not change the package.",
                name=service.product.name,
                price=service.price,
            )
        ),
    )


def reapply(*, actor: Principal, service: Service, product_uuid: str | None) -> None:
    """Move a service to the product of a failed package change that is being retried."""
    if not product_uuid:
        return
    product = session().scalar(sa.select(Product).where(Product.uuid == product_uuid))
    if product is None or product.id == service.product_id:
        return
    tried = (service.fallback or {}).get("tried", {})
    take_price = (
        tried.get("product_id") == product.id and tried["price_minor"] != service.price_minor
    )
    apply(actor=actor, service=service, product_uuid=product_uuid, take_price=take_price)


def _terms(service: Service) -> dict[str, str]:
    return {"product": service.product.name, "price": str(service.price)}


def _record_change(
    actor: Principal, service: Service, before: dict[str, str], *, action: str, summary: Text
) -> None:
    old, new = audit.changed(before, _terms(service))
    if new:
        audit.record(
            actor=actor,
            action=action,
            subject_type="service",
            subject_uuid=service.uuid,
            summary=summary,
            before=old,
            after=new,
        )
