"""Products, and the configuration that their module keeps with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.actors import Actor
from puqpanel.domain.errors import ConflictError, InvalidInput, NotFoundError, UserError
from puqpanel.domain.money import CURRENCIES, PERIODS, Money
from puqpanel.host import registry
from puqpanel.host.loaded import LoadedModule
from puqpanel.infra.db import session, transaction
from puqpanel.models import Product, Service
from puqpanel.operations.modules import forms
from puqpanel.operations.system import audit
from puqpanel.operations.system.fields import clean_name


def find_product(uuid: str) -> Product:
    """Return one product.

    Raises:
        NotFoundError: it does not exist.
    """
    found = session().scalar(sa.select(Product).where(Product.uuid == uuid))
    if found is None:
        raise NotFoundError("There is no such product.")
    return found


def products() -> Sequence[Product]:
    """Return every product that can be sold, by name."""
    return session().scalars(sa.select(Product).where(Product.active).order_by(Product.name)).all()


def product_modules() -> list[LoadedModule]:
    """Return the Product modules that are switched on."""
    return registry.current().of_type("Product")


def module_of(product: Product) -> LoadedModule | None:
    """Return the module of a product; None if it has none or the module is inactive."""
    return registry.current().get(product.module) if product.module else None


def why_without_module(product: Product) -> str:
    """Return why the module of a product cannot be called, one sentence.

    Empty where it can, or the product has none.
    """
    if not product.module or module_of(product):
        return ""
    refused = registry.current().refused.get(product.module)
    return (
        f"{product.module} does not load: {refused}"
        if refused
        else f"{product.module} is not switched on."
    )


def save_product(
    *,
    actor: Actor,
    uuid: str | None,
    name: str,
    description: str = "",
    module: str = "",
    price: str = "0",
    currency: str = "EUR",
    period: str = "monthly",
    active: bool = True,
) -> Product:
    """Create or change a product; its module is fixed once it has services.

    Args:
        actor: who does it.
        uuid: the product; None makes one.
        name, description: as shown.
        module: key of a Product module that is switched on, or empty.
        price: for one period, in major units.
        currency: ISO 4217 code.
        period: key of `domain.money.PERIODS`.
        active: whether it can be sold.

    Raises:
        InvalidInput: a field needs another look.
    """
    errors: dict[str, list[str]] = {}
    shown = clean_name(name)
    if currency not in CURRENCIES:
        errors["currency"] = [f"{currency} is not a known currency."]
    if period not in PERIODS:
        errors["period"] = [f"There is no period {period}."]
    try:
        amount = Money.parse(price, currency).minor
    except UserError as error:
        amount, errors["price"] = 0, [str(error)]
    if not 0 <= amount <= 10**12:
        errors["price"] = ["A price is between 0 and a thousand million."]
    if errors:
        raise InvalidInput(errors)
    with transaction() as current:
        product = find_product(uuid) if uuid else Product(name=shown)
        if module != product.module:
            if module and registry.current().get(module) is None:
                raise InvalidInput({"module": [f"{module} is not switched on."]})
            if (
                uuid
                and current.scalar(
                    sa.select(Service.id).where(Service.product_id == product.id).limit(1)
                )
                is not None
            ):
                raise InvalidInput(
                    {
                        "module": [
                            (
                                "Services of this product exist; make another product for another"
                                " module."
                            )
                        ]
                    }
                )
            product.config = {}
        values = {
            "name": shown,
            "description": description.strip(),
            "module": module,
            "price_minor": amount,
            "currency": currency,
            "period": period,
            "active": active,
        }
        before = {key: getattr(product, key) for key in values} if uuid else {}
        for key, value in values.items():
            setattr(product, key, value)
        current.add(product)
        current.flush()
        old, new = audit.changed(before, values)
        audit.record(
            actor=actor,
            action="product.updated" if uuid else "product.created",
            subject_type="product",
            subject_uuid=product.uuid,
            summary=f"Product {shown} {'changed' if uuid else 'created'}.",
            before=old,
            after=new,
        )
    return product


def save_config(*, actor: Actor, uuid: str, data: Mapping[str, Any]) -> Product:
    """Have the module validate and save its configuration of a product.

    Args:
        actor: who does it.
        uuid: the product.
        data: the form's answers, as they came.

    Raises:
        InvalidInput: the module did not accept a field.
        ConflictError: the module is not switched on, or failed.
    """
    product = find_product(uuid)
    module = module_of(product)
    if module is None:
        raise ConflictError("The module of this product is not active.")
    config = forms.validate(module, "save_product_data", data, product_uuid=uuid, actor=actor)
    with transaction():
        product = find_product(uuid)
        old, new = audit.changed(product.config, config)
        product.config = config
        audit.record(
            actor=actor,
            action="product.configured",
            subject_type="product",
            subject_uuid=uuid,
            summary=f"Module settings of {product.name} saved.",
            before=old,
            after=new,
        )
    return product
