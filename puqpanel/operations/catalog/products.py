"""Products and their module configuration."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.catalog import PERIODS, BillingMode, ProvisioningPolicy, mode_for
from puqpanel.domain.errors import ConflictError, InvalidInput, UserError
from puqpanel.domain.periods import Period
from puqpanel.domain.permissions import PRODUCTS_MANAGE
from puqpanel.domain.principals import Principal
from puqpanel.domain.slugs import MAX_LENGTH, RESERVED, is_slug, slug_of
from puqpanel.domain.tax_rules import STANDARD_CLASS
from puqpanel.domain.texts import Text, _
from puqpanel.host import registry
from puqpanel.host.form_fields import secret_fields
from puqpanel.host.loaded import LoadedModule
from puqpanel.infra.db import find, save, session, transaction
from puqpanel.models import Product, ProductGroup, Service
from puqpanel.operations.catalog import price_rows
from puqpanel.operations.catalog.price_rows import Cell
from puqpanel.operations.modules import forms
from puqpanel.operations.modules.availability import defines, uncallable_reason
from puqpanel.operations.system import audit, currencies
from puqpanel.operations.system.fields import clean_name

LIMITS = (
    ("position", 0, 9999),
    ("stock", 0, 1_000_000),
    ("anchor_day", 1, 31),
    ("next_after", 1, 31),
    ("suspend_after_days", 0, 3650),
    ("terminate_after_days", 0, 3650),
)
"""Numbers of a product with their smallest and largest value."""
MODULE_IS_FIXED = _(
    "This product has services, so its module can't be changed; create another product instead."
)
SLUG_IS_INVALID = _("Use lower-case letters a–z, digits and single hyphens, such as cloud-vps.")


def find_product(uuid: str) -> Product:
    """Return one product.

    Raises:
        NotFoundError: it does not exist.
    """
    return find(sa.select(Product).where(Product.uuid == uuid), _("Product not found."))


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


class NotConfiguredError(InvalidInput):
    """The settings of a product's module were never saved."""

    error_code = "not_configured"


def check_configured(product: Product) -> None:
    """Check that a product can be sold and provisioned.

    Raises:
        NotConfiguredError: its module's settings were never saved.
    """
    if needs_settings(product):
        text = _(
            "%(product)s is not configured. Open the product and save its module settings first.",
            product=product.name,
        )
        raise NotConfiguredError({"product": [text]}, text)


@dataclass(frozen=True, slots=True)
class Details:
    """How a product is shown, billed and provisioned.

    Args:
        group_uuid: its group in the shop, or empty.
        slug: its part of addresses in the shop; made from the name if empty.
        position: its place in the group, smallest first.
        hidden: whether the shop leaves it out.
        highlighted: whether the shop recommends it.
        stock: how many are left to sell; None if that is not limited.
        tax_class: which rate of a country applies to it.
        provisioning: a `ProvisioningPolicy`.
        billing_mode: a `BillingMode`.
        anchor_day: the day of the month on which periods begin; None for the day of order.
        next_after: an order after this day of the month is also charged the next period.
        suspend_after_days: days from the due date to the suspension; None for never.
        terminate_after_days: days from the due date to the termination; None for never.
        welcome: what a customer reads once the service is active.
    """

    group_uuid: str = ""
    slug: str = ""
    position: int = 0
    hidden: bool = False
    highlighted: bool = False
    stock: int | None = None
    tax_class: str = STANDARD_CLASS
    provisioning: str = ProvisioningPolicy.AT_PAYMENT
    billing_mode: str = BillingMode.RECURRING
    anchor_day: int | None = None
    next_after: int | None = None
    suspend_after_days: int | None = None
    terminate_after_days: int | None = None
    welcome: str = ""


@transaction()
def save_product(
    *,
    actor: Principal,
    uuid: str | None,
    name: str,
    description: str = "",
    module: str = "",
    active: bool = True,
    details: Details | None = None,
    price: Decimal | int | str | None = None,
    currency: str = "",
    period: str = Period.MONTHLY,
) -> Product:
    """Create or change a product; its module is fixed once it has services.

    Args:
        actor: who saves it.
        uuid: the product; None creates one.
        name: shown to clients.
        description: shown to clients.
        module: key of an active Product module, or empty.
        active: whether it can be sold.
        details: None for those of an ordinary product, or to keep those of an existing one.
        price: its price in one currency and for one period, in major units, with machine notation
            in texts, such as "1234.50"; None leaves its prices as they are.
        currency: of the price; the base currency unless given.
        period: of the price, a `Period`.

    Raises:
        InvalidInput: a field is invalid.
    """
    actor.require(PRODUCTS_MANAGE)
    shown = clean_name(name)
    product = lock_product(uuid) if uuid else Product(name=shown)
    period = _check_period(period)
    _check_module(product, module)
    if module != product.module:
        product.config, product.configured = {}, False
    values: dict[str, Any] = {
        "name": shown,
        "description": description.strip(),
        "module": module,
        "active": active,
    }
    if details is None and not uuid:
        details = Details(billing_mode=mode_for(period))
    if details is not None:
        values |= _checked_details(product, details, shown)
    before = {key: getattr(product, key) for key in values} if uuid else {}
    for key, value in values.items():
        setattr(product, key, value)
    save(
        product,
        InvalidInput(
            {"slug": [_("Another product already uses this shop URL. Enter a different one.")]}
        ),
    )
    if price is not None:
        _enter_price(product, price, currency or currencies.base_currency(), period)
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
        after=new if price is None else {**new, "price": f"{price} {currency} {period}"},
    )
    return product


