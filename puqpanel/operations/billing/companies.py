"""Companies: who sells, how documents are numbered, and which company sells to a client."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import reduce
from typing import Any
from zoneinfo import available_timezones

import sqlalchemy as sa

from puqpanel.domain.document_states import DocumentStatus
from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.errors import ConflictError, InvalidInput, UserError
from puqpanel.domain.numbering import Reset, can_coincide, check_pattern, count_period
from puqpanel.domain.permissions import COMPANIES_MANAGE
from puqpanel.domain.principals import Principal
from puqpanel.domain.tax import PriceEntry
from puqpanel.domain.tax_rules import EU
from puqpanel.domain.texts import Text, _
from puqpanel.domain.xml_text import xml_text
from puqpanel.infra.db import find, save, session, transaction
from puqpanel.models import Client, Company, Document, Series
from puqpanel.operations.accounts.buyer_details import clean_vat_number
from puqpanel.operations.billing import logos
from puqpanel.operations.system import audit
from puqpanel.operations.system.fields import clean_country, clean_email, clean_name

MAX_DUE_DAYS = 365
NO_SERIES = _("This company has no number series for this kind of document.")
DEFAULT_PATTERNS = {
    DocumentKind.PROFORMA: "PF-{year}-{number:05}",
    DocumentKind.INVOICE: "INV-{year}-{number:05}",
    DocumentKind.CREDIT_NOTE: "CN-{year}-{number:05}",
}
_TEXTS = {
    "street": 200,
    "city": 100,
    "postcode": 20,
    "region": 100,
    "vat_number": 40,
    "tax_number": 40,
    "registration": 200,
    "phone": 40,
    "website": 200,
    "bank_holder": 200,
    "bank": 200,
    "notes": 2000,
}
"""Fields of a company that hold any text → longest."""
_SWITCHES = ("active", "vat_registered", "one_stop_shop", "proforma_first")


NO_COMPANY = _("Add a company first. It is the seller on documents.")


class NoCompanyError(ConflictError):
    """There is no company that could sell."""

    error_code = "no_company"


class IncompleteCompanyError(NoCompanyError):
    """A company lacks what the law requires of a seller on documents."""

    error_code = "incomplete_company"


def missing_details(company: Company) -> list[Text]:
    """Return which details a company must have before it issues documents, and has not."""
    number = company.vat_number or company.tax_number
    registered = company.vat_registered
    details = {
        _("Legal name"): company.name,
        _("Street"): company.street,
        _("City"): company.city,
        _("Country"): company.country,
        _("VAT or tax number"): number or not registered,
        _("Tax number or registration"): registered or number or company.registration,
    }
    return [label for label, value in details.items() if not value]


def incompleteness(company: Company) -> IncompleteCompanyError | None:
    """Return the error that names what a company lacks to issue documents; None if it is complete.

    It is returned, because many documents of one company are refused for the same reason.
    """
    missing = missing_details(company)
    if not missing:
        return None
    return IncompleteCompanyError(
        _(
            "%(company)s can't issue documents yet. Go to Companies and enter: %(missing)s.",
            company=company.name,
            missing=reduce(lambda a, b: _("%(first)s, %(second)s", first=a, second=b), missing),
        )
    )


def find_company(uuid: str) -> Company:
    """Return one company.

    Raises:
        NotFoundError: it does not exist.
    """
    return find(sa.select(Company).where(Company.uuid == uuid), _("Company not found."))


def lock_company(uuid: str) -> Company:
    """Lock a company until the transaction ends, and return its current state."""
    query = sa.select(Company).where(Company.uuid == uuid).with_for_update()
    return find(query.execution_options(populate_existing=True), _("Company not found."))


def companies() -> Sequence[Company]:
    """Return all companies, the default one first, then by name."""
    order = (Company.is_default.is_(None), Company.name, Company.id)
    return session().scalars(sa.select(Company).order_by(*order)).all()


def company_for(client: Client) -> Company:
    """Return the company that sells to a client, see `sellers_of`.

    Raises:
        NoCompanyError: there is no active company yet.
    """
    company = sellers_of([client]).get(client.id)
    if company is None:
        raise NoCompanyError(NO_COMPANY)
    return company


def sellers_of(clients: Iterable[Client]) -> Mapping[int, Company]:
    """Return the companies that sell to clients, by the id of the client.

    It is the one of the client's last issued document; else the first that sells to the client's
    country; else the default company. There is none as long as no company is active.
    """
    active = {company.id: company for company in companies() if company.active}
    by_country = {code: each for each in reversed(active.values()) for code in each.countries}
    default = next((each for each in active.values() if each.is_default), None)
    buyers = {client.id: client for client in clients}
    last = (
        sa.select(Document.company_id)
        .where(Document.client_id == Client.id, Document.status != DocumentStatus.DRAFT)
        .order_by(Document.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    rows = session().execute(sa.select(Client.id, last).where(Client.id.in_(buyers)))
    earlier = {key: active.get(company_id) for key, company_id in rows}
    sellers = {
        key: earlier.get(key) or by_country.get(client.country) or default
        for key, client in buyers.items()
    }
    return {key: company for key, company in sellers.items() if company is not None}


@transaction()
def save_company(*, actor: Principal, uuid: str | None, values: Mapping[str, Any]) -> Company:
    """Create or change a company. The first one becomes the default company.

    Args:
        actor: who saves it.
        uuid: the company; None creates one, with a series for each kind of document.
        values: columns of `Company`; those that are missing keep their values. `logo_file` is a new
            logo: PNG, JPEG, WebP or SVG.

    Raises:
        InvalidInput: a field is invalid.
    """
    actor.require(COMPANIES_MANAGE)
    company = find_company(uuid) if uuid else Company(name="", country="")
    checked = _checked(values, company)
    before = {key: getattr(company, key) for key in checked}
    for key, value in checked.items():
        setattr(company, key, value)
    if uuid is None:
        if session().scalar(sa.select(Company.id).where(Company.is_default.is_(True))) is None:
            company.is_default = True
        save(company)
        for kind, pattern in DEFAULT_PATTERNS.items():
            save(Series(company_id=company.id, kind=kind, pattern=pattern))
    session().flush()
    old, new = audit.changed(before if uuid else {}, checked)
    audit.record(
        actor=actor,
        action="company.updated" if uuid else "company.created",
        subject_type="company",
        subject_uuid=company.uuid,
        summary=(
            _("Company %(name)s changed.", name=company.name)
            if uuid
            else _("Company %(name)s created.", name=company.name)
        ),
        before=old,
        after=new,
    )
    return company


@transaction()
def make_default(*, actor: Principal, uuid: str) -> None:
    """Make a company the one that sells to the countries of no other company.

    Raises:
        ConflictError: it is not active.
    """
    actor.require(COMPANIES_MANAGE)
    company = find_company(uuid)
    if not company.active:
        raise ConflictError(_("%(name)s is not active.", name=company.name))
    session().execute(sa.update(Company).values(is_default=None))
    session().flush()
    company.is_default = True
    audit.record(
        actor=actor,
        action="company.updated",
        subject_type="company",
        subject_uuid=uuid,
        summary=_("%(name)s is the default company.", name=company.name),
    )


@transaction()
def save_series(
    *, actor: Principal, company_uuid: str, kind: str, pattern: str, reset: str
) -> None:
    """Change the numbers of one kind of document of a company.

    Raises:
        InvalidInput: the pattern could repeat numbers, or cannot be read.
    """
    actor.require(COMPANIES_MANAGE)
    company = find_company(company_uuid)
    series = lock_series(company.id, kind)
    try:
        checked = check_pattern(pattern, Reset(reset))
    except ValueError:
        raise InvalidInput({"reset": [_("Select an option from the list.")]}) from None
    except UserError as error:
        raise InvalidInput({"pattern": [error.text]}) from None
    others = sa.select(Series.pattern).where(Series.company_id == company.id, Series.kind != kind)
    if any(can_coincide(checked, other) for other in session().scalars(others)):
        text = _(
            "Another type of document could get the same numbers. Use a different prefix for each"
            " pattern."
        )
        raise InvalidInput({"pattern": [text]})
    values = {"pattern": checked, "reset": reset}
    old, new = audit.changed({key: getattr(series, key) for key in values}, values)
    if reset != series.reset and series.last_on is not None:
        # the count goes on: it restarts with the next period
        series.period = count_period(Reset(reset), series.last_on)
    series.pattern, series.reset = checked, reset
    audit.record(
        actor=actor,
        action="company.series_changed",
        subject_type="company",
        subject_uuid=company_uuid,
        summary=_("Number pattern changed to %(pattern)s.", pattern=checked),
        before=old,
        after=new,
    )


def find_series(company: Company, kind: str) -> Series:
    """Return a series of a company.

    Raises:
        NotFoundError: there is none of this kind.
    """
    query = sa.select(Series).where(Series.company_id == company.id, Series.kind == kind)
    return find(query, NO_SERIES)


def next_count(series: Series, day: date) -> int:
    """Return the count of the next document of a series on a day."""
    return series.count + 1 if count_period(Reset(series.reset), day) == series.period else 1


def lock_series(company_id: int, kind: str) -> Series:
    """Lock a series until the transaction ends, and return its current state."""
    query = sa.select(Series).where(Series.company_id == company_id, Series.kind == kind)
    locked = query.with_for_update().execution_options(populate_existing=True)
    return find(locked, NO_SERIES)


def _checked(values: Mapping[str, Any], company: Company) -> dict[str, Any]:
    """Return the valid values of a company.

    Raises:
        InvalidInput: a value is invalid.
    """
    errors: dict[str, Sequence[Text | str]] = {}
    checked: dict[str, Any] = {key: bool(values[key]) for key in _SWITCHES if key in values}

    def keep(key: str, clean: Any) -> None:
        try:
            checked[key] = clean(values[key])
        except InvalidInput as error:
            errors[key] = next(iter(error.messages.values()))

    for key, longest in _TEXTS.items():
        if key in values:
            keep(key, lambda text, longest=longest: clean_text(text, longest))
    cleaners = {
        "name": clean_name,
        "country": _country,
        "email": lambda text: clean_email(text) if text.strip() else "",
        "iban": _iban,
        "bic": _bic,
        "entry": _entry,
        "zone": _zone,
        "due_days": _due_days,
        "countries": lambda codes: sorted({clean_country(code) for code in codes}),
    }
    for key, clean in cleaners.items():
        if key in values:
            keep(key, clean)
    number, country = checked.get("vat_number", ""), checked.get("country", company.country)
    # a number that was saved before it was checked does not keep other fields from being changed
    if number and country in EU and (number, country) != (company.vat_number, company.country):
        try:
            checked["vat_number"] = clean_vat_number(number, country)
        except InvalidInput as error:
            errors["vat_number"] = error.messages["vat_number"]
    for key in ("logo", "template"):
        if key in values:
            checked[key] = values[key]
    if values.get("logo_file") is not None:
        try:
            checked["logo"] = logos.store_logo(values["logo_file"])
        except InvalidInput as error:
            errors.update(error.messages)
    if company.is_default and checked.get("active") is False:
        errors["active"] = [_("Make another company the default one first.")]
    if errors:
        raise InvalidInput(errors)
    return checked


def clean_text(text: str, longest: int) -> str:
    """Return a text as documents show it.

    Raises:
        InvalidInput: it is too long.
    """
    text = xml_text(text)
    if len(text) > longest:
        raise InvalidInput({"": [_("Enter at most %(longest)s characters.", longest=longest)]})
    return text


def _country(code: str) -> str:
    found = clean_country(code)
    if not found:
        raise InvalidInput({"country": [_("Choose a country from the list.")]})
    return found


def _iban(text: str) -> str:
    from stdnum import exceptions, iban

    try:
        return str(iban.validate(text)) if text.strip() else ""
    except exceptions.ValidationError:
        raise InvalidInput({"iban": [_("This is not a valid IBAN.")]}) from None


def _bic(text: str) -> str:
    from stdnum import bic, exceptions

    try:
        return str(bic.validate(text)) if text.strip() else ""
    except exceptions.ValidationError:
        raise InvalidInput({"bic": [_("This is not a valid BIC.")]}) from None


def _entry(text: str) -> str:
    if text not in set(PriceEntry):
        raise InvalidInput({"entry": [_("Select an option from the list.")]})
    return text


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise InvalidInput({"zone": [_("Select an option from the list.")]})
    return name


def _due_days(days: int) -> int:
    if not 0 <= days <= MAX_DUE_DAYS:
        text = _("Enter a number of days from 0 to %(limit)s.", limit=MAX_DUE_DAYS)
        raise InvalidInput({"due_days": [text]})
    return days
