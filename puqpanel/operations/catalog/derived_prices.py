"""Prices of a product and of its options, derived from those in the base currency."""

from __future__ import annotations

from puqpanel.domain.principals import Principal
from puqpanel.infra.db import transaction
from puqpanel.operations.catalog import options, prices
from puqpanel.operations.catalog.products import find_product


@transaction()
def derive(*, actor: Principal, product_uuid: str, currency: str) -> int:
    """Derive the prices of a product and of all its options.

    Returns:
        How many prices changed.

    Raises:
        ConflictError: the currency is the base currency, or has no exchange rate.
    """
    changed = prices.derive_prices(actor=actor, product_uuid=product_uuid, currency=currency)
    for group in options.groups_of(find_product(product_uuid)):
        for option in group.options:
            changed += options.derive_option_prices(
                actor=actor, option_uuid=option.uuid, currency=currency
            )
    return changed
