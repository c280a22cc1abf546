"""Debits: charge the periods of prepaid services that are over from the credit of their clients.

A chunk of clients is one transaction: the clients are locked, then their spans are read, charged
and moved on. So a killed run is continued by the next one, two runs at once charge a period once,
and a second run writes nothing. A client that can't be charged, because a tax rate is missing, is
left for the next run and stops no other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import OperationalError

from puqpanel.domain.charges import ChargeKind
from puqpanel.domain.ledger import Account, Entry
from puqpanel.domain.money import Money
from puqpanel.domain.periods import Period
from puqpanel.domain.permissions import DOCUMENTS_ISSUE
from puqpanel.domain.prepaid import Meter, Use
from puqpanel.domain.principals import Principal
from puqpanel.domain.texts import _
from puqpanel.infra.clock import now
from puqpanel.infra.db import retry_deadlocks, session, transaction
from puqpanel.infra.inserts import insert_all
from puqpanel.models import Client, Company, Debit, PrepaidSpan, Product, Service
from puqpanel.operations.billing import ledger
from puqpanel.operations.billing.companies import sellers_of
from puqpanel.operations.billing.prepaid_totals import Totals
from puqpanel.operations.billing.tax_tables import TaxRates

log = structlog.get_logger(__name__)
CHUNK = 50
"""Clients in a transaction."""
AT_ONCE = 1000
"""Periods of a span in a transaction; a service that was not charged for long needs several."""


@dataclass(slots=True)
class _Chunk:
    """Debits of a chunk, and what becomes of their spans."""

    debits: list[dict[str, Any]] = field(default_factory=list)
    facts: list[ledger.Fact] = field(default_factory=list)
    more: bool = False


def run(*, actor: Principal) -> int:
    """Charge all periods that are over, and return how many were charged.

    Args:
        actor: who charges them.
    """
    actor.require(DOCUMENTS_ISSUE)
    done, last = 0, 0
    while clients := _due_clients(last):
        done += _isolate(clients)
        last = clients[-1]
    return done


def meter_of(span: PrepaidSpan, company: Company, start: datetime) -> Meter:
    """Return what determines the periods of a span at a company."""
    first = span.anchored_on or ledger.today(company, start)
    return Meter(Period(span.period), company.zone, first)


def starts_of(found: Sequence[PrepaidSpan]) -> Mapping[int, datetime]:
    """Return from when spans are to be charged, by their ids.

    A period that was begun at another price is charged whole, so the next one begins after it.
    """
    new = {span.service_id for span in found if span.charged_until is None}
    query = sa.select(PrepaidSpan.service_id, sa.func.max(PrepaidSpan.charged_until))
    query = query.where(PrepaidSpan.service_id.in_(new)).group_by(PrepaidSpan.service_id)
    charged = {row[0]: row[1] for row in session().execute(query)} if new else {}
    return {
        span.id: span.charged_until
        or max(span.started_at, charged.get(span.service_id) or span.started_at)
        for span in found
    }


def _due_clients(last: int) -> Sequence[int]:
    query = sa.select(PrepaidSpan.client_id).where(
        PrepaidSpan.next_at <= now(), PrepaidSpan.client_id > last
    )
    query = query.distinct().order_by(PrepaidSpan.client_id).limit(CHUNK)
    return session().scalars(query).all()


def _isolate(client_ids: Sequence[int]) -> int:
    """Charge clients; if that fails, halves of them, until who fails is alone."""
    done = 0
    try:
        more = True
        while more:
            count, more = _charge(client_ids)
            done += count
    except OperationalError:
        raise
    except Exception:
        if len(client_ids) == 1:
            log.exception("client not debited", client=client_ids[0])
            return done
        middle = len(client_ids) // 2
        return done + _isolate(client_ids[:middle]) + _isolate(client_ids[middle:])
    return done


@retry_deadlocks
@transaction()
def _charge(client_ids: Sequence[int]) -> tuple[int, bool]:
    """Charge clients once; return how many periods were charged, and whether more are over."""
    clients = ledger.lock_clients(client_ids)
    moment, chunk = now(), _Chunk()
    sellers = sellers_of(clients)
    countries = {each.country for each in clients}
    rates = TaxRates(countries | {each.country for each in sellers.values()})
    spans: dict[int, list[tuple[PrepaidSpan, str]]] = {}
    for span, tax_class in _due_spans(client_ids, moment):
        spans.setdefault(span.client_id, []).append((span, tax_class))
    for client in clients:
        company = sellers.get(client.id)
        if company is None:
            log.warning("client not debited", client=client.uuid, reason="no company")
        elif client.id in spans:
            by_currency: dict[str, list[tuple[PrepaidSpan, str]]] = {}
            for each in spans[client.id]:
                by_currency.setdefault(each[0].currency, []).append(each)
            for currency, found in by_currency.items():
                totals = Totals(client, company, currency, rates)
                nothing = Money.zero(currency)
                _Debtor(chunk, totals, client, company, moment, nothing).charge(found)
    session().flush()
    _write(chunk)
    return len(chunk.debits), chunk.more


def _due_spans(client_ids: Sequence[int], moment: datetime) -> Sequence[tuple[PrepaidSpan, str]]:
    query = (
        sa.select(PrepaidSpan, Product.tax_class)
        .join(Service, Service.id == PrepaidSpan.service_id)
        .join(Product, Product.id == Service.product_id)
        .where(PrepaidSpan.client_id.in_(client_ids), PrepaidSpan.next_at <= moment)
        .order_by(PrepaidSpan.client_id, PrepaidSpan.service_id, PrepaidSpan.id)
        .with_for_update(of=PrepaidSpan)
        .execution_options(populate_existing=True)
    )
    return [(span, tax_class) for span, tax_class in session().execute(query)]


@dataclass(slots=True)
class _Debtor:
    """A client in a currency, whose spans are charged."""

    chunk: _Chunk
    totals: Totals
    client: Client
    company: Company
    moment: datetime
    taken: Money

    def charge(self, found: Sequence[tuple[PrepaidSpan, str]]) -> None:
        """Add the debits of spans, and their posting."""
        before = len(self.chunk.debits)
        starts, ends = starts_of([span for span, _class in found]), dict[int, datetime]()
        for span, tax_class in found:
            start = max(starts[span.id], ends.get(span.service_id, starts[span.id]))
            end = self._charge_span(span, tax_class, start)
            if end != start:
                span.charged_until = ends[span.service_id] = end
        if not self.taken:
            return
        first = self.chunk.debits[before]
        key = f"debit:{first['service_id']}:{first['kind']}:{first['starts_at'].isoformat()}"
        entries = (Entry(Account.CREDIT, self.taken), Entry(Account.PREPAID, -self.taken))
        day = ledger.today(self.company, self.moment)
        summary = _("Prepaid services charged")
        fact = ledger.Fact(key, self.company, self.client.id, day, summary, entries)
        for row in self.chunk.debits[before:]:
            row["posting_id"] = len(self.chunk.facts)  # its place, until the posting has an id
        self.chunk.facts.append(fact)

    def _charge_span(self, span: PrepaidSpan, tax_class: str, start: datetime) -> datetime:
        """Add the debits of a span from a moment on, and return until when it is charged."""
        span.anchored_on = span.anchored_on or ledger.today(self.company, start)
        meter = meter_of(span, self.company, start)
        limit, count = min(span.ended_at or self.moment, self.moment), 0
        while (use := meter.whole(start)).ends_at <= limit and count < AT_ONCE:
            self._debit(span, tax_class, meter, use)
            start, count = use.ends_at, count + 1
        if count == AT_ONCE:
            self.chunk.more, span.next_at = True, start
        elif span.live:
            span.next_at = use.ends_at
        else:
            last = self._last(span, tax_class, meter, start) if start < limit else None
            if last is not None:
                self._debit(span, tax_class, meter, last)
                start = last.ends_at
            span.next_at = None
        return start

    def _last(self, span: PrepaidSpan, tax_class: str, meter: Meter, start: datetime) -> Use | None:
        """Return the last use of a span: with the hour or day begun, if the credit covers that."""
        assert span.ended_at is not None
        use = meter.started(start, span.ended_at)
        left = ledger.credit(self.client, self.company, self.totals.currency) - self.taken
        cost = self.totals.cost(tax_class, use.costs(span.price), month_of(meter, use))
        return use if cost <= left else meter.ended(start, span.ended_at)

    def _debit(self, span: PrepaidSpan, tax_class: str, meter: Meter, use: Use) -> None:
        """Add a debit."""
        amount = use.costs(span.price)
        total, debited = self.totals.add(tax_class, amount, month_of(meter, use))
        self.taken += debited
        self.chunk.debits.append(
            {
                "service_id": span.service_id,
                "span_id": span.id,
                "total_id": total.id,
                "kind": ChargeKind.RECURRING.value,
                "starts_at": use.starts_at,
                "ends_at": use.ends_at,
                "currency": span.currency,
                "unit_minor": span.price_minor,
                "share": str(use.share),
                "amount_minor": amount.minor,
                "debited_minor": debited.minor,
                "posting_id": None,
            }
        )


def month_of(meter: Meter, use: Use) -> date:
    """Return the first day of the month in which a use ended."""
    return meter.day(use.ends_at - use.ends_at.resolution).replace(day=1)


def _write(chunk: _Chunk) -> None:
    ids = ledger.post_all(chunk.facts) if chunk.facts else []
    for row in chunk.debits:
        if row["posting_id"] is not None:
            row["posting_id"] = ids[row["posting_id"]]
    insert_all(Debit, chunk.debits)
