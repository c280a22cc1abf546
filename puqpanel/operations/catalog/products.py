"""Products and their module configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, InvalidInput, UserError
from puqpanel.domain.money import CURRENCIES, PERIODS, Money
from puqpanel.domain.principals import Principal
from puqpanel.host import registry
from puqpanel.host.form_fields import secret_fields
from puqpanel.host.loaded import LoadedModule
from puqpanel.infra.db import find, save, session, transaction
from puqpanel.models import Product, Service
from puqpanel.operations.modules import forms
from puqpanel.operations.modules.availability import uncallable_reason
from puqpanel.operations.system import audit
from puqpanel.operations.system.fields import clean_name

MAX_PRICE_MINOR = 10**12
MODULE_IS_FIXED = (
    "This product has services, so its module cannot be changed; create another product instead."
)


def find_product(uuid: str) -> Product:
    """Return one product.

    Raises:
        NotFoundError: it does not exist.
    """
    return find(sa.select(Product).where(Product.uuid == uuid), "Product not found.")


def products() -> Sequence[Product]:
    """Return the active products by name."""
    return session().scalars(sa.select(Product).where(Product.active).order_by(Product.name)).all()


def product_modules() -> list[LoadedModule]:
    """Return the active Product modules."""
    return registry.current().of_type("Product")


def module_of(product: Product) -> LoadedModule | None:
    """Return the module of a product; None if it has none or the module is inactive."""
    return registry.current().get(product.module) if product.module else None


def why_without_module(product: Product) -> str:
    """Return why the module of a product is not loaded; empty if it is, or there is none."""
    if not product.module or module_of(product):
        return ""
    return uncallable_reason(product.module)


@transaction()
def save_product(
    *,
    actor: Principal,
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
        actor: who saves it.
        uuid: the product; None creates one.
        name: shown to clients.
        description: shown to clients.
        module: key of an active Product module, or empty.
        price: for one period, in major units.
        currency: ISO 4217 code.
        period: a key of `domain.money.PERIODS`.
        active: whether it can be sold.

    Raises:
        InvalidInput: a field is invalid.
    """
    errors: dict[str, list[str]] = {}
    shown = clean_name(name)
    if currency not in CURRENCIES:
        errors["currency"] = [f"{currency} is not a known currency."]
    if period not in PERIODS:
        errors["period"] = [f"{period} is not a known billing period."]
    try:
        amount = Money.parse(price, currency).minor
    except UserError as error:
        amount, errors["price"] = 0, [str(error)]
    if not 0 <= amount <= MAX_PRICE_MINOR:
        errors["price"] = [f"Enter a price between 0 and {Money(MAX_PRICE_MINOR, currency)}."]
    if errors:
        raise InvalidInput(errors)
    product = find_product(uuid) if uuid else Product(name=shown)
    if module != product.module:
        if module and registry.current().get(module) is None:
            raise InvalidInput(
                {"module": [f"{module} is not active. Activate it, or choose another module."]}
            )
        if (
            uuid
            and session().scalar(
                sa.select(Service.id).where(Service.product_id == product.id).limit(1)
            )
            is not None
        ):
            raise InvalidInput({"module": [MODULE_IS_FIXED]})
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
    save(product)
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


def save_config(*, actor: Principal, uuid: str, data: Mapping[str, Any]) -> None:
    """Have the module validate and save its configuration of a product.

    Args:
        actor: who saves it.
        uuid: the product.
        data: the submitted values.

    Raises:
        InvalidInput: the module rejected a field.
        ConflictError: the module is not active.
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
            secrets=secret_fields(module.cls),
        )
