"""Tax rates of countries, tax rules of companies, and how a sale to a client is taxed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.errors import InvalidInput
from puqpanel.domain.permissions import COMPANIES_MANAGE
from puqpanel.domain.principals import Principal
from puqpanel.domain.tax import MAX_TAXES, TaxCategory
from puqpanel.domain.tax_rules import (
    EU,
    REDUCED_CLASS,
    STANDARD_CLASS,
    BuyerKind,
    region_key,
)
from puqpanel.domain.texts import Text, _, _n
from puqpanel.domain.vat_prefixes import vat_prefix
from puqpanel.domain.xml_text import xml_text
from puqpanel.infra.db import find, save, session, transaction
from puqpanel.models import Company, CompanyTaxRule, CountryTax
from puqpanel.operations.billing.companies import clean_text, find_company
from puqpanel.operations.system import audit
from puqpanel.operations.system.fields import clean_country, clean_name

FIRST_DAY = date(2000, 1, 1)
"""From when rates are valid that were loaded without an older one."""
LOWEST_REDUCED = 5
"""Lower rates apply in parts of a country, or to few goods (Art. 98 of Directive 2006/112/EC)."""


def rates() -> Sequence[CountryTax]:
    """Return all rates by country, class, position and day."""
    order = (
        CountryTax.country,
        CountryTax.region,
        CountryTax.tax_class,
        CountryTax.position,
        CountryTax.valid_from,
    )
    return session().scalars(sa.select(CountryTax).order_by(*order)).all()


def tax_classes() -> list[str]:
    """Return the tax classes that have rates, the standard class first."""
    found = set(session().scalars(sa.select(CountryTax.tax_class).distinct()))
    return [STANDARD_CLASS, *sorted(found - {STANDARD_CLASS})]


@dataclass(frozen=True, slots=True)
class RateValues:
    """The fields of a tax rate."""

    country: str
    name: str
    rate: Decimal
    valid_from: date
    region: str = ""
    tax_class: str = STANDARD_CLASS
    position: int = 1
    compound: bool = False


@transaction()
def save_rate(*, actor: Principal, uuid: str | None, values: RateValues) -> CountryTax:
    """Add or change a tax rate. Issued documents keep their own.

    Raises:
        InvalidInput: a field is invalid, or there is such a rate already.
    """
    actor.require(COMPANIES_MANAGE)
    row = find_rate(uuid) if uuid else CountryTax()
    before = {key: getattr(row, key) for key in _RATE_FIELDS} if uuid else {}
    checked = _checked_rate(values)
    taken = InvalidInput(
        {
            "valid_from": [
                _("A rate for this country, region, tax class, position and date already exists.")
            ]
        }
    )
    place = {key: checked[key] for key in ("country", "tax_class", "position", "valid_from")}
    if _is_spelled(checked["region"], sa.select(CountryTax).filter_by(**place), row):
        raise taken
    for key, value in checked.items():
        setattr(row, key, value)
    save(row, taken)
    _record_rate(actor, "tax.rate_saved", row, before, checked)
    return row


@transaction()
def delete_rate(*, actor: Principal, uuid: str) -> None:
    """Delete a tax rate. Issued documents keep it."""
    actor.require(COMPANIES_MANAGE)
    row = find_rate(uuid)
    _record_rate(actor, "tax.rate_deleted", row, {key: getattr(row, key) for key in _RATE_FIELDS})
    session().delete(row)


@transaction()
def load_eu_rates(*, actor: Principal) -> int:
    """Add the standard and reduced VAT rates of the EU that are missing.

    A rate that differs from the newest one stored is added with the day of the data as its first;
    rates that staff entered stay.

    Returns:
        How many rates were added.
    """
    import eu_vat_rates_data  # read when it is needed only

    actor.require(COMPANIES_MANAGE)
    newest: dict[tuple[str, str], CountryTax] = {}
    for row in rates():
        if not row.region and row.position == 1:
            newest[row.country, row.tax_class] = row
    added = 0
    today = date.fromisoformat(eu_vat_rates_data.data_version)
    for country in sorted(EU):
        found: Any = eu_vat_rates_data.get_rate(country)
        classes = {STANDARD_CLASS: found["standard"]}
        reduced = [percent for percent in found["reduced"] if percent >= LOWEST_REDUCED]
        if reduced:
            classes[REDUCED_CLASS] = min(reduced)
        for tax_class, percent in classes.items():
            rate, known = Decimal(str(percent)), newest.get((country, tax_class))
            if known is not None and (known.rate == rate or known.valid_from >= today):
                continue
            row = CountryTax(
                country=country,
                tax_class=tax_class,
                name=found["vat_abbr"] or "VAT",
                rate=rate,
                valid_from=today if known else FIRST_DAY,
            )
            save(row)
            added += 1
    if added:
        audit.record(
            actor=actor,
            action="tax.rates_loaded",
            subject_type="tax",
            summary=_n(
                "%(num)s VAT rate loaded, as of %(day)s.",
                "%(num)s VAT rates loaded, as of %(day)s.",
                added,
                day=today,
            ),
        )
    return added


@transaction()
def save_rule(
    *,
    actor: Principal,
    company_uuid: str,
    country: str,
    region: str,
    buyer_kind: str,
    category: str,
    reason: str,
) -> CompanyTaxRule:
    """Add a tax rule of a company, which comes before the built-in rules.

    Args:
        actor: who saves it.
        company_uuid: the company.
        country: of the buyer; empty for all.
        region: of the buyer; empty for all.
        buyer_kind: a `BuyerKind`; empty for all.
        category: a `TaxCategory`.
        reason: why no tax is charged, as documents state it; required for all categories but the
            standard and the zero rate, which have none.

    Raises:
        InvalidInput: a field is invalid, the company has no VAT number for exports, or there is a
            rule for the same buyers.
    """
    actor.require(COMPANIES_MANAGE)
    company = find_company(company_uuid)
    errors: dict[str, list[Text | str]] = {}
    if buyer_kind and buyer_kind not in set(BuyerKind):
        errors["buyer_kind"] = [_("Select an option from the list.")]
    if category not in set(TaxCategory):
        errors["category"] = [_("Select an option from the list.")]
    elif category in (TaxCategory.STANDARD, TaxCategory.ZERO):
        reason = ""
    elif not xml_text(reason):
        errors["reason"] = [
            _("Enter the reason to print on documents, such as the legal provision.")
        ]
    if category == TaxCategory.EXPORT and not vat_prefix(company.vat_number, company.country):
        errors["category"] = [
            _("Enter the company's VAT number first. It must appear on export invoices.")
        ]
    if errors:
        raise InvalidInput(errors)
    key = {
        "company_id": company.id,
        "country": clean_country(country),
        "region": _region(region),
        "buyer_kind": buyer_kind,
    }
    taken = InvalidInput(
        {"country": [_("The company already has a rule for these buyers. Delete it first.")]}
    )
    buyers = {name: value for name, value in key.items() if name != "region"}
    if _is_spelled(str(key["region"]), sa.select(CompanyTaxRule).filter_by(**buyers)):
        raise taken
    row = save(
        CompanyTaxRule(**key, category=category, reason=xml_text(clean_text(reason, 1000))), taken
    )
    audit.record(
        actor=actor,
        action="tax.rule_saved",
        subject_type="company",
        subject_uuid=company_uuid,
        summary=_("Tax rule saved: %(category)s.", category=category),
        after={**key, "category": category, "reason": row.reason},
    )
    return row


@transaction()
def delete_rule(*, actor: Principal, uuid: str) -> None:
    """Delete a tax rule of a company."""
    actor.require(COMPANIES_MANAGE)
    query = sa.select(CompanyTaxRule).where(CompanyTaxRule.uuid == uuid)
    row = find(query, _("Tax rule not found."))
    company = session().get_one(Company, row.company_id)
    audit.record(
        actor=actor,
        action="tax.rule_deleted",
        subject_type="company",
        subject_uuid=company.uuid,
        summary=_("Tax rule deleted: %(category)s.", category=row.category),
        before={"country": row.country, "region": row.region, "buyer_kind": row.buyer_kind},
    )
    session().delete(row)


_RATE_FIELDS = (
    "country",
    "region",
    "tax_class",
    "name",
    "rate",
    "compound",
    "position",
    "valid_from",
)


def find_rate(uuid: str) -> CountryTax:
    """Return one tax rate.

    Raises:
        NotFoundError: it does not exist.
    """
    return find(sa.select(CountryTax).where(CountryTax.uuid == uuid), _("Tax rate not found."))


def _region(text: str) -> str:
    """Return a region with single spaces between words."""
    return clean_text(" ".join(text.split()), 100)


def _is_spelled(
    region: str, others: sa.Select[Any], row: CountryTax | CompanyTaxRule | None = None
) -> bool:
    """Return whether others than a row have a region, in any spelling."""
    return any(
        other is not row and region_key(other.region) == region_key(region)
        for other in session().scalars(others)
    )


def lock_rate(uuid: str) -> CountryTax:
    """Lock a tax rate until the transaction ends, and return its current state."""
    query = sa.select(CountryTax).where(CountryTax.uuid == uuid).with_for_update()
    return find(query.execution_options(populate_existing=True), _("Tax rate not found."))


def _checked_rate(values: RateValues) -> dict[str, Any]:
    errors: dict[str, list[Text | str]] = {}
    if not clean_country(values.country):
        errors["country"] = [_("Choose a country from the list.")]
    if not (values.rate.is_finite() and 0 <= values.rate <= 100):
        errors["rate"] = [_("Enter a rate from 0 to 100 percent.")]
    elif values.rate != round(values.rate, 4):
        errors["rate"] = [_("Enter a rate with at most %(places)s decimals.", places=4)]
    if not 1 <= values.position <= MAX_TAXES:
        errors["position"] = [_("Select an option from the list.")]
    if errors:
        raise InvalidInput(errors)
    return {
        "country": clean_country(values.country),
        "region": _region(values.region),
        "tax_class": clean_name(values.tax_class, "tax_class", 40),
        "name": clean_name(values.name, longest=40),
        "rate": values.rate,
        "compound": values.compound,
        "position": values.position,
        "valid_from": values.valid_from,
    }


def _record_rate(
    actor: Principal,
    action: str,
    row: CountryTax,
    before: dict[str, Any],
    after: dict[str, Any] | None = None,
) -> None:
    old, new = _plain(before), _plain(after or {})
    if after:
        old, new = audit.changed(old, new)
    audit.record(
        actor=actor,
        action=action,
        subject_type="tax",
        subject_uuid=row.uuid,
        summary=_(
            "%(country)s: %(name)s %(rate)s %%.",
            country=row.country,
            name=row.name,
            rate=format(row.rate, "f"),
        ),
        before=old,
        after=new,
    )


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {
        key: str(value) if isinstance(value, Decimal | date) else value
        for key, value in values.items()
    }
