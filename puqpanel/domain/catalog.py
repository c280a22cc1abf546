"""What a product of the catalog can be: how it is billed and provisioned, and its options."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from puqpanel.domain.periods import Period


class BillingMode(StrEnum):
    """How a product is paid for."""

    RECURRING = "recurring"
    PREPAID = "prepaid"
    ONE_TIME = "one_time"
    FREE = "free"


class ProvisioningPolicy(StrEnum):
    """When the service of an order is created at the provider."""

    AT_PAYMENT = "at_payment"
    AT_ORDER = "at_order"
    BY_HAND = "by_hand"


class OptionKind(StrEnum):
    """How an option is chosen: one of several, yes or no, or how many."""

    CHOICE = "choice"
    YES_NO = "yes_no"
    QUANTITY = "quantity"


_ONE_TIME = (Period.ONE_TIME,)
_INVOICED = tuple(period for period in Period if period.days or period.months)
PERIODS: Mapping[BillingMode, tuple[Period, ...]] = {
    BillingMode.RECURRING: _INVOICED,
    BillingMode.PREPAID: (Period.HOURLY, *_INVOICED),
    BillingMode.ONE_TIME: _ONE_TIME,
    BillingMode.FREE: (),
}
"""The billing periods that a product can have prices for, by how it is billed."""


def mode_for(period: Period) -> BillingMode:
    """Return the usual billing mode of a product with a price for a period."""
    if period == Period.ONE_TIME:
        return BillingMode.ONE_TIME
    return BillingMode.PREPAID if period == Period.HOURLY else BillingMode.RECURRING
