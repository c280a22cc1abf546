"""Issuing documents, new ones and drafts, beside plain SQLAlchemy Core in batches of the same size.

Both sides read the clients (and drafts) under the same locks, and write the same number of rows to
the same tables in as many transactions; both put content of the same size into JSON and SHA-256.
"""

from __future__ import annotations

import gc
import itertools
import resource
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

from bench.bare_issue import Bare, Buyer, table
from bench.measure import ROUNDS, backend, figure, server_seconds, temporary_panel
from puqpanel.app import create_app
from puqpanel.cli.demo.rows import add_rows
from puqpanel.domain.charges import ChargeKind
from puqpanel.domain.money import Money
from puqpanel.domain.periods import Span
from puqpanel.domain.principals import CLI
from puqpanel.infra.db import engine_for, release, session, write
from puqpanel.models import (
    Audit,
    Charge,
    Client,
    Company,
    Document,
    DocumentLineRow,
    DocumentTax,
    LedgerEntry,
    Posting,
    Service,
)
from puqpanel.operations.billing import bulk_issuing, companies, taxes
from puqpanel.operations.billing.bulk_issuing import NewDocument
from puqpanel.operations.billing.lines import Line

WRITTEN = (Document, DocumentLineRow, DocumentTax, Charge, Posting, LedgerEntry, Audit)
FIRST_DAY = date(2020, 1, 1)
Run = Callable[[], None]


def figures(n: int | None, database: str | None) -> Iterator[dict[str, object]]:
    """Measure issuing new invoices and drafts, each with two lines for a service.

    Args:
        n: Number of documents per run; 2,000 by default.
        database: URL of an empty database; by default, SQLite.
    """
    with temporary_panel(database) as settings:
        name, count = backend(settings.database_url), n or 2_000
        engine = engine_for(settings.database_url)
        with create_app(settings, pages=False).app_context():
            add_rows(settings, count)
            panel = Ours()
            bare = Bare(engine, panel.sample(), panel.buyers)
            gc.collect()
            gc.freeze()  # as in a worker
            days = (FIRST_DAY + timedelta(each) for each in itertools.count(1))
            for what in ("new invoices", "drafts"):
                costs, longest, memory = [], [], _peak_mb()
                for _ in range(ROUNDS):
                    ours = panel.run(what, bare, next(days))
                    with longest_transaction(engine) as seconds:
                        used, rows = measured(engine, ours)
                    longest.append(seconds[0] * 1000)
                    plain, same_rows = measured(engine, bare_run(what, bare, next(days)))
                    if rows != same_rows:
                        raise RuntimeError(f"{rows} were written, bare: {same_rows}")
                    costs.append((used / count * 1e6, plain / count * 1e6))
                us, them = (statistics.median(cost[side] for cost in costs) for side in (0, 1))
                yield figure(f"issuing {what}", name, us, them, "µs per document", 2)
                middle, grown = statistics.median(longest), _peak_mb() - memory
                text = f"longest transaction, {what}"
                yield figure(text, name, middle, None, "ms", 200, absolute=True)
                text = f"growth of memory, {what}"
                yield figure(text, name, grown, None, "MB", 32, absolute=True)


class Ours:
    """The panel's side: a seller, and an invoice for each service."""

    def __init__(self) -> None:
        taxes.load_eu_rates(actor=CLI)
        address = {"street": "ul. Morska 14", "city": "Gdynia", "tax_number": "5260250274"}
        values = {"name": "Seller sp. z o.o.", "country": "PL", **address}
        write(sa.update(Client).values(country="PL"))  # all documents have as many entries
        self.company: Company = companies.save_company(actor=CLI, uuid=None, values=values)
        query = sa.select(Service.client_id, Service.id).order_by(Service.id)
        self.buyers: list[Buyer] = [(row[0], row[1]) for row in session().execute(query)]
        release()

    def documents(self, day: date) -> Iterator[NewDocument]:
        """Yield an invoice for each service."""
        span = Span(day, day + timedelta(30))
        for client_id, service_id in self.buyers:
            lines = [
                Line(
                    description="Cloud Basic, monthly",
                    details=f"www{service_id}.example.test",
                    unit_price=Decimal("14.90"),
                    amount=Money(1490, "EUR"),  # as a quote has computed it
                    service_id=service_id,
                    kind=ChargeKind.RECURRING,
                    period=span,
                    explanation={"price": 17, "period": "monthly"},
                ),
                Line(
                    description="Backups, 30 days",
                    unit_price=Decimal("2.50"),
                    amount=Money(250, "EUR"),
                    service_id=service_id,
                    kind=ChargeKind.USAGE,
                    period=span,
                    explanation={"price": 18, "period": "monthly"},
                ),
            ]
            yield NewDocument(self.company.id, client_id, lines, "EUR")

    def sample(self) -> Document:
        """Issue one invoice, and return it."""
        first = itertools.islice(self.documents(FIRST_DAY), 1)
        bulk_issuing.issue_new(actor=CLI, documents=first)
        return session().scalars(sa.select(Document)).one()

    def run(self, what: str, bare: Bare, day: date) -> Run:
        """Return what issues all documents."""
        uuids = bare.add_drafts(day) if what == "drafts" else []

        def issue() -> None:
            results: Any
            if what == "drafts":
                results = bulk_issuing.issue_drafts(actor=CLI, uuids=uuids)
            else:
                results = bulk_issuing.issue_new(actor=CLI, documents=self.documents(day))
            if results.issued != len(self.buyers):
                raise RuntimeError(f"{results.issued} were issued: {results.refused[:1]}")

        return issue


def bare_run(what: str, bare: Bare, day: date) -> Run:
    """Return what issues all documents with Core alone."""
    if what == "drafts":
        uuids = bare.add_drafts(day)
        return lambda: bare.issue_drafts(uuids)
    return lambda: bare.issue_new(day)


def measured(engine: Engine, run: Run) -> tuple[float, dict[str, int]]:
    """Return the CPU seconds of a run, the database server's too, and the rows that it added."""
    release()
    before = _row_counts(engine)
    used = time.process_time() + server_seconds(engine)
    run()
    used = time.process_time() + server_seconds(engine) - used
    after = _row_counts(engine)
    return used, {name: number - before[name] for name, number in after.items()}


@contextmanager
def longest_transaction(engine: Engine) -> Iterator[list[float]]:
    """Yield a list with the seconds of the longest transaction so far."""
    longest, begun = [0.0], [0.0]

    def begin(_connection: Connection) -> None:
        begun[0] = time.perf_counter()

    def commit(_connection: Connection) -> None:
        longest[0] = max(longest[0], time.perf_counter() - begun[0])

    event.listen(engine, "begin", begin)
    event.listen(engine, "commit", commit)
    try:
        yield longest
    finally:
        event.remove(engine, "begin", begin)
        event.remove(engine, "commit", commit)


def _row_counts(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return {
            model.__tablename__: connection.scalar(
                sa.select(sa.func.count()).select_from(table(model))
            )
            or 0
            for model in WRITTEN
        }


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