def lock_product(uuid: str) -> Product:
    """Lock a product until the transaction ends, so that its prices and its module stay.

    Raises:
        NotFoundError: it does not exist.
    """
    query = sa.select(Product).where(Product.uuid == uuid).with_for_update()
    return find(query.execution_options(populate_existing=True), _("Product not found."))


def _check_period(period: str) -> Period:
    try:
        return Period.of(period)
    except UserError as error:
        raise InvalidInput({"period": [error.text]}) from None


def _check_module(product: Product, module: str) -> None:
    if module == (product.module or ""):
        return
    if module and registry.current().get(module) is None:
        text = _("%(module)s is not active. Activate it, or choose another module.", module=module)
        raise InvalidInput({"module": [text]})
    if product.id is not None and _has_services(product):
        raise InvalidInput({"module": [MODULE_IS_FIXED]})


def _checked_details(product: Product, details: Details, name: str) -> dict[str, Any]:
    """Return the columns of valid details.

    Raises:
        InvalidInput: some are invalid.
    """
    errors: dict[str, list[Text]] = {}
    for field, options in (
        ("provisioning", ProvisioningPolicy),
        ("billing_mode", BillingMode),
    ):
        if getattr(details, field) not in set(options):
            errors[field] = [_("Select an option from the list.")]
    for field, low, high in LIMITS:
        value = getattr(details, field)
        if value is not None and not low <= value <= high:
            errors[field] = [_("Enter a number from %(low)s to %(high)s.", low=low, high=high)]
    if details.next_after is not None and details.anchor_day is None:
        errors["next_after"] = [_("Enter a billing day first.")]
    if not is_slug(details.tax_class) and details.tax_class != STANDARD_CLASS:
        errors["tax_class"] = [SLUG_IS_INVALID]
    if details.slug and not is_slug(details.slug):
        errors["slug"] = [SLUG_IS_INVALID]
    if details.slug in RESERVED:
        errors["slug"] = [_("This URL is reserved for the shop. Enter a different one.")]
    group = None
    if details.group_uuid:
        query = sa.select(ProductGroup.id).where(ProductGroup.uuid == details.group_uuid)
        group = session().scalar(query)
        if group is None:
            errors["group_uuid"] = [_("Choose a group from the list.")]
    if not errors.get("billing_mode") and _has_other_periods(product, details.billing_mode):
        errors["billing_mode"] = [
            _(
                "The product has prices for billing periods that this billing mode doesn't allow."
                " Remove those prices first."
            )
        ]
    if errors:
        raise InvalidInput(errors)
    values = {field.name: getattr(details, field.name) for field in fields(details)}
    del values["group_uuid"]
    slug = details.slug or free_slug(Product, name, "product", product.id)
    return values | {"group_id": group, "slug": slug, "welcome": details.welcome.strip()}


def free_slug(model: type[Product | ProductGroup], name: str, default: str, key: int | None) -> str:
    """Return a slug of a name that no other row has.

    Args:
        model: the table.
        name: the name.
        default: used for a name without ASCII letters.
        key: the id of the row that it is for.
    """
    first = slug_of(name)[: MAX_LENGTH - 8].strip("-") or default
    query = sa.select(model.slug).where(model.slug.startswith(first, autoescape=True))
    taken = set(session().scalars(query if key is None else query.where(model.id != key)))
    taken |= RESERVED
    numbered = (f"{first}-{number}" for number in itertools.count(2))
    return next(slug for slug in itertools.chain((first,), numbered) if slug not in taken)


def _has_other_periods(product: Product, mode: str) -> bool:
    if product.id is None:
        return False
    allowed = PERIODS[BillingMode(mode)]
    return any(period not in allowed for period, _currency in price_rows.live(product))


def _enter_price(
    product: Product, price: Decimal | int | str, currency: str, period: Period
) -> None:
    """Save one price of a product, with its errors at the fields of a single price."""
    cell = Cell(period, currency, None, price)
    periods = PERIODS[BillingMode(product.billing_mode)]
    if period not in periods:
        text = _("This billing mode doesn't allow this billing period.")
        raise InvalidInput({"period": [text]})
    currencies.check_enabled(currency)
    try:
        price_rows.enter(product, [cell], periods)
    except InvalidInput as error:
        raise InvalidInput(
            {"price": [text for texts in error.messages.values() for text in texts]}
        ) from None


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
