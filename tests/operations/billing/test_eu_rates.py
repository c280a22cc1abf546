"""The VAT rates of the EU that are loaded."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.tax_rules import EU
from puqpanel.infra.db import session
from puqpanel.models import CountryTax
from tests.operations.billing.conftest import company  # noqa: F401  # fixture


def test_rates_of_a_part_of_a_country_are_left_out(company: Any) -> None:  # noqa: F811
    rows = session().execute(sa.select(CountryTax.country, CountryTax.tax_class, CountryTax.rate))
    rates = {(country, tax_class): rate for country, tax_class, rate in rows}
    assert {country for country, _class in rates} == set(EU)
    assert rates["FR", "reduced"] == Decimal("5.5")
    reduced = {key: rate for key, rate in rates.items() if key[1] == "reduced"}
    assert len(reduced) == 26  # Denmark has none
    assert min(reduced.values()) == 5
