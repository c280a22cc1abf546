"""The catalog of the demo: currencies, groups, prices for several periods, and options."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import sqlalchemy as sa

from puqpanel.domain.catalog import OptionKind
from puqpanel.domain.periods import Period
from puqpanel.domain.principals import CLI
from puqpanel.domain.rates import Rounding
from puqpanel.infra.db import session
from puqpanel.models import Option, OptionGroup, Product, ProductGroup
from puqpanel.operations.catalog import groups, options, prices, products
from puqpanel.operations.catalog.price_rows import Cell
from puqpanel.operations.system import currencies

BASE = "EUR"
CURRENCIES = {"USD": ("1.09", "0.10"), "PLN": ("4.26", "0.10")}
"""Code → value of one euro, and the step to which prices are rounded up."""
MONTHS = {Period.QUARTERLY: "2.95", Period.ANNUALLY: "10.80", Period.BIENNIALLY: "20.40"}
"""Billing period → how many months are charged for it."""
BACKUP, IMAGE = "backup", "preinstalled"
IMAGES = (("none", "Nothing"), ("wordpress", "WordPress"), ("nextcloud", "Nextcloud"))


def complete(names: Sequence[str], module: str) -> None:
    """Add what is missing of the catalog around the products of the demo.

    Args:
        names: the names of the products, which have a price for a month.
        module: their module.
    """
    if currencies.base_currency() != BASE:
        return
    if session().scalar(sa.select(ProductGroup.id).limit(1)) is not None:
        return
    _add_currencies()
    hosting = groups.save_group(
        actor=CLI, uuid=None, name="Cloud hosting", description="Web space on fast servers."
    )
    groups.save_group(
        actor=CLI, uuid=None, name="Managed servers", parent_uuid=hosting.uuid, hidden=True
    )
    offered = [_add_backup(), _add_images()]
    rows = session().scalars(
        sa.select(Product).where(Product.name.in_(names), Product.module == module)
    )
    for position, product in enumerate(sorted(rows, key=lambda each: names.index(each.name))):
        products.save_product(
            actor=CLI,
            uuid=product.uuid,
            name=product.name,
            description=product.description,
            module=module,
            details=products.Details(
                group_uuid=hosting.uuid,
                slug=product.slug,
                position=position,
                highlighted=position == 1,
                stock=25 if position == 2 else None,
                suspend_after_days=7,
                terminate_after_days=30,
                welcome="Your web space is ready. Sign in to see its address and password.",
            ),
        )
        _add_prices(product)
        options.assign_option_groups(actor=CLI, product_uuid=product.uuid, group_uuids=offered)


def _add_currencies() -> None:
    known = {currency.code for currency in currencies.currencies()}
    for code, (rate, step) in CURRENCIES.items():
        if code not in known:
            currencies.add_currency(actor=CLI, code=code)
            currencies.save_currency(
                actor=CLI,
                code=code,
                enabled=True,
                rate=Decimal(rate),
                step=Decimal(step),
                rounding=Rounding.UP,
            )


def _add_prices(product: Product) -> None:
    monthly = next((row for row in prices.prices_of(product) if row.period == Period.MONTHLY), None)
    if monthly is None:
        return
    cells = [
        Cell(period, BASE, None, monthly.recurring.scaled(Decimal(months)).major)
        for period, months in MONTHS.items()
    ]
    prices.save_prices(actor=CLI, product_uuid=product.uuid, cells=cells)
    for code in CURRENCIES:
        prices.derive_prices(actor=CLI, product_uuid=product.uuid, currency=code)


def _add_backup() -> str:
    group = options.save_option_group(
        actor=CLI,
        uuid=None,
        key=BACKUP,
        label="Extra backup space",
        kind=OptionKind.QUANTITY,
        unit="GB",
        minimum=0,
        maximum=500,
        step=10,
    )
    _price_option(group.options[0], "0.05")
    return group.uuid


def _add_images() -> str:
    group: OptionGroup = options.save_option_group(
        actor=CLI, uuid=None, key=IMAGE, label="Preinstalled application"
    )
    for position, (key, label) in enumerate(IMAGES):
        option = options.save_option(
            actor=CLI,
            group_uuid=group.uuid,
            uuid=None,
            key=key,
            label=label,
            position=position,
            free=position < 2,
        )
        if position == 2:
            _price_option(option, "1.50")
    return group.uuid


def _price_option(option: Option, monthly: str) -> None:
    months = {Period.MONTHLY: "1", **MONTHS}
    cells = [
        Cell(period, BASE, None, round(Decimal(monthly) * Decimal(number), 2))
        for period, number in months.items()
    ]
    options.save_option_prices(actor=CLI, option_uuid=option.uuid, cells=cells)
    for code in CURRENCIES:
        options.derive_option_prices(actor=CLI, option_uuid=option.uuid, currency=code)
