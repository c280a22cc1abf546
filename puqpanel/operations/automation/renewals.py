"""Renewals: issue documents for the next period of services, once, some days before it begins.

What is due is read by an index, and issued in short transactions of several documents. In the
transaction of its document, a service is locked and must still be as it was read; then its days
count as charged. So a killed run is continued by the next one, and a second run issues nothing.

Periods that began some days ago are left to staff, so that nobody gets the documents of months at
once after an upgrade, or because a clock was wrong.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from operator import attrgetter
from typing import cast

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import defer

from puqpanel.domain import pricing, renewals, texts
from puqpanel.domain.catalog import PERIODS, BillingMode
from puqpanel.domain.changes import ChangeStatus
from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.errors import ConflictError
from puqpanel.domain.money import Money
from puqpanel.domain.order_states import OrderStatus
from puqpanel.domain.periods import Anchor, Period, Span
from puqpanel.domain.permissions import DOCUMENTS_ISSUE
from puqpanel.domain.principals import AUTOMATION, Principal
from puqpanel.domain.renewals import Lead
from puqpanel.domain.service_states import ServiceStatus
from puqpanel.domain.texts import _
from puqpanel.infra import catalogs
from puqpanel.infra.clock import now
from puqpanel.infra.db import session
from puqpanel.models import Change, Company, Ending, Order, OrderItem, Service
from puqpanel.operations.billing import ledger, payments
from puqpanel.operations.billing.bulk_issuing import Chunk, NewDocument, Results, issue_new
from puqpanel.operations.billing.companies import sellers_of
from puqpanel.operations.billing.lines import Line
from puqpanel.operations.billing.plain_documents import PlainDocument
from puqpanel.operations.ordering import coupon_uses
from puqpanel.operations.ordering.quotes import document_line
from puqpanel.operations.system import settings

log = structlog.get_logger(__name__)
RENEWED = (ServiceStatus.ACTIVE, ServiceStatus.SUSPENDED)
"""Services in these states are charged for their next period."""
_TERMS = (
    *(Service.id, Service.client_id, Service.product_id, Service.price_minor, Service.currency),
    *(Service.period, Service.paid_until, Service.anchored_on, Service.anchor_day),
)
"""The columns that determine the charge; none may have changed since the service was read."""
MAX_LATE = timedelta(days=3)
"""Periods that began longer ago are renewed only by hand."""
OVERDUE = timedelta(days=2)
"""How long after it was due the Health page shows a renewal; the job runs every hour."""
READ = 500
"""Services that are read at once."""
_CHANGED = _("A service has changed in the meantime. The next run will renew it.")


@dataclass(frozen=True, slots=True)
class Renewal:
    """The next days of a service.

    Args:
        service: as it was read.
        company: which charges them.
        span: the days.
        lines: what they cost, as prices are entered.
        coupon: what reduces them; None for nothing.
        terms: the columns of `_TERMS` as they were read.
    """

    service: Service
    company: Company
    span: Span
    lines: Sequence[Line]
    coupon: pricing.Coupon | None
    terms: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class RenewalDocument(NewDocument):
    """A document for services of a client whose next periods begin on the same day.

    Args:
        renewals: the services.
    """

    renewals: Sequence[Renewal] = ()


def run(
    *, actor: Principal, day: date | None = None, company_uuid: str = "", late: bool = False
) -> Results[RenewalDocument]:
    """Issue the documents of all renewals that are due: one period of each service.

    Args:
        actor: who issues them.
        day: until which day they are due; today in the zone of each company unless given.
        company_uuid: of one company only; all of them unless given.
        late: also of periods that began more than MAX_LATE ago.
    """
    actor.require(DOCUMENTS_ISSUE)

    def record(chunk: Chunk[NewDocument]) -> None:
        issued = [(cast("RenewalDocument", each), found) for each, found in chunk.issued]
        _charge([renewal for document, _found in issued for renewal in document.renewals])
        _pay_from_credit(actor, issued)

    found = due(day=day, company_uuid=company_uuid, late=late)
    results = issue_new(actor=actor, documents=found, record=record)
    for document, reason in results.refused:
        services = [each.service.uuid for each in cast("RenewalDocument", document).renewals]
        log.warning("services not renewed", services=services, reason=str(reason))
    return cast("Results[RenewalDocument]", results)


def run_automatically() -> int:
    """Issue what is due unless staff switched renewals off, and return how many were issued."""
    if not settings.get("billing.renewals"):
        return 0
    return run(actor=AUTOMATION).issued


def due(
    *, day: date | None = None, company_uuid: str = "", late: bool = False
) -> Iterator[RenewalDocument]:
    """Return the documents of all renewals that are due, without issuing them; see `run`."""
    by_document = attrgetter("service.client_id", "service.currency", "company.id", "span.start")
    for (client_id, currency, company_id, start), group in groupby(
        _renewals(day, company_uuid, late), by_document
    ):
        found = list(group)
        lines = [line for renewal in found for line in renewal.lines]
        proforma = found[0].company.proforma_first and any(line.amount for line in lines)
        yield RenewalDocument(
            company_id=company_id,
            client_id=client_id,
            lines=lines,
            currency=currency,
            kind=DocumentKind.PROFORMA if proforma else DocumentKind.INVOICE,
            due_on=start,
            renewals=found,
        )


def lead() -> Lead:
    """Return how long before a period it is charged."""
    names = ("years", "months", "weeks")
    return Lead(*(settings.number(f"billing.renewal_{name}") for name in names))


def invoice_day(service: Service) -> date | None:
    """Return on which day a service is renewed; None if it is not renewed automatically.

    Args:
        service: one that nobody ends or changes.
    """
    if not settings.get("billing.renewals"):
        return None
    if service.paid_until is None or service.paid_until < _oldest() or not _recurs(service):
        return None
    return service.paid_until - lead().of(Period(service.period))


def _recurs(service: Service) -> bool:
    recurring = service.period in PERIODS[BillingMode.RECURRING] and service.price_minor > 0
    return recurring and service.status in RENEWED


def overdue() -> sa.Select[str]:
    """Select the names of services that should have been charged for their next period."""
    due_before = sa.and_(_is_due(now().date() - OVERDUE), *_conditions())
    begun = sa.and_(Service.paid_until < _oldest(), *_running())
    return sa.select(Service.name).where(sa.or_(due_before, begun)).order_by(Service.id)


def _oldest() -> date:
    return now().date() - MAX_LATE


def _renewals(day: date | None, company_uuid: str, late: bool) -> Iterator[Renewal]:
    """Return due renewals, by client, currency and first day."""
    leads, ids = lead(), _due_ids(day, late)
    for at in range(0, len(ids), READ):
        query = sa.select(Service).where(Service.id.in_(ids[at : at + READ]), *_conditions())
        order = (Service.client_id, Service.currency, Service.paid_until, Service.id)
        unread = (defer(Service.service_data), defer(Service.provision_data))
        services = session().scalars(query.order_by(*order).options(*unread)).all()
        sellers = sellers_of({each.client_id: each.client for each in services}.values())
        coupons = coupon_uses.kept_discounts(services)
        for service in services:
            company = sellers.get(service.client_id)
            if company is None or company_uuid not in ("", company.uuid):
                continue
            renewal = next_renewal(service, company, coupons.get(service.id))
            limit = (day or ledger.today(company)) + leads.of(Period(service.period))
            if renewal is not None and renewal.span.start <= limit:
                yield renewal


def next_renewal(
    service: Service, company: Company, coupon: pricing.Coupon | None
) -> Renewal | None:
    """Return the next charge of a service, even if it is not due yet; None if there is none.

    Args:
        service: the service.
        company: the seller.
        coupon: what is left of the coupon of its order.
    """
    period = Period(service.period)
    if service.paid_until is None or not _recurs(service):
        return None
    anchor = service.anchor or Anchor.on(service.paid_until, service.anchor_day)
    span = renewals.next_span(anchor, period, service.paid_until)
    language = catalogs.find(service.client.language) or texts.SOURCE
    with texts.using(language):
        quote = renewals.renewal(
            service.product.name, service.price, period, anchor=anchor, span=span, coupon=coupon
        )
        lines = [
            document_line(
                line,
                service_id=service.id,
                tax_class=service.product.tax_class,
                details=service.name,
            )
            for line in quote.lines
        ]
    terms = tuple(getattr(service, column.key) for column in _TERMS)
    return Renewal(service, company, span, lines, coupon, terms)


def _due_ids(day: date | None, late: bool) -> Sequence[int]:
    """Return the services that may be due, by client, currency and first day."""
    # somewhere it is a day later than in UTC; the day of the company decides later
    query = sa.select(Service.id).where(_is_due(day or now().date() + timedelta(days=1)))
    if not late:
        query = query.where(Service.paid_until >= _oldest())
    order = (Service.client_id, Service.currency, Service.paid_until, Service.id)
    return array("q", session().scalars(query.where(*_conditions()).order_by(*order)))


def _is_due(last: date) -> sa.ColumnElement[bool]:
    """Return the condition of services whose next period is to be charged by a day."""
    leads = lead()
    periods: dict[timedelta, list[str]] = {}
    for period in PERIODS[BillingMode.RECURRING]:
        periods.setdefault(leads.of(period), []).append(period.value)
    by_period = (
        sa.and_(Service.period.in_(names), Service.paid_until <= last + ahead)
        for ahead, names in periods.items()
    )
    # the second condition is part of the first; an index serves it
    return sa.and_(sa.or_(*by_period), Service.paid_until <= last + max(periods))


def _conditions() -> Sequence[sa.ColumnElement[bool]]:
    """Return the conditions of services that are renewed: nobody ends or changes them.

    A change that waits for its payment does not delay a period that has begun.
    """
    change = sa.exists().where(
        Change.service_id == Service.id,
        Change.live.is_(True),
        sa.or_(Change.status == ChangeStatus.SCHEDULED, Service.paid_until > now().date()),
    )
    ending = sa.exists().where(Ending.service_id == Service.id, Ending.live.is_(True))
    return *_running(), ~change, ~ending


def _running() -> Sequence[sa.ColumnElement[bool]]:
    """Return the conditions of services that cost something each period."""
    refused = (
        sa.exists()
        .where(OrderItem.service_id == Service.id, Order.id == OrderItem.order_id)
        .where(Order.status.in_((OrderStatus.FRAUD, OrderStatus.CANCELLED)))
    )
    return (
        Service.status.in_(RENEWED),
        Service.period.in_(PERIODS[BillingMode.RECURRING]),
        Service.price_minor > 0,
        ~refused,
    )


def _charge(found: Sequence[Renewal]) -> None:
    """Record the days of services as charged, if nothing was changed since they were read.

    Raises:
        ConflictError: one was.
    """
    ids = [renewal.service.id for renewal in found]
    query = sa.select(*_TERMS).where(Service.id.in_(ids), *_conditions())
    current = {tuple(row) for row in session().execute(query.with_for_update(of=Service))}
    if not current.issuperset(renewal.terms for renewal in found):
        raise ConflictError(_CHANGED)
    ends = [{"id": each.service.id, "paid_until": each.span.end} for each in found]
    session().execute(sa.update(Service), ends, execution_options={"synchronize_session": False})
    if reduced := [each.service.id for each in found if each.coupon]:
        coupon_uses.count_periods(reduced)


def _pay_from_credit(
    actor: Principal, issued: Sequence[tuple[RenewalDocument, PlainDocument]]
) -> None:
    """Pay documents from the credit of their clients, as far as it goes."""
    with_credit = ledger.clients_with_credit({document.client_id for document, _found in issued})
    for document, found in issued:
        key = document.client_id, document.company_id, document.currency
        if key in with_credit and found.total and _credit(found).minor > 0:
            payments.spend_credit(actor, document.client_id, found.uuid)


def _credit(document: PlainDocument) -> Money:
    return ledger.credit(document.client, document.company, document.currency)


def summary(documents: Iterable[RenewalDocument]) -> list[Mapping[str, object]]:
    """Return what documents charge, as plain values."""
    return [
        {
            "client": document.renewals[0].service.client.name,
            "company": document.renewals[0].company.name,
            "kind": document.kind,
            "services": [
                {
                    "service": each.service.uuid,
                    "name": each.service.name,
                    "start": each.span.start.isoformat(),
                    "end": each.span.end.isoformat(),
                    "amounts": [str(line.amount) for line in each.lines],
                }
                for each in document.renewals
            ],
        }
        for document in documents
    ]
