"""CPU of the pages with documents: growth with the number of documents.

The rows are inserted as issued invoices and drafts of one company, without lines: lists read none.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from datetime import date, timedelta

import sqlalchemy as sa

from bench.measure import ROUNDS, backend, figure, temporary_panel
from bench.pages import cpu_ms, signed_in
from puqpanel.app import create_app
from puqpanel.domain.principals import CLI
from puqpanel.infra.clock import now
from puqpanel.infra.db import engine_for, release, session
from puqpanel.infra.settings import Settings
from puqpanel.models import Client, Company, Document
from puqpanel.models.columns import new_uuid
from puqpanel.operations.accounts import clients
from puqpanel.operations.billing import companies

FEW, MANY = 1_000, 100_000
BATCH = 20_000
CLIENTS = 500
DUE_AFTER = timedelta(days=14)
STATES = ("paid",) * 90 + ("issued",) * 4 + ("credited",) * 3 + ("written_off",) * 2 + ("draft",)
"""Status of a hundred documents; half of the open ones are overdue."""


def figures(n: int | None, database: str | None) -> Iterator[dict[str, object]]:
    """Measure the growth of pages from 1,000 documents.

    Args:
        n: Number of documents; 100,000 by default.
        database: URL of an empty database; by default, SQLite.
    """
    with temporary_panel(database) as settings:
        app = create_app(settings)
        with app.app_context():
            sellers_and_buyers(CLIENTS)
            release()
        fill(settings, 0, FEW)
        few = costs(settings)
        fill(settings, FEW, n or MANY)
        many = costs(settings)
        for page, cost in many.items():
            exponent = math.log(cost / few[page]) / math.log((n or MANY) / FEW)
            growth = f"{page}: {few[page]:.1f} ms, with {n or MANY:,} documents {cost:.1f} ms"
            yield figure(
                growth,
                backend(settings.database_url),
                exponent,
                None,
                "exponent",
                0.05,
                absolute=True,
            )


def sellers_and_buyers(buyers: int) -> None:
    """Add a company and clients."""
    values = {"name": "Bench", "country": "PL", "city": "Gdynia", "street": "Morska 1"}
    companies.save_company(actor=CLI, uuid=None, values=values)
    for number in range(buyers):
        clients.create_client(actor=CLI, name=f"Client {number}", email=f"c{number}@example.test")


def fill(settings: Settings, first: int, last: int) -> None:
    """Insert documents with the numbers from `first` to `last`."""
    engine, today = engine_for(settings.database_url), date.today()  # noqa: DTZ011 (a sample)
    with engine.connect() as connection:
        company = connection.scalar(sa.select(Company.id))
        buyers = connection.scalars(sa.select(Client.id)).all()
    for start in range(first, last, BATCH):
        rows = []
        for number in range(start, min(start + BATCH, last)):
            status = STATES[number * 37 % 100]
            issued = today - timedelta(days=1000 * (last - number) // last)
            draft = status == "draft"
            rows.append(
                {
                    "uuid": new_uuid(),
                    "company_id": company,
                    "client_id": buyers[number % len(buyers)],
                    "kind": "invoice",
                    "status": status,
                    "number": None if draft else f"INV-{number:08}",
                    "sequence": None if draft else number + 1,
                    "count": None if draft else number + 1,
                    "currency": "EUR",
                    "entry": "net",
                    "issued_on": None if draft else issued,
                    "due_on": None if draft else (issued if number % 2 else today) + DUE_AFTER,
                    "net_minor": 1000,
                    "tax_minor": 230,
                    "paid_minor": 1230 if status == "paid" else 0,
                    "created_at": now(),
                    "notes": "",
                    "reason": "",
                }
            )
        options = {"panel_write": True}
        with engine.connect().execution_options(**options) as connection, connection.begin():
            connection.execute(sa.insert(Document), rows)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")


def costs(settings: Settings) -> dict[str, float]:
    """Return the CPU milliseconds of each page."""
    app = create_app(settings)
    get = signed_in(app)
    with app.app_context():
        newest = sa.select(sa.func.max(Document.id))
        middle = session().get_one(Document, (session().scalar(newest) or 2) // 2)
        number, client, uuid = middle.number, middle.client.uuid, middle.uuid
        release()
    base = "/admin/documents/?size=50"
    pages = {
        "first": base,
        "unpaid": f"{base}&tab=unpaid",
        "overdue": f"{base}&tab=overdue",
        "drafts": f"{base}&tab=drafts",
        "paid": f"{base}&tab=paid",
        "by date": f"{base}&sort=issued",
        "of a client": f"{base}&client={client}",
        "searched by number": f"{base}&q={number}",
        "searched by client": f"{base}&q=Client%20123",
        "document": f"/admin/documents/{uuid}",
        "client": f"/admin/clients/{client}",
        "dashboard": "/admin/",
    }
    return {
        name: statistics.median(
            cpu_ms(settings, lambda url=url: get(url))  # type: ignore[misc]
            for _ in range(ROUNDS)
        )
        for name, url in pages.items()
    }
