"""The billing forecast: what services will be charged, from what is known of them today.

It follows the renewals: the same conditions, periods, prices, coupons and days of issue. A change
that is scheduled counts from its day; a service that somebody ends is charged no more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from operator import attrgetter

import sqlalchemy as sa
from sqlalchemy.orm import defer, joinedload

from puqpanel.domain import forecasts, texts
from puqpanel.domain.changes import ChangeStatus
from puqpanel.domain.document_states import OPEN
from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.errors import UserError
from puqpanel.domain.forecasts import Terms, Upcoming
from puqpanel.domain.money import Money
from puqpanel.domain.periods import Anchor, Period, boundary
from puqpanel.domain.pricing import Coupon
from puqpanel.infra import catalogs
from puqpanel.infra.clock import now
from puqpanel.infra.db import session
from puqpanel.models import Change, Client, Company, Document, PaymentMethod, Product, Service
from puqpanel.operations.automation.due_services import continued, lead
from puqpanel.operations.billing import ledger, plain_documents
from puqpanel.operations.billing.companies import companies, sellers_of
from puqpanel.operations.billing.documents import OPEN_MINOR, Draft, draft_values, is_funds, write
from puqpanel.operations.billing.tax_tables import TaxRates
from puqpanel.operations.ordering import coupon_uses
from puqpanel.operations.ordering.quotes import document_line
from puqpanel.operations.system import settings

MAX_MONTHS = 24
READ = 1000
"""Services that are read at once."""
_CHARGED_CLIENTS = sa.select(PaymentMethod.client_id).where(
    PaymentMethod.active.is_(True), PaymentMethod.automatic.is_(True)
)


@dataclass(frozen=True, slots=True)
class Bill:
    """A period of a service that will be charged.

    Args:
        service: the service, as it is today.
        product: what it is then.
        company: who charges it.
        upcoming: its days, and what they cost without or with tax as the company enters prices.
        price: of a whole period then.
        period: the billing period then.
        changed: whether a scheduled change has taken effect then.
    """

    service: Service
    product: Product
    company: Company
    upcoming: Upcoming
    price: Money
    period: Period
    changed: bool


@dataclass(frozen=True, slots=True)
class ExpectedDocument:
    """A document that will be issued.

    Args:
        issued_on: the day of issue.
        due_on: the last day for payment.
        bills: what it charges.
        total: with today's taxes; None if they can't be computed, because a rate is missing.
        entered: the sum of the prices as the company enters them.
    """

    issued_on: date
    due_on: date
    bills: Sequence[Bill]
    total: Money | None
    entered: Money


def last_day(months: int, today: date | None = None) -> date:
    """Return the last day of a forecast for a number of months, at most MAX_MONTHS."""
    count = max(1, min(months, MAX_MONTHS))
    end = boundary(Anchor.on(today or now().date()), Period.MONTHLY, count)
    return end - timedelta(days=1)


def documents(client: Client, until: date) -> list[ExpectedDocument]:
    """Return the documents that a client will get, by day of issue.

    Args:
        client: the client.
        until: the last day on which one may be due.
    """
    found = sorted(_bills_of(client, until), key=_document_of)
    if not found:
        return []
    rates = TaxRates({client.country, *(bill.company.country for bill in found)})
    groups = [list(group) for _key, group in groupby(found, _document_of)]
    expected = [_document(client, group, rates) for group in groups]
    return sorted(expected, key=attrgetter("issued_on", "due_on"))


@dataclass(frozen=True, slots=True)
class Expected:
    """What a company will be owed in a month, in a currency.

    Args:
        company: its name.
        entry: whether its prices are `net` or `gross`.
        month: its first day; what is overdue counts in the current month.
        renewals: of services, as the company enters prices.
        automatic: the part of them whose clients have a method that is charged automatically.
        unpaid: what is open on documents that are due then.
    """

    company: str
    entry: str
    month: date
    renewals: Money
    automatic: Money
    unpaid: Money


def expected(until: date, *, company_uuid: str = "") -> list[Expected]:
    """Return the expected amounts by company, currency and month.

    Args:
        until: the last day on which something may be due.
        company_uuid: of one company only; all of them unless given.
    """
    wanted = {row.id: row for row in companies() if company_uuid in ("", row.uuid)}
    charges = _charges(wanted, until)
    unpaid = _unpaid(wanted, until)
    found = []
    for key in sorted({key[:3] for key in charges} | set(unpaid)):
        company_id, currency, month = key
        by_hand, automatic = (charges[(*key, each)] for each in (False, True))
        amounts = (by_hand + automatic, automatic, unpaid[key])
        company, sums = wanted[company_id], (Money(each, currency) for each in amounts)
        found.append(Expected(company.name, company.entry, month, *sums))
    return found


def _charges(wanted: Mapping[int, Company], until: date) -> Counter[tuple[int, str, date, bool]]:
    """Return the sums of renewals by company, currency, month and way to pay.

    Services with the same terms are computed once, so that a panel with many services is read in
    one pass.
    """
    sums: Counter[tuple[int, str, date, bool]] = Counter()
    for (terms, earliest, company_id, automatic), count in _terms(wanted).items():
        ahead = lead().of(terms.period)
        for each in forecasts.upcoming("", terms, lead=ahead, earliest=earliest, until=until):
            month, amount = each.due_on.replace(day=1), each.quote.total
            sums[company_id, amount.currency, month, automatic] += count * amount.minor
    return sums


def _unpaid(wanted: Mapping[int, Company], until: date) -> Counter[tuple[int, str, date]]:
    """Return what is open on documents by company, currency and month."""
    keys = (Document.company_id, Document.currency, Document.due_on)
    query = (
        sa.select(*keys, sa.func.sum(OPEN_MINOR).label("minor"))
        .where(
            Document.status.in_(OPEN),
            Document.kind.in_((DocumentKind.INVOICE, DocumentKind.PROFORMA)),
            Document.due_on <= until,
            ~is_funds(),
        )
        .group_by(*keys)
    )
    sums: Counter[tuple[int, str, date]] = Counter()
    for company_id, currency, due_on, minor in session().execute(query):
        if company_id in wanted and due_on is not None:
            month = max(due_on, ledger.today(wanted[company_id])).replace(day=1)
            sums[company_id, currency, month] += int(minor)
    return sums


def _bills_of(client: Client, until: date) -> Iterator[Bill]:
    """Return the charges of all services of a client."""
    if not settings.get("billing.renewals"):
        return
    company = sellers_of([client]).get(client.id)
    if company is None:
        return
    unread = (defer(Service.service_data), defer(Service.provision_data))
    query = sa.select(Service).where(Service.client_id == client.id, *continued())
    services = session().scalars(query.order_by(Service.id).options(*unread)).all()
    changes = _scheduled_changes([service.id for service in services])
    products = {key: change.product for key, change in changes.items()}
    coupons = coupon_uses.kept_discounts(services, products)
    today = ledger.today(company)
    with texts.using(catalogs.find(client.language) or texts.SOURCE):
        for service in services:
            change = changes.get(service.id)
            terms, earliest = _after(service, change, coupons.get(service.id), today)
            product = change.product if change else service.product
            ahead = lead().of(terms.period)
            for each in forecasts.upcoming(
                product.name, terms, lead=ahead, earliest=earliest, until=until
            ):
                changed = change is not None
                yield Bill(service, product, company, each, terms.price, terms.period, changed)


def _terms(wanted: Mapping[int, Company]) -> Counter[tuple[Terms, date, int, bool]]:
    """Return how many services have the same terms, first day, company and way to pay."""
    found: Counter[tuple[Terms, date, int, bool]] = Counter()
    if not settings.get("billing.renewals"):
        return found
    days = {key: ledger.today(row) for key, row in wanted.items()}
    automatic = set(session().scalars(_CHARGED_CLIENTS))
    last = 0
    while services := session().scalars(_chunk(last)).all():
        last = services[-1].id
        sellers = sellers_of({each.client_id: each.client for each in services}.values())
        changes = _scheduled_changes([service.id for service in services])
        products = {key: change.product for key, change in changes.items()}
        coupons = coupon_uses.kept_discounts(services, products)
        for service in services:
            company = sellers.get(service.client_id)
            if company is None or company.id not in wanted:
                continue
            change, coupon = changes.get(service.id), coupons.get(service.id)
            terms, earliest = _after(service, change, coupon, days[company.id])
            found[terms, earliest, company.id, service.client_id in automatic] += 1
    return found


def _chunk(last: int) -> sa.Select[Service]:
    unread = (defer(Service.service_data), defer(Service.provision_data))
    query = sa.select(Service).where(Service.id > last, *continued())
    return query.order_by(Service.id).limit(READ).options(*unread)


def _after(
    service: Service, change: Change | None, coupon: Coupon | None, today: date
) -> tuple[Terms, date]:
    """Return the terms of a service for its next charge, and the first day of that."""
    assert service.paid_until is not None
    anchor = service.anchor or Anchor.on(service.paid_until, service.anchor_day)
    if change is None:
        terms = Terms(service.price, Period(service.period), anchor, service.paid_until, coupon)
        return terms, today
    if change.anchored_on is not None:
        anchor = Anchor.on(change.anchored_on, change.anchor_day)
    charged_until = change.paid_until or service.paid_until
    terms = Terms(change.price, Period(change.period), anchor, charged_until, coupon)
    return terms, max(today, change.effective_on)


def _scheduled_changes(ids: Sequence[int]) -> Mapping[int, Change]:
    """Return the scheduled changes of services."""
    query = sa.select(Change).where(
        Change.service_id.in_(ids),
        Change.live.is_(True),
        Change.status == ChangeStatus.SCHEDULED,
    )
    found = session().scalars(query.options(joinedload(Change.product)))
    return {change.service_id: change for change in found}


def _document_of(bill: Bill) -> tuple[object, ...]:
    """Return what the charges of one document have in common; see `renewals`."""
    service = bill.service
    alone = service.id if service.client.separate_documents else 0
    upcoming = bill.upcoming
    return service.currency, upcoming.span.start, upcoming.issued_on, alone


def _document(client: Client, bills: Sequence[Bill], rates: TaxRates) -> ExpectedDocument:
    first = bills[0]
    currency = first.service.currency
    lines = [
        document_line(
            line,
            service_id=bill.service.id,
            tax_class=bill.product.tax_class,
            details=bill.service.name,
        )
        for bill in bills
        for line in bill.upcoming.quote.lines
    ]
    values = draft_values(first.company, client, DocumentKind.INVOICE, currency)
    document = plain_documents.new(values)
    try:
        write(document, Draft(lines, client.reference), rates)
        total = document.total
    except UserError:
        total = None
    issued_on, start = first.upcoming.issued_on, first.upcoming.span.start
    late = issued_on + timedelta(days=first.company.due_days)
    entered = Money.total((bill.upcoming.quote.total for bill in bills), currency)
    due_on = start if start >= issued_on else late
    return ExpectedDocument(issued_on, due_on, bills, total, entered)
