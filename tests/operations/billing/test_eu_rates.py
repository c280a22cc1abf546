"""The VAT rates of the EU that are loaded."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.tax_rules import EU
from puqpanel.infra.db import session, transaction
from puqpanel.models import Client, CountryTax
from puqpanel.operations.billing import companies, documents, tax_tables, taxes
from puqpanel.operations.billing.documents import Draft
from puqpanel.operations.billing.taxes import FIRST_DAY, RateValues
from tests.operations.billing.conftest import (  # fixtures
    STAFF,
    change,
    client,  # noqa: F401
    company,  # noqa: F401
    lines,
)


def test_rates_of_a_part_of_a_country_are_left_out(company: Any) -> None:  # noqa: F811
    rows = session().execute(sa.select(CountryTax.country, CountryTax.tax_class, CountryTax.rate))
    rates = {(country, tax_class): rate for country, tax_class, rate in rows}
    assert {country for country, _class in rates} == set(EU)
    assert rates["FR", "reduced"] == Decimal("5.5")
    reduced = {key: rate for key, rate in rates.items() if key[1] == "reduced"}
    assert len(reduced) == 26  # Denmark has none
    assert min(reduced.values()) == 5


def test_a_company_outside_the_eu_charges_consumers_their_own_rate(
    panel: Any,
    client: Client,  # noqa: F811
) -> None:
    british = {"name": "Hosting Ltd", "country": "GB", "one_stop_shop": True, "countries": ["FR"]}
    seller = companies.save_company(actor=STAFF, uuid=None, values=british)
    home = RateValues("GB", "VAT", Decimal(20), FIRST_DAY)
    taxes.save_rate(actor=STAFF, uuid=None, values=home)
    assert set(tax_tables.missing_rates([seller])) == set(EU)
    taxes.load_eu_rates(actor=STAFF)
    assert tax_tables.missing_rates([seller]) == []
    change(client, country="FR")
    draft = documents.create_draft(
        actor=STAFF, client_uuid=client.uuid, draft=Draft(lines("10")), company_uuid=seller.uuid
    )
    (tax,) = draft.taxes
    assert (str(draft.tax), tax.category, tax.country) == ("2.00 EUR", "S", "FR")


def test_the_default_company_needs_the_rates_of_all_countries_of_no_other_company(
    company: Any,  # noqa: F811
) -> None:
    values = {"one_stop_shop": True}
    companies.save_company(actor=STAFF, uuid=company.uuid, values=values)
    assert tax_tables.missing_rates([company]) == []
    gone = sa.delete(CountryTax).where(CountryTax.country.in_(["DE", "AT"]))
    with transaction() as current:
        current.execute(gone)
    assert tax_tables.missing_rates([company]) == ["AT", "DE"]
    german = {"name": "Zweite GmbH", "country": "DE", "countries": ["DE"], "active": True}
    companies.save_company(actor=STAFF, uuid=None, values=german)
    assert tax_tables.missing_rates([company]) == ["AT"]
