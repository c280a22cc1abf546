"""Renewing services, beside plain SQLAlchemy Core in batches of the same size.

Both sides write the same rows as `bench.issue` does for invoices of one line, and the next day of
each service. A second run of the panel finds nothing to do.
"""

from __future__ import annotations

import gc
import statistics
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from bench.bare_issue import Bare, Buyer, table
from bench.issue import Ours, Run, longest_transaction, measured
from bench.measure import ROUNDS, backend, figure, temporary_panel
from puqpanel.app import create_app
from puqpanel.cli.demo.rows import add_rows
from puqpanel.domain.principals import CLI
from puqpanel.infra.db import engine_for, release, session, transaction
from puqpanel.models import Client, Document, Service
from puqpanel.operations.automation import renewals
from puqpanel.operations.billing.bulk_issuing import CHUNK

FIRST_DAY, STEP = date(2030, 1, 1), timedelta(days=100)


def figures(n: int | None, database: str | None) -> Iterator[dict[str, object]]:
    """Measure the renewal of services for a month, one document each.

    Args:
        n: Number of services; 2,000 by default.
        database: URL of an empty database; by default, SQLite.
    """
    with temporary_panel(database) as settings:
        name, count = backend(settings.database_url), n or 2_000
        engine = engine_for(settings.database_url)
        with create_app(settings, pages=False).app_context():
            add_rows(settings, count)
            buyers = Ours().buyers
            put_due(buyers, FIRST_DAY)
            renew(FIRST_DAY, count)()
            sample = session().scalars(sa.select(Document).limit(1)).one()
            bare = Bare(engine, sample, buyers)
            gc.collect()
            gc.freeze()  # as in a worker
            costs, longest = [], []
            for number in range(1, ROUNDS + 1):
                day = FIRST_DAY + 2 * number * STEP
                put_due(buyers, day)
                with longest_transaction(engine) as seconds:
                    used, rows = measured(engine, renew(day, count))
                longest.append(seconds[0] * 1000)
                again, _rows = measured(engine, renew(day, 0))
                plain, same_rows = measured(engine, core(bare, buyers, day + STEP))
                if rows != same_rows:
                    raise RuntimeError(f"{rows} were written, bare: {same_rows}")
                costs.append((used / count * 1e6, plain / count * 1e6, again / used * 100))
            us, them, share = (statistics.median(cost[at] for cost in costs) for at in range(3))
            yield figure("renewing services", name, us, them, "µs per service", 2)
            text = "second run, share of the first"
            yield figure(text, name, share, None, "%", 5, absolute=True)
            middle = statistics.median(longest)
            yield figure("longest transaction", name, middle, None, "ms", 200, absolute=True)


def put_due(buyers: list[Buyer], day: date) -> None:
    """Let services have been charged until a day, those of a client until different ones.

    So each gets a document of its own.
    """
    rank, rows = Counter[int](), []
    for client, service in buyers:
        start = day + timedelta(rank[client])
        rows.append({"key": service, "paid_until": start, "anchored_on": start})
        rank[client] += 1
    values = {"status": "active", "period": "monthly", "price_minor": 1490, "currency": "EUR"}
    with transaction() as current:
        current.execute(sa.update(Client).values(currency="EUR"))
        services = table(Service)
        where = services.c.id == sa.bindparam("key")
        names: dict[str, Any] = {name: sa.bindparam(name) for name in ("paid_until", "anchored_on")}
        update = services.update().where(where).values(anchor_day=None, **values, **names)
        current.connection().execute(update, rows)
    release()


def renew(day: date, expected: int) -> Run:
    """Return what renews all services."""

    def run() -> None:
        results = renewals.run(actor=CLI, day=day + timedelta(10))
        if results.issued != expected:
            raise RuntimeError(f"{results.issued} were issued: {results.refused[:1]}")

    return run


def core(bare: Bare, buyers: list[Buyer], day: date) -> Run:
    """Return what writes the same with Core alone."""
    services = table(Service)
    changed = services.update().where(services.c.id == sa.bindparam("key"))

    def run() -> None:
        bare.issue_new(day)
        for first in range(0, len(buyers), CHUNK):
            values = [
                {"key": service, "paid_until": day} for _, service in buyers[first : first + CHUNK]
            ]
            with bare.engine.execution_options(panel_write=True).begin() as connection:
                connection.execute(changed, values)

    return run
