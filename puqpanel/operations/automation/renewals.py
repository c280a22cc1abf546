"""Renewals: issue documents for the next period of services, once, some days before it begins.

What is due is read by an index, and issued in short transactions of several documents. In the
transaction of its document, a service is locked and must still be as it was read; then its days
count as charged. So a killed run is continued by the next one, and a second run issues nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import cast

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import defer

from puqpanel.domain import pricing, renewals, texts
from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.errors import ConflictError
from puqpanel.domain.money import Money
from puqpanel.domain.periods import Anchor, Period, Span
from puqpanel.domain.permissions import DOCUMENTS_ISSUE
from puqpanel.domain.principals import AUTOMATION, Principal
from puqpanel.domain.texts import Text, _
from puqpanel.infra import catalogs
from puqpanel.infra.clock import now
from puqpanel.infra.db import after_commit, session, transaction
from puqpanel.models import Audit, Company, Service
from puqpanel.operations.automation.due_services import due_ids, lead, recurs, renewable
from puqpanel.operations.billing import ledger, payments
from puqpanel.operations.billing.bulk_issuing import Chunk, NewDocument, Results, issue_new
from puqpanel.operations.billing.companies import sellers_of
from puqpanel.operations.billing.lines import Line
from puqpanel.operations.billing.plain_documents import PlainDocument
from puqpanel.operations.ordering import coupon_uses
from puqpanel.operations.ordering.quotes import document_line
from puqpanel.operations.system import audit, settings

log = structlog.get_logger(__name__)
_TERMS = (
    *(Service.id, Service.client_id, Service.product_id, Service.price_minor, Service.currency),
    *(Service.period, Service.paid_until, Service.anchored_on, Service.anchor_day),
)
"""The columns that determine the charge; none may have changed since the service was read."""
REFUSED = "service.renewal_refused"
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
    *,
    actor: Principal,
    day: date | None = None,
    company_uuid: str = "",
    late: bool = False,
    progress: Callable[[int], object] = bool,
) -> Results[RenewalDocument]:
    """Issue the documents of all renewals that are due: one period of each service.

    Args:
        actor: who issues them.
        day: until which day they are due; today in the zone of each company unless given.
        company_uuid: of one company only; all of them unless given.
        late: also of periods that began more than MAX_LATE ago.
        progress: called after each transaction with the number of services that it processed.
    """
    actor.require(DOCUMENTS_ISSUE)

    def record(chunk: Chunk[NewDocument]) -> None:
        issued = [(cast("RenewalDocument", each), found) for each, found in chunk.issued]
        _charge([renewal for document, _found in issued for renewal in document.renewals])
        _pay_from_credit(actor, issued)
        processed = [
            cast("RenewalDocument", each) for each, _found in (*chunk.issued, *chunk.refused)
        ]
        number = sum(len(document.renewals) for document in processed)
        after_commit(lambda: progress(number))

    found = due(day=day, company_uuid=company_uuid, late=late)
    results = cast(
        "Results[RenewalDocument]", issue_new(actor=actor, documents=found, record=record)
    )
    if shared := [each for each in results.refused if len(each[0].renewals) > 1]:
        # a service that can't be charged must not hold up the others of its document
        apart = [_document([each]) for document, _reason in shared for each in document.renewals]
        again = issue_new(actor=actor, documents=apart, record=record)
        kept = [each for each in results.refused if len(each[0].renewals) == 1]
        refused = [*kept, *cast("Results[RenewalDocument]", again).refused]
        results = Results(results.issued + again.issued, refused)
    _record_refused(actor, results.refused)
    return results


def _record_refused(actor: Principal, refused: Sequence[tuple[RenewalDocument, Text]]) -> None:
    """Record on the timeline of services, once a day, why they were not renewed."""
    reasons: dict[str, Text] = {}
    for document, reason in refused:
        services = [each.service.uuid for each in document.renewals]
        log.warning("services not renewed", services=services, reason=str(reason))
        reasons.update(dict.fromkeys(services, reason))
    if not reasons:
        return
    known = sa.select(Audit.subject_uuid).where(
        Audit.subject_type == "service",
        Audit.subject_uuid.in_(reasons),
        Audit.action == REFUSED,
        Audit.at > now() - timedelta(days=1),
    )
    with transaction():
        told = set(session().scalars(known))
        subjects = [
            audit.Subject(uuid, _("Not renewed: %(reason)s", reason=reason))
            for uuid, reason in reasons.items()
            if uuid not in told
        ]
        audit.record_all(actor=actor, action=REFUSED, subject_type="service", subjects=subjects)


def run_automatically() -> int:
    """Issue what is due unless staff switched renewals off, and return how many were issued."""
    if not settings.get("billing.renewals"):
        return 0
    return run(actor=AUTOMATION).issued


def due(
    *, day: date | None = None, company_uuid: str = "", late: bool = False
) -> Iterator[RenewalDocument]:
    """Return the documents of all renewals that are due, without issuing them; see `run`."""
    for _key, group in groupby(_renewals(day, company_uuid, late), _shared):
        yield _document(list(group))


def _shared(renewal: Renewal) -> tuple[object, ...]:
    """Return what the renewals of one document have in common."""
    service = renewal.service
    alone = service.id if service.client.separate_documents else None
    return service.client_id, service.currency, renewal.company.id, renewal.span.start, alone


def _document(found: Sequence[Renewal]) -> RenewalDocument:
    """Return the document of renewals of a client that begin on the same day."""
    first = found[0]
    lines = [line for renewal in found for line in renewal.lines]
    proforma = first.company.proforma_first and any(line.amount for line in lines)
    return RenewalDocument(
        company_id=first.company.id,
        client_id=first.service.client_id,
        lines=lines,
        currency=first.service.currency,
        kind=DocumentKind.PROFORMA if proforma else DocumentKind.INVOICE,
        due_on=first.span.start,
        renewals=found,
    )


def _renewals(day: date | None, company_uuid: str, late: bool) -> Iterator[Renewal]:
    """Return due renewals, by client, currency and first day."""
    leads, ids = lead(), due_ids(day, late)
    for at in range(0, len(ids), READ):
        query = sa.select(Service).where(Service.id.in_(ids[at : at + READ]), *renewable())
        order = (Service.client_id, Service.currency, Service.paid_until, Service.id)
        unread = (defer(Service.service_data), defer(Service.provision_data))
        query = query.order_by(*order).options(*unread)
        query = query.execution_options(populate_existing=True)  # a run of before may have read it
        services = session().scalars(query).all()
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
    if service.paid_until is None or not recurs(service):
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


def _charge(found: Sequence[Renewal]) -> None:
    """Record the days of services as charged, if nothing was changed since they were read.

    Raises:
        ConflictError: one was.
    """
    ids = [renewal.service.id for renewal in found]
    query = sa.select(*_TERMS).where(Service.id.in_(ids), *renewable())
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
