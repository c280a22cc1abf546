"""Statements of prepaid services: an invoice a month that lists the debits, and is already paid.

What the debits took from credit waits on the account PREPAID. The statement posts it to income and
tax as any invoice: the amount returns to the credit and pays the invoice, in one transaction. What
was charged beyond the credit stays open on the invoice.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import structlog

from puqpanel.domain import texts
from puqpanel.domain.charges import ChargeKind
from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.ledger import Account, Entry
from puqpanel.domain.money import Money
from puqpanel.domain.periods import Span
from puqpanel.domain.permissions import DOCUMENTS_ISSUE
from puqpanel.domain.principals import Principal
from puqpanel.domain.texts import _
from puqpanel.infra import catalogs
from puqpanel.infra.clock import now
from puqpanel.infra.db import retry_deadlocks, save, session, transaction
from puqpanel.models import Company, Debit, Document, PrepaidSpan, PrepaidTotal, Product, Service
from puqpanel.operations.billing import ledger, payments
from puqpanel.operations.billing.documents import Draft, new_document, write
from puqpanel.operations.billing.lines import Line
from puqpanel.operations.billing.prepaid_totals import group_of, live
from puqpanel.operations.billing.sealing import seal
from puqpanel.operations.system import batches

log = structlog.get_logger(__name__)
_KEY = (
    *(PrepaidTotal.client_id, PrepaidTotal.company_id, PrepaidTotal.currency),
    *(PrepaidTotal.month, PrepaidTotal.entry),
)


def run(*, actor: Principal) -> int:
    """Issue the statements of all months that are over, and return how many were issued.

    Args:
        actor: who issues them.
    """
    actor.require(DOCUMENTS_ISSUE)
    query = sa.select(*_KEY).where(
        PrepaidTotal.live.is_(True), PrepaidTotal.month < now().date() + timedelta(days=1)
    )
    found = session().execute(query.distinct().order_by(*_KEY)).all()

    def issue(*key: object) -> int:
        return int(_issue(actor, key) is not None)

    return batches.carry_out(issue, [tuple(row) for row in found])


@retry_deadlocks
@transaction()
def _issue(actor: Principal, key: Sequence[object]) -> Document | None:
    """Issue the statement of a client for a month that is over, unless that was done."""
    client_id, company_id, currency, month, entry = key
    assert isinstance(client_id, int)
    assert isinstance(month, date)
    client = ledger.lock_client(client_id)
    company = session().get_one(Company, company_id)
    if ledger.today(company).replace(day=1) <= month:
        return None
    where = [column == value for column, value in zip(_KEY, key, strict=True)]
    query = live().where(*where).order_by(PrepaidTotal.id).with_for_update()
    totals = session().scalars(query.execution_options(populate_existing=True)).all()
    if not totals or _is_charged_later(client_id, company, month):
        return None
    document = new_document(company, client, DocumentKind.INVOICE, str(currency), str(entry))
    with texts.using(catalogs.find(client.language) or texts.SOURCE):
        write(document, Draft(_lines(totals, company), client.reference))
    total = Money(sum(row.debited_minor for row in totals), str(currency))
    if document.total != total:
        raise AssertionError(f"{document.total} was written, {total} was debited")
    left = ledger.credit(client, company, total.currency) + total
    document.prepaid_minor = max(min(left, total).minor, 0)
    document.supplied_on = _next_month(month) - timedelta(days=1)
    save(document)
    seal(actor, document)
    for row in totals:
        row.document_id, row.live = document.id, None
    ledger.post(
        key=f"statement:{document.uuid}",
        company=company,
        client_id=client.id,
        day=ledger.today(company),
        summary=_("Prepaid services listed on %(number)s", number=document.number),
        entries=[Entry(Account.PREPAID, total), Entry(Account.CREDIT, -total)],
    )
    if left.minor > 0:
        payments.spend_credit(actor, client.id, document.uuid)
    return document


def _is_charged_later(client_id: int, company: Company, month: date) -> bool:
    """Return whether a period that ended in the month is still to be charged."""
    after = _next_month(month)
    zone = ZoneInfo(company.zone)
    end = datetime(after.year, after.month, after.day, tzinfo=zone).astimezone(UTC)
    query = sa.select(PrepaidSpan.id).where(
        PrepaidSpan.client_id == client_id, PrepaidSpan.next_at <= end
    )
    return session().scalar(query.limit(1)) is not None


def _next_month(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)


def _lines(totals: Sequence[PrepaidTotal], company: Company) -> list[Line]:
    """Return a line for each service, price and share of a period."""
    groups = {row.id: group_of(row) for row in totals}
    terms = (Debit.service_id, Debit.total_id, PrepaidSpan.period, Debit.unit_minor, Debit.share)
    names = (Service.name, Product.name.label("product"), Product.tax_class)
    query = (
        sa.select(
            *(*terms, *names),
            sa.func.count().label("periods"),
            sa.func.sum(Debit.amount_minor).label("minor"),
            sa.func.min(Debit.starts_at).label("first"),
            sa.func.max(Debit.ends_at).label("last"),
        )
        .join(PrepaidSpan, PrepaidSpan.id == Debit.span_id)
        .join(Service, Service.id == Debit.service_id)
        .join(Product, Product.id == Service.product_id)
        .where(Debit.total_id.in_(groups))
        .group_by(*terms, *names)
        .order_by(Debit.service_id, sa.func.min(Debit.starts_at))
    )
    currency, lines = totals[0].currency, []
    for row in session().execute(query):
        first = ledger.zone_day(company.zone, row.first)
        last = ledger.zone_day(company.zone, row.last - row.last.resolution)
        lines.append(
            Line(
                description=row.product,
                details=row.name,
                unit_price=Money(row.unit_minor, currency).major,
                quantity=Decimal(row.periods),
                tax_class=row.tax_class,
                group=groups[row.total_id],
                amount=Money(int(row.minor), currency),
                service_id=row.service_id,
                kind=ChargeKind.USAGE,
                period=Span(first, last + timedelta(days=1)),
                explanation={"period": row.period, "share": row.share},
            )
        )
    return lines
