"""Currencies: enable and disable them, set their rates, and choose the base currency."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, localcontext

import sqlalchemy as sa

from puqpanel.domain.document_states import OPEN
from puqpanel.domain.errors import ConflictError, InvalidInput, UserError
from puqpanel.domain.ledger import Account
from puqpanel.domain.money import current_currencies, exponent, pin_exponents
from puqpanel.domain.permissions import CURRENCIES_MANAGE
from puqpanel.domain.principals import Principal
from puqpanel.domain.rates import RATE_PLACES, Rate, Rounding, check_rate, check_step
from puqpanel.domain.service_states import ServiceStatus
from puqpanel.domain.texts import Text, _
from puqpanel.infra.clock import now
from puqpanel.infra.db import find, save, session, transaction
from puqpanel.models import Client, Currency, Document, LedgerEntry, Price, Product, Service
from puqpanel.operations.system import audit


def find_currency(code: str) -> Currency:
    """Return one currency.

    Raises:
        NotFoundError: it was never enabled.
    """
    return find(sa.select(Currency).where(Currency.code == code), _("Currency not found."))


def currencies() -> Sequence[Currency]:
    """Return all currencies: the base currency, then enabled ones, then the others, by code."""
    order = (Currency.is_base.is_(None), ~Currency.enabled, Currency.code)
    return session().scalars(sa.select(Currency).order_by(*order)).all()


def enabled_codes() -> list[str]:
    """Return the codes of the enabled currencies, the base currency first."""
    return [currency.code for currency in currencies() if currency.enabled]


def addable_codes() -> list[str]:
    """Return the codes of the currencies that can be added."""
    return sorted(current_currencies() - {currency.code for currency in currencies()})


def base_currency() -> str:
    """Return the code of the base currency, which is also the default of clients and products."""
    return session().scalars(sa.select(Currency.code).where(Currency.is_base.is_(True))).one()


def rates() -> dict[str, Rate]:
    """Return the rates of all currencies that have one, for `domain.rates.convert`."""
    found = {currency.code: currency.conversion() for currency in currencies()}
    return {code: rate for code, rate in found.items() if rate is not None}


def pin_stored_exponents() -> None:
    """Make this process use the stored numbers of decimals, whatever CLDR says."""
    rows = session().execute(sa.select(Currency.code, Currency.exponent)).all()
    pin_exponents({row.code: row.exponent for row in rows})


def _lock() -> None:
    """Lock all currencies until the transaction ends: rates refer to the base currency.

    All of them, because the base currency may change while this waits for it.
    """
    query = sa.select(Currency).order_by(Currency.code).with_for_update()
    session().scalars(query.execution_options(populate_existing=True)).all()


def check_enabled(code: str, current: str = "") -> None:
    """Check that clients and products may be given a currency; it stays enabled meanwhile.

    Args:
        code: the chosen currency.
        current: the one that the client or product has, which may stay.

    Raises:
        InvalidInput: the currency is unknown or not enabled.
    """
    query = sa.select(Currency.enabled).where(Currency.code == code)
    if code != current and not session().scalar(query.with_for_update(read=True)):
        raise InvalidInput(
            {"currency": [_("%(currency)s is not an enabled currency.", currency=code[:40])]}
        )


@transaction()
def add_currency(*, actor: Principal, code: str) -> Currency:
    """Enable a currency for the first time, without a rate. Its number of decimals is fixed now.

    Raises:
        InvalidInput: the code is unknown, or the currency exists already.
    """
    actor.require(CURRENCIES_MANAGE)
    if code not in current_currencies():
        text = _("%(code)s is not a known currency.", code=code[:40])
        raise InvalidInput({"code": [text]})
    exists = InvalidInput({"code": [_("%(currency)s already exists.", currency=code)]})
    if session().get(Currency, code) is not None:
        raise exists
    step = Decimal(1).scaleb(-exponent(code))
    currency = save(Currency(code=code, exponent=exponent(code), step=step), exists)
    _record(
        actor,
        "currency.created",
        code,
        _("Currency %(code)s added.", code=code),
        after={"code": code},
    )
    return currency


@transaction()
def save_currency(
    *,
    actor: Principal,
    code: str,
    enabled: bool,
    rate: Decimal | None,
    step: Decimal,
    rounding: str,
    base: str | None = None,
) -> None:
    """Change the rate and the rounding rule of a currency, and whether it can be chosen.

    Args:
        actor: who saves it.
        code: the currency.
        enabled: whether clients and products may be given it.
        rate: units of it for one unit of the base currency; None if unknown.
        step: converted amounts are multiples of it, in major units.
        rounding: a `Rounding`.
        base: the base currency that the form showed; None for the current one.

    Raises:
        InvalidInput: a field is invalid.
        ConflictError: the currency is in use, or is the base currency, and cannot be disabled; or
            the base currency was changed since the form was opened.
    """
    actor.require(CURRENCIES_MANAGE)
    _lock()
    if base is not None and base != base_currency():
        raise ConflictError(
            _(
                "The base currency was changed in the meantime. Reload the page and enter the rate"
                " again."
            )
        )
    currency = find_currency(code)
    errors: dict[str, list[Text]] = {}
    try:
        rate = None if rate is None else check_rate(rate)
    except UserError as error:
        errors["rate"] = [error.text]
    if currency.is_base and rate != 1:
        errors["rate"] = [_("The rate of the base currency is always 1.")]
    try:
        check_step(step, code)
    except UserError as error:
        errors["step"] = [error.text]
    if rounding not in set(Rounding):
        errors["rounding"] = [_("Select an option from the list.")]
    if errors:
        raise InvalidInput(errors)
    if currency.enabled and not enabled:
        _check_unused(currency)
    values = {"enabled": enabled, "rate": rate, "step": step, "rounding": rounding}
    old, new = audit.changed({key: getattr(currency, key) for key in values}, values)
    for key, value in values.items():
        setattr(currency, key, value)
    if "rate" in new:
        currency.rate_date = None if rate is None else now().date()
    _record(
        actor,
        "currency.updated",
        code,
        _("Currency %(code)s changed.", code=code),
        before=_plain(old),
        after=_plain(new),
    )


@transaction()
def set_base_currency(*, actor: Principal, code: str) -> None:
    """Make a currency the base currency, and express all rates in it.

    The other rates are divided by its own; they are removed if it has none.

    Raises:
        ConflictError: the currency is not enabled.
    """
    actor.require(CURRENCIES_MANAGE)
    _lock()
    currency, before = find_currency(code), find_currency(base_currency())
    if currency.code == before.code:
        return
    if not currency.enabled:
        raise ConflictError(_("%(currency)s is not enabled.", currency=code))
    divisor = currency.rate
    for other in currencies():
        other.rate = _quotient(other.rate, divisor)
        if other.rate is None:
            other.rate_date = None
    before.is_base = None
    session().flush()
    currency.is_base, currency.rate, currency.rate_date = True, Decimal(1), now().date()
    _record(
        actor,
        "currency.base_changed",
        code,
        _("Base currency changed from %(old)s to %(new)s.", old=before.code, new=code),
        before={"base_currency": before.code},
        after={"base_currency": code},
    )


def _quotient(rate: Decimal | None, divisor: Decimal | None) -> Decimal | None:
    """Return a rate in another base currency; None if it is unknown or cannot be stored."""
    if rate is None or divisor is None:
        return None
    with localcontext(prec=60):
        result = round(rate / divisor, RATE_PLACES)
    try:
        return check_rate(result)
    except UserError:
        return None


def _check_unused(currency: Currency) -> None:
    """Check that a currency can be disabled."""
    if currency.is_base:
        raise ConflictError(_("The base currency can't be disabled."))
    current = Service.status.not_in((ServiceStatus.TERMINATED, ServiceStatus.CANCELLED))
    clients, products, services = (
        session().scalar(sa.select(sa.func.count()).where(*where)) or 0
        for where in (
            (Client.currency == currency.code,),
            (Product.id.in_(_priced_in(currency.code)),),
            (Service.currency == currency.code, current),
        )
    )
    unpaid = session().scalar(
        sa.select(sa.func.count()).where(
            Document.currency == currency.code, Document.status.in_(OPEN)
        )
    )
    balances = (
        sa.select(LedgerEntry.client_id)
        .where(LedgerEntry.account == Account.CREDIT, LedgerEntry.currency == currency.code)
        .group_by(LedgerEntry.client_id)
        .having(sa.func.sum(LedgerEntry.minor) != 0)
        .subquery()
    )
    credit = session().scalar(sa.select(sa.func.count()).select_from(balances))
    if clients or products or services or unpaid or credit:
        raise ConflictError(
            _(
                "%(currency)s is in use and can't be disabled. Clients: %(clients)s, products:"
                " %(products)s, services: %(services)s, unpaid documents: %(unpaid)s, clients with"
                " credit: %(credit)s.",
                currency=currency.code,
                clients=clients,
                products=products,
                services=services,
                unpaid=unpaid,
                credit=credit,
            )
        )


def _priced_in(code: str) -> sa.Select[int]:
    return sa.select(Price.product_id).where(Price.currency == code, Price.live.is_(True))


def _plain(values: dict[str, object]) -> dict[str, object]:
    return {
        key: f"{value:f}" if isinstance(value, Decimal) else value for key, value in values.items()
    }


def _record(
    actor: Principal,
    action: str,
    code: str,
    summary: Text | str,
    *,
    before: dict[str, object] | None = None,
    after: dict[str, object] | None = None,
) -> None:
    audit.record(
        actor=actor,
        action=action,
        subject_type="currency",
        subject_uuid=code,
        summary=summary,
        before=before,
        after=after,
    )
