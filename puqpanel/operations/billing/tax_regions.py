"""States and provinces with tax rates or rules of their own, to suggest and to check them.

A buyer's region is free text, because most countries tax all of theirs alike.
"""

from __future__ import annotations

import sqlalchemy as sa

from puqpanel.domain.tax_rules import region_key
from puqpanel.infra.db import session
from puqpanel.models import CompanyTaxRule, CountryTax


def regions(country: str = "") -> list[tuple[str, str]]:
    """Return the country and name of each region that has a rate or rule, sorted.

    Args:
        country: only its regions and those of rules for all countries; all unless given.

    Returns:
        Pairs of an ISO 3166 code, empty for a rule for all countries, and the region. One that is
        spelled in several ways is returned once.
    """
    found: dict[tuple[str, str], str] = {}
    for table in (CountryTax, CompanyTaxRule):
        query = sa.select(table.country, table.region).where(table.region != "").distinct()
        if country:
            query = query.where(table.country.in_((country, "")))
        for code, region in session().execute(query.order_by(table.country, table.region)):
            found.setdefault((code, region_key(region)), region)
    return sorted((code, region) for (code, _), region in found.items())


def unlisted(country: str, region: str) -> list[str]:
    """Return the regions of a country that have rates or rules, if a buyer's is none of them.

    Its tax may be right, because a country can tax some of its regions alike; but another name of
    a region, such as Ontario for ON, is not recognized.
    """
    names = [name for _, name in regions(country)] if country else []
    known = {region_key(name) for name in names}
    return [] if region_key(region) in known else names
