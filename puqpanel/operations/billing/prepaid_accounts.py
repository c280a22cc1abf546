"""What prepaid services of clients cost, how long their credit lasts, and their spending caps."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import joinedload

from puqpanel.domain.errors import ConflictError, InvalidInput
from puqpanel.domain.ledger import Account
from puqpanel.domain.money import Money
from puqpanel.domain.periods import Period
from puqpanel.domain.permissions import CLIENT_BILLING_MANAGE, PAYMENTS_MANAGE
from puqpanel.domain.prepaid import Meter, per_day
from puqpanel.domain.principals import Principal
from puqpanel.domain.tax import PriceEntry, group_total
from puqpanel.domain.tax_rules import NoTaxRateError
from puqpanel.domain.texts import _
from puqpanel.infra.clock import now
from puqpanel.infra.db import retry_deadlocks, session, transaction
from puqpanel.models import (
    Client,
    Company,
    Debit,
    LedgerEntry,
    Posting,
    PrepaidAccount,
    PrepaidSpan,
    PrepaidTotal,
    Product,
    Service,
)
from puqpanel.operations.billing import debits, ledger
from puqpanel.operations.billing.companies import sellers_of
from puqpanel.operations.billing.lines import MAX_AMOUNT_MINOR
from puqpanel.operations.billing.tax_tables import TaxRates
from puqpanel.operations.system import audit

log = structlog.get_logger(__name__)
LONGEST = 3650
"""Days after which it no longer matters how long the credit lasts."""


@dataclass(slots=True)
class Outlook:
    """The prepaid services of a client in a currency, with tax.

    Attributes:
        client: who pays.
        company: who sells.
        currency: of all amounts.
        credit: what is left, before what was used since the last debits.
        used: what the hours and days cost that were begun and not charged yet.
        spent: what was charged this month, with `used`.
        daily: what an average day costs at present.
        cap: the most that may be spent in a month; None for no limit.
    """

    client: Client
    company: Company
    currency: str
    credit: Money
    used: Money
    spent: Money
    daily: Money
    cap: Money | None = None
    account: PrepaidAccount | None = None

    @property
    def left(self) -> Money:
        """The credit that is not used yet."""
        return self.credit - self.used

    @property
    def days_left(self) -> Fraction | None:
        """For how many days the credit lasts; None if nothing is charged."""
        return Fraction(self.left.minor, self.daily.minor) if self.daily.minor > 0 else None

    @property
    def lasts_until(self) -> datetime | None:
        """When the credit is used up at the present rate; None if that is never or far away."""
        days = self.days_left
        if days is None or days > LONGEST:
            return None
        return now() + timedelta(seconds=float(max(days, Fraction())) * 86400)

    @property
    def over_cap(self) -> bool:
        """Whether more than the cap is used."""
        return self.cap is not None and self.spent > self.cap


def outlook(client: Client, currency: str = "") -> Outlook | None:
    """Return the outlook of a client; None if no company sells to it."""
    code = currency or client.currency
    found = outlooks([client.id], {(client.id, code)})
    return found.get((client.id, code))


def outlooks(
    client_ids: Collection[int], wanted: Collection[tuple[int, str]] = ()
) -> Mapping[tuple[int, str], Outlook]:
    """Return the outlooks of clients by client and currency, where a prepaid service is active.

    Clients for whom a tax rate is missing are left out.

    Args:
        client_ids: the clients.
        wanted: clients and currencies to return even if no service is active.
    """
    spans = _spans(client_ids)
    keys = {(span.client_id, span.currency) for span, _class in spans} | set(wanted)
    query = sa.select(Client).where(Client.id.in_(client_ids))
    clients = {row.id: row for row in session().scalars(query)}
    sellers = sellers_of(clients.values())
    credits, accounts = _credits(client_ids), _accounts(client_ids)
    spent = _spent(client_ids, sellers)
    countries = {each.country for each in clients.values()}
    countries |= {each.country for each in sellers.values()}
    rates, found = TaxRates(countries), dict[tuple[int, str], Outlook]()
    for key in sorted(keys):
        client_id, currency = key
        company = sellers.get(client_id)
        if company is None or client_id not in clients:
            continue
        account, zero = accounts.get(key), Money.zero(currency)
        cap = account.cap_minor if account else None
        found[key] = Outlook(
            client=clients[client_id],
            company=company,
            currency=currency,
            credit=Money(credits.get((client_id, company.id, currency), 0), currency),
            used=zero,
            spent=Money(spent.get(key, 0), currency),
            daily=zero,
            cap=None if cap is None else Money(cap, currency),
            account=account,
        )
    _add_use(found, spans, rates)
    return found


def with_tax(
    company: Company, client: Client, amounts: Mapping[str, Money], currency: str
) -> Money:
    """Return what amounts cost with today's tax.

    Args:
        company: the seller.
        client: the buyer.
        amounts: as prices are entered, by tax class.
        currency: of the amounts.
    """
    rates = TaxRates({company.country, client.country})
    day, entry = ledger.today(company), PriceEntry(company.entry)
    groups = {name: rates.group(company, client.tax_buyer, day, name) for name in amounts}
    return Money.total(
        (group_total(groups[name], amount, entry).gross for name, amount in amounts.items()),
        currency,
    )


def unit_of(service: Service, company: Company) -> Money:
    """Return what the first hour or day of a prepaid service costs, as its price was entered."""
    day = ledger.today(company)
    return Meter(Period(service.period), company.zone, day).unit(service.price, now())


@retry_deadlocks
@transaction()
def set_own_cap(*, actor: Principal, cap: Money | None) -> None:
    """Set the most that prepaid services of the user's current client may cost a calendar month.

    Args:
        actor: the user.
        cap: with tax, in the currency of the client; None for no limit.

    Raises:
        InvalidInput: the amount is out of range or in another currency.
        ConflictError: no client is chosen.
    """
    actor.require_own(CLIENT_BILLING_MANAGE, staff=PAYMENTS_MANAGE)
    if actor.client is None:
        raise ConflictError(_("Client not found."))
    client = ledger.lock_client(actor.client.id)
    limit = Money(MAX_AMOUNT_MINOR, client.currency)
    if cap is not None and (cap.currency != client.currency or not 0 < cap.minor <= limit.minor):
        text = _("Enter an amount greater than 0 and at most %(rest)s.", rest=limit)
        raise InvalidInput({"cap": [text]})
    account = account_of(client.id, client.currency)
    before = account.cap_minor
    account.cap_minor, account.cap_warned_on = cap.minor if cap else None, None
    none = _("no limit")
    audit.record(
        actor=actor,
        action="client.spending_cap_set",
        subject_type="client",
        subject_uuid=client.uuid,
        summary=_("Monthly spending cap set: %(cap)s.", cap=cap or none),
        before={"cap": str(Money(before, client.currency)) if before is not None else None},
        after={"cap": str(cap) if cap else None},
    )


def account_of(client_id: int, currency: str) -> PrepaidAccount:
    """Return the account of a locked client, and create it if there is none."""
    query = sa.select(PrepaidAccount).where(
        PrepaidAccount.client_id == client_id, PrepaidAccount.currency == currency
    )
    account = session().scalar(query.execution_options(populate_existing=True))
    if account is None:
        account = PrepaidAccount(client_id=client_id, currency=currency, low_credit=False)
        session().add(account)
        session().flush()
    return account


def _spans(client_ids: Collection[int]) -> Sequence[tuple[PrepaidSpan, str]]:
    query = (
        sa.select(PrepaidSpan, Product.tax_class)
        .join(Service, Service.id == PrepaidSpan.service_id)
        .join(Product, Product.id == Service.product_id)
        .where(PrepaidSpan.client_id.in_(client_ids), PrepaidSpan.live.is_(True))
        .execution_options(populate_existing=True)
    )
    return [(span, tax_class) for span, tax_class in session().execute(query)]


def _add_use(
    found: dict[tuple[int, str], Outlook],
    spans: Sequence[tuple[PrepaidSpan, str]],
    rates: TaxRates,
) -> None:
    """Add to outlooks what was used since the last debits, and what a day costs."""
    moment = now()
    starts = debits.starts_of([span for span, _class in spans])
    used: dict[tuple[int, str], dict[str, Money]] = {}
    daily: dict[tuple[int, str], dict[str, Money]] = {}
    for span, tax_class in spans:
        key = span.client_id, span.currency
        if key not in found:
            continue
        meter = debits.meter_of(span, found[key].company, starts[span.id])
        cost, start = Money.zero(span.currency), starts[span.id]
        while start <= moment:
            use = meter.started(start, moment)
            cost, start = cost + use.costs(span.price), use.ends_at
        rate = span.price.scaled(per_day(Period(span.period)))
        for sums, amount in ((used, cost), (daily, rate)):
            by_class = sums.setdefault(key, {})
            by_class[tax_class] = by_class.get(tax_class, Money.zero(span.currency)) + amount
    for key, each in list(found.items()):
        try:
            each.used = _gross(each, used.get(key, {}), rates)
            each.daily = _gross(each, daily.get(key, {}), rates)
        except NoTaxRateError as error:  # of one client, which must not stop the others
            log.warning("prepaid client left out", client=each.client.uuid, reason=str(error))
            del found[key]
        else:
            each.spent += each.used


def _gross(outlook: Outlook, amounts: Mapping[str, Money], rates: TaxRates) -> Money:
    """Return amounts by tax class with tax."""
    company, buyer = outlook.company, outlook.client.tax_buyer
    day, entry = ledger.today(company), PriceEntry(company.entry)
    groups = {name: rates.group(company, buyer, day, name) for name in amounts}
    return Money.total(
        (group_total(groups[name], amount, entry).gross for name, amount in amounts.items()),
        outlook.currency,
    )


def _credits(client_ids: Collection[int]) -> dict[tuple[int, int, str], int]:
    keys = (LedgerEntry.client_id, Posting.company_id, LedgerEntry.currency)
    query = (
        sa.select(*keys, sa.func.sum(LedgerEntry.minor))
        .join(Posting, Posting.id == LedgerEntry.posting_id)
        .where(LedgerEntry.client_id.in_(client_ids), LedgerEntry.account == Account.CREDIT)
        .group_by(*keys)
    )
    return {(row[0], row[1], row[2]): -int(row[3]) for row in session().execute(query)}


def _accounts(client_ids: Collection[int]) -> dict[tuple[int, str], PrepaidAccount]:
    query = sa.select(PrepaidAccount).where(PrepaidAccount.client_id.in_(client_ids))
    rows = session().scalars(query.execution_options(populate_existing=True))
    return {(row.client_id, row.currency): row for row in rows}


def _spent(
    client_ids: Collection[int], sellers: Mapping[int, Company]
) -> dict[tuple[int, str], int]:
    """Return what was charged in the month that it is at the seller of each client."""
    months: dict[int, date] = {
        client_id: ledger.today(company).replace(day=1) for client_id, company in sellers.items()
    }
    query = sa.select(
        PrepaidTotal.client_id,
        PrepaidTotal.currency,
        PrepaidTotal.month,
        sa.func.sum(PrepaidTotal.debited_minor),
    ).where(PrepaidTotal.client_id.in_(client_ids), PrepaidTotal.month.in_(set(months.values())))
    query = query.group_by(PrepaidTotal.client_id, PrepaidTotal.currency, PrepaidTotal.month)
    return {
        (row[0], row[1]): int(row[3])
        for row in session().execute(query)
        if months.get(row[0]) == row[2]
    }


def debits_of(
    client_id: int, *, service_id: int | None = None, limit: int = 50
) -> Sequence[tuple[Debit, str]]:
    """Return the latest debits of a client with the names of the services.

    Args:
        client_id: the client.
        service_id: of one service only; all of them unless given.
        limit: how many at most.
    """
    query = (
        sa.select(Debit, Service.name)
        .join(Service, Service.id == Debit.service_id)
        .join(PrepaidTotal, PrepaidTotal.id == Debit.total_id)
        .where(PrepaidTotal.client_id == client_id)
        .options(joinedload(Debit.total))
    )
    if service_id is not None:
        query = query.where(Debit.service_id == service_id)
    rows = session().execute(query.order_by(Debit.id.desc()).limit(limit))
    return [(debit, name) for debit, name in rows]


def has_services(client_id: int) -> bool:
    """Return whether a client has or had a prepaid service."""
    query = sa.select(Service.id).where(Service.client_id == client_id, Service.prepaid)
    return session().scalar(query.limit(1)) is not None
