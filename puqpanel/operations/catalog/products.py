"""Products and their module configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, InvalidInput, UserError
from puqpanel.domain.money import Money
from puqpanel.domain.periods import Period
from puqpanel.domain.permissions import PRODUCTS_MANAGE
from puqpanel.domain.principals import Principal
from puqpanel.domain.texts import Text, _
from puqpanel.host import registry
from puqpanel.host.form_fields import secret_fields
from puqpanel.host.loaded import LoadedModule
from puqpanel.infra.db import find, save, session, transaction
from puqpanel.models import Product, Service
from puqpanel.operations.modules import forms
from puqpanel.operations.modules.availability import defines, uncallable_reason
from puqpanel.operations.system import audit, currencies
from puqpanel.operations.system.fields import clean_name

MAX_PRICE_MINOR = 10**12
MODULE_IS_FIXED = _(
    "This product has services, so its module can't be changed; create another product instead."
)
CURRENCY_IS_FIXED = _(
    "This product has services, so its currency can't be changed; create another product instead."
)


def find_product(uuid: str) -> Product:
    """Return one product.

    Raises:
        NotFoundError: it does not exist.
    """
    return find(sa.select(Product).where(Product.uuid == uuid), _("Product not found."))


def products() -> Sequence[Product]:
    """Return the active products by name."""
    return session().scalars(sa.select(Product).where(Product.active).order_by(Product.name)).all()


def product_modules() -> list[LoadedModule]:
    """Return the active Product modules."""
    return registry.current().of_type("Product")


def module_of(product: Product) -> LoadedModule | None:
    """Return the module of a product; None if it has none or the module is inactive."""
    return registry.current().get(product.module) if product.module else None


def why_without_module(product: Product) -> Text | str:
    """Return why the module of a product is not loaded; empty if it is, or there is none."""
    if not product.module or module_of(product):
        return ""
    return uncallable_reason(product.module)


def has_settings(module: LoadedModule) -> bool:
    """Return whether a module has settings of products, which must be saved before a sale."""
    return getattr(module.cls, "ProductForm", None) is not None or any(
        defines(module, method) for method in ("get_product_page", "save_product_data")
    )


def modules_without_settings() -> frozenset[str]:
    """Return the keys of the active modules whose products need no settings."""
    return frozenset(module.key for module in product_modules() if not has_settings(module))


def needs_settings(product: Product) -> bool:
    """Return whether the settings of a product's module must be saved before it can be sold."""
    if not product.module or product.configured:
        return False
    return product.module not in modules_without_settings()


def check_configured(product: Product) -> None:
    """Check that a product can be sold and provisioned.

    Raises:
        InvalidInput: its module's settings were never saved.
    """
    if needs_settings(product):
        text = _(
            "%(product)s is not configured. Open the product and save its module settings first.",
            product=product.name,
        )
        raise InvalidInput({"product": [text]}, text)


@transaction()
def save_product(
    *,
    actor: Principal,
    uuid: str | None,
    name: str,
    description: str = "",
    module: str = "",
    price: Decimal | int | str = 0,
    currency: str = "",
    period: str = Period.MONTHLY,
    active: bool = True,
) -> Product:
    """Create or change a product; its module and currency are fixed once it has services.

    Args:
        actor: who saves it.
        uuid: the product; None creates one.
        name: shown to clients.
        description: shown to clients.
        module: key of an active Product module, or empty.
        price: for one period, in major units; text in machine notation, such as "1234.50".
        currency: an enabled currency; the base currency unless given.
        period: a `Period`.
        active: whether it can be sold.

    Raises:
        InvalidInput: a field is invalid.
    """
    actor.require(PRODUCTS_MANAGE)
    shown = clean_name(name)
    product = _lock_product(uuid) if uuid else Product(name=shown, currency="")
    currency = currency or product.currency or currencies.base_currency()
    amount = _check_terms(product, price, currency, period)
    if module != product.module:
        if module and registry.current().get(module) is None:
            raise InvalidInput(
                {
                    "module": [
                        _(
                            "%(module)s is not active. Activate it, or choose another module.",
                            module=module,
                        )
                    ]
                }
            )
        if uuid and _has_services(product):
            raise InvalidInput({"module": [MODULE_IS_FIXED]})
        product.config, product.configured = {}, False
    values = {
        "name": shown,
        "description": description.strip(),
        "module": module,
        "price_minor": amount.minor,
        "currency": currency,
        "period": str(period),
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
        summary=(
            _("Product %(name)s changed.", name=shown)
            if uuid
            else _("Product %(name)s created.", name=shown)
        ),
        before=old,
        after=new,
    )
    return product


def _lock_product(uuid: str) -> Product:
    """Return a product whose currency stays while a service is sold."""
    query = sa.select(Product).where(Product.uuid == uuid).with_for_update()
    return find(query, _("Product not found."))


def _check_terms(product: Product, price: Decimal | int | str, currency: str, period: str) -> Money:
    """Return the price of a product that is being saved.

    Raises:
        InvalidInput: the price, the currency or the period is invalid.
    """
    errors: dict[str, list[Text]] = {}
    try:
        Period.of(period)
    except UserError as error:
        errors["period"] = [error.text]
    try:
        currencies.check_enabled(currency, product.currency)
    except InvalidInput as error:
        raise InvalidInput({**errors, **error.messages}) from None
    amount = Money.zero(currency)
    try:
        amount = Money.from_major(price, currency)
    except UserError as error:
        errors["price"] = [error.text]
    if not 0 <= amount.minor <= MAX_PRICE_MINOR:
        highest = Money(MAX_PRICE_MINOR, currency)
        errors["price"] = [_("Enter a price between 0 and %(highest)s.", highest=highest)]
    if product.currency not in ("", currency) and _has_services(product):
        errors["currency"] = [CURRENCY_IS_FIXED]
    if errors:
        raise InvalidInput(errors)
    return amount


def _has_services(product: Product) -> bool:
    query = sa.select(Service.id).where(Service.product_id == product.id).limit(1)
    return session().scalar(query) is not None


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
    actor.require(PRODUCTS_MANAGE)
    product = find_product(uuid)
    module = module_of(product)
    if module is None:
        raise ConflictError(_("The module of this product is not active."))
    config = forms.validate(
        module,
        "save_product_data",
        data,
        stored=product.config,
        product_uuid=uuid,
        actor=actor,
    )
    with transaction():
        product = find_product(uuid)
        old, new = audit.changed(product.config, config)
        product.config, product.configured = config, True
        audit.record(
            actor=actor,
            action="product.configured",
            subject_type="product",
            subject_uuid=uuid,
            summary=_("Module settings of %(name)s saved.", name=product.name),
            before=old,
            after=new,
            secrets=secret_fields(module.cls),
        )
