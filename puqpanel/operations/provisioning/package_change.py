"""Package changes: move a service to another product, and back if the change fails.

Call these inside a transaction, with the service locked.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from puqpanel.domain.catalog import BillingMode
from puqpanel.domain.errors import ConflictError, InvalidInput
from puqpanel.domain.principals import Principal
from puqpanel.domain.texts import Text, _
from puqpanel.infra.db import session
from puqpanel.models import Product, Service
from puqpanel.operations.catalog.prices import price_of
from puqpanel.operations.catalog.products import check_configured, find_product
from puqpanel.operations.provisioning import prepaid_spans
from puqpanel.operations.provisioning.services import terms_for
from puqpanel.operations.system import audit

TERMS = ("product_id", "price_id", "price_minor", "currency", "period")
"""Columns that a package change may replace; `Service.fallback` holds their previous values."""


def apply(*, actor: Principal, service: Service, product_uuid: str, price_uuid: str) -> None:
    """Move a service to another product of the same module; `revert` undoes it.

    Args:
        actor: who does it.
        service: locked.
        product_uuid: the new product; with the current one only the price changes.
        price_uuid: one of the product's prices, charged from now on; empty for the price at which
            the service was sold.

    Raises:
        ConflictError: the product belongs to another module, or one of them is prepaid and the
            other one is not.
        InvalidInput: the product is no longer sold, is not configured, or has no price in the
            client's currency.
        NotFoundError: the price was replaced or withdrawn.
    """
    product = find_product(product_uuid)
    if product.module != service.product.module:
        raise ConflictError(
            _("%(name)s uses another module; add a new service instead.", name=product.name)
        )
    if not product.active and product.id != service.product_id:
        raise InvalidInput({"product": [_("%(name)s is no longer sold.", name=product.name)]})
    other = product.id != service.product_id
    if (other or price_uuid) and service.prepaid != (product.billing_mode == BillingMode.PREPAID):
        text = _("%(name)s is billed in another way; add a new service instead.", name=product.name)
        raise ConflictError(text)
    terms = terms_for(service.client, product, price_uuid) if price_uuid else {}
    check_configured(product)
    before = _terms(service)
    service.fallback = {name: getattr(service, name) for name in TERMS}
    service.product = product
    if not price_uuid and other:
        terms["price_id"] = None  # it is charged what no price of the product says
    for name, value in terms.items():
        setattr(service, name, value)
    prepaid_spans.follow(service)
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
        # one that began before prices were rows has no price_id
        setattr(service, name, service.fallback.get(name))
    service.fallback = {"tried": tried}
    session().flush()
    session().expire(service, ["product"])
    prepaid_spans.follow(service)
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
    price_uuid = _price_again(tried, service, product)
    apply(actor=actor, service=service, product_uuid=product_uuid, price_uuid=price_uuid)


def _price_again(tried: dict[str, Any], service: Service, product: Product) -> str:
    """Return today's price like the one of a failed change; empty if the old one was kept."""
    took = tried.get("price_id") or tried.get("price_minor") != service.price_minor
    if tried.get("product_id") != product.id or not took:
        return ""
    return price_of(product, tried["currency"], tried["period"]).uuid


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
