"""How sales are taxed: the rates and the rules of companies, and the countries that lack a rate."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Session

from puqpanel.domain.countries import country_codes
from puqpanel.domain.tax import TaxGroup
from puqpanel.domain.tax_rules import STANDARD_CLASS, NoTaxRateError, TaxBuyer, TaxRule, tax_group
from puqpanel.infra.db import session
from puqpanel.models import Address, Client, Company, CompanyTaxRule, CountryTax
from puqpanel.operations.billing.ledger import today


def rules(company: Company, reader: Session | None = None) -> Sequence[CompanyTaxRule]:
    """Return the rules of a company by country.

    Args:
        company: the company.
        reader: reads them; the session of the app unless given.
    """
    query = sa.select(CompanyTaxRule).where(CompanyTaxRule.company_id == company.id)
    order = (CompanyTaxRule.country, CompanyTaxRule.region, CompanyTaxRule.buyer_kind)
    return (reader or session()).scalars(query.order_by(*order)).all()


class TaxRates:
    """Rates and the rules of companies, each read once for any number of documents.

    Args:
        countries: of sellers and buyers; None for all.
        reader: reads them; the session of the app unless given.
    """

    def __init__(
        self, countries: Collection[str] | None = None, *, reader: Session | None = None
    ) -> None:
        self._reader = reader or session()
        query = sa.select(CountryTax)
        if countries is not None:
            query = query.where(CountryTax.country.in_(countries))
        self._rates = [row.value for row in self._reader.scalars(query)]
        self._rules: dict[int, list[TaxRule]] = {}
        self._groups: dict[tuple[int, TaxBuyer, date, str], TaxGroup] = {}

    def group(self, company: Company, buyer: TaxBuyer, day: date, tax_class: str) -> TaxGroup:
        """Return how products of a tax class are taxed.

        Raises:
            NoTaxRateError: tax must be charged, but there is no rate.
        """
        key = company.id, buyer, day, tax_class
        if key not in self._groups:
            if company.id not in self._rules:
                self._rules[company.id] = [row.value for row in rules(company, self._reader)]
            self._groups[key] = tax_group(
                company.tax_seller,
                buyer,
                self._rates,
                self._rules[company.id],
                day=day,
                tax_class=tax_class,
            )
        return self._groups[key]


class TaxTable:
    """How sales of a company to a client are taxed on a day, by tax class.

    Args:
        company: the seller.
        buyer: the client, or another billing address of it.
        day: the day of supply.
        rates: those that were read for many documents; read for this one unless given.
    """

    def __init__(
        self, company: Company, buyer: Client | Address, day: date, rates: TaxRates | None = None
    ) -> None:
        self._company, self._buyer, self._day = company, buyer.tax_buyer, day
        self._rates = rates or TaxRates({company.country, self._buyer.country})
        self._groups: dict[str, TaxGroup] = {}

    def group(self, tax_class: str) -> TaxGroup:
        """Return how products of a tax class are taxed.

        Raises:
            NoTaxRateError: tax must be charged, but there is no rate.
        """
        if tax_class not in self._groups:
            rates = self._rates
            self._groups[tax_class] = rates.group(self._company, self._buyer, self._day, tax_class)
        return self._groups[tax_class]


def missing_rates(companies: Sequence[Company], reader: Session | None = None) -> list[str]:
    """Return the countries whose standard rate companies must charge, and which have none.

    The default company sells to all countries that no other company sells to.

    Args:
        companies: the sellers; those that are not active need no rates.
        reader: reads the rates; the session of the app unless given.
    """
    rates, missing = TaxRates(reader=reader), []
    others = sa.select(Company.countries).where(Company.active, Company.is_default.is_(None))
    taken = {code for codes in (reader or session()).scalars(others) for code in codes}
    for company in companies:
        sold = country_codes() - taken if company.is_default else set(company.countries)
        for country in sorted({company.country} | sold) if company.active else ():
            try:
                rates.group(company, TaxBuyer(country), today(company), STANDARD_CLASS)
            except NoTaxRateError as error:
                missing.append(error.country)
    return list(dict.fromkeys(missing))
