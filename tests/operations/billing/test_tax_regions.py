"""Regions with rates or rules of their own, in any spelling."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from puqpanel.domain.errors import InvalidInput
from puqpanel.models import Company
from puqpanel.operations.billing import tax_regions, taxes
from puqpanel.operations.billing.taxes import FIRST_DAY, RateValues
from tests.operations.billing.conftest import STAFF

ONTARIO = RateValues("CA", "HST", Decimal(13), FIRST_DAY, region="ON")
NEW_YORK = {
    "country": "US",
    "region": "New  York ",
    "buyer_kind": "",
    "category": "E",
    "reason": "Exempt",
}


@pytest.fixture
def rule(company: Company) -> Any:
    """A rate of Ontario and a rule for New York."""
    taxes.save_rate(actor=STAFF, uuid=None, values=ONTARIO)
    return taxes.save_rule(actor=STAFF, company_uuid=company.uuid, **NEW_YORK)


def test_regions_are_listed(company: Company, rule: Any) -> None:
    quebec = replace(ONTARIO, region="QC", position=2)
    for values in (quebec, replace(quebec, region="qc", tax_class="reduced")):
        taxes.save_rate(actor=STAFF, uuid=None, values=values)
    listed = tax_regions.regions()
    assert [(code, name.upper()) for code, name in listed] == [
        ("CA", "ON"),
        ("CA", "QC"),
        ("US", "NEW YORK"),
    ]
    assert tax_regions.unlisted("US", "new york") == []
    assert tax_regions.unlisted("US", "") == ["New York"]
    assert tax_regions.unlisted("US", "NY") == ["New York"]
    assert tax_regions.unlisted("PL", "Mazowieckie") == tax_regions.unlisted("", "ON") == []


def test_a_region_has_one_rate_and_one_rule_in_any_spelling(company: Company, rule: Any) -> None:
    assert rule.region == "New York"
    with pytest.raises(InvalidInput) as refused:
        taxes.save_rate(actor=STAFF, uuid=None, values=replace(ONTARIO, region="on"))
    assert list(refused.value.errors) == ["valid_from"]
    with pytest.raises(InvalidInput) as refused:
        again = {**NEW_YORK, "region": "new york"}
        taxes.save_rule(actor=STAFF, company_uuid=company.uuid, **again)
    assert list(refused.value.errors) == ["country"]
    (rate,) = [row for row in taxes.rates() if row.region]
    taxes.save_rate(actor=STAFF, uuid=rate.uuid, values=replace(ONTARIO, region="On"))
    assert taxes.find_rate(rate.uuid).region == "On"
