"""A burst of webhooks, a fifth of them repeated and all in random order, beside a bare Flask route.

Both routes verify an HMAC of the raw body and store each event once, in a transaction of its own.
The panel also finds the gateway, encrypts the body, adds the task that reads the event and logs the
call. Then the events are read, beside SQLAlchemy Core that writes the same rows of payments,
allocations and the ledger, and closes the document and the event. Tasks are run without a queue on
both sides. The run fails if an event is lost or counted twice.
"""

from __future__ import annotations

import gc
import hashlib
import hmac
import json
import random
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import flask
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from bench.bare_issue import table
from bench.issue import Ours
from bench.measure import ROUNDS, backend, figure, server_seconds, temporary_panel
from puqpanel.app import Panel, create_app
from puqpanel.cli.demo.rows import add_rows
from puqpanel.domain.principals import CLI
from puqpanel.infra.clock import now
from puqpanel.infra.db import engine_for, release, session, transaction
from puqpanel.jobs.payments import PaymentEventJob
from puqpanel.models import (
    Allocation,
    Document,
    LedgerEntry,
    Payment,
    PaymentEvent,
    Posting,
    Task,
)
from puqpanel.operations.billing import bulk_issuing
from puqpanel.operations.modules import configured_modules, lifecycle

SECRET, REPEATED = "a secret of the benchmark", 5
MODULE = '''
import hashlib, hmac
from decimal import Decimal
from puqpanel.sdk import Payment, PaymentReport

class Burst(Payment):
    """Verifies an HMAC; each event is a payment of a document."""

    def verify_event(self, event):
        secret = self.module_data["secret"].encode()
        digest = hmac.new(secret, event.body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(digest, event.header("X-Signature"))

    def read_event(self, event):
        item = event.json
        amount = Decimal(item["amount"])
        return [PaymentReport(item["id"], "succeeded", amount, "EUR", invoice=item["invoice"])]
'''
CONFIG = 'CONFIG = {"name": "Burst", "description": "A benchmark", "version": "1.0.0"}\n'
Delivery = tuple[bytes, dict[str, str]]


def figures(n: int | None, database: str | None) -> Iterator[dict[str, object]]:
    """Measure a burst of webhooks that pay a document each.

    Args:
        n: Number of documents; 500 by default.
        database: URL of an empty database; by default, SQLite.
    """
    count = n or 500
    with tempfile.TemporaryDirectory() as folder:
        module = Path(folder) / "Payment" / "Burst"
        module.mkdir(parents=True)
        (module / "Burst.py").write_text(MODULE)
        (module / "config.py").write_text(CONFIG)
        with temporary_panel(database, Path(folder)) as settings:
            name, engine = backend(settings.database_url), engine_for(settings.database_url)
            with create_app(settings, pages=False).app_context():
                add_rows(settings, count)
                lifecycle.activate(
                    actor=CLI, modules_dir=Path(folder), module_type="Payment", name="Burst"
                )
            app = create_app(settings)
            with app.app_context():
                sides = Sides(app, engine, _gateway())
                gc.collect()
                gc.freeze()  # as in a worker
                rounds = [sides.round(number) for number in range(1, ROUNDS + 1)]
            for at, (what, goal) in enumerate((("storing", 1.43), ("reading", 3))):
                ours, bare = (
                    statistics.median(each[2 * at + side] for each in rounds) for side in (0, 1)
                )
                text = f"{what} webhooks, a fifth repeated"
                yield figure(text, name, ours, bare, "µs per webhook", goal)


class Sides:
    """The panel and the bare route."""

    def __init__(self, app: Panel, engine: Engine, gateway: str) -> None:
        self.panel, self.ours = app, Ours()
        self.path = f"/webhooks/Payment/Burst/{gateway}"
        self.engine = engine.execution_options(panel_write=True)
        self.events = sa.Table(
            "bench_events",
            sa.MetaData(),
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("digest", sa.String(64), unique=True),
            sa.Column("body", sa.LargeBinary),
            sa.Column("status", sa.String(40)),
        )
        with self.engine.begin() as connection:
            self.events.create(connection)
        self.bare = self._bare_app()

    def round(self, number: int) -> tuple[float, float, float, float]:
        """Return the µs per webhook: the panel's and the bare side's, for storing and reading."""
        ours, bare = self._documents(2 * number), self._documents(2 * number + 1)
        sent = len(ours) * (REPEATED + 1) // REPEATED
        stored = self._send(self.panel, self.path, ours)
        plainly = self._send(self.bare, "/hook", bare)
        read, read_plainly = self._cpu(self._read), self._cpu(self._read_bare)
        self._check(ours + bare)
        return tuple(each / sent * 1e6 for each in (stored, plainly, read, read_plainly))  # type: ignore[return-value]

    def _documents(self, day: int) -> list[Document]:
        """Issue documents, and return them."""
        last = session().scalar(sa.select(sa.func.max(Document.id))) or 0
        documents = self.ours.documents(date(2020, 1, 1) + timedelta(days=40 * day))
        bulk_issuing.issue_new(actor=CLI, documents=documents)
        release()
        found = list(session().scalars(sa.select(Document).where(Document.id > last)))
        session().expunge_all()
        return found

    def _send(self, app: flask.Flask, path: str, documents: Sequence[Document]) -> float:
        """Deliver the webhooks of documents, and return the CPU seconds."""
        deliveries = [_delivery(document) for document in documents]
        deliveries += deliveries[: len(deliveries) // REPEATED]
        random.Random(1).shuffle(deliveries)
        client = app.test_client()

        def send() -> None:
            for body, headers in deliveries:
                answer = client.post(path, data=body, headers=headers)
                if answer.status_code != 200:
                    raise RuntimeError(f"{path}: {answer.status_code} {answer.text}")

        return self._cpu(send)

    def _cpu(self, run: Callable[[], None]) -> float:
        release()
        used = time.process_time() + server_seconds(self.engine)
        run()
        return time.process_time() + server_seconds(self.engine) - used

    def _read(self) -> None:
        job = PaymentEventJob()
        query = sa.select(Task).where(Task.job == "PaymentEventJob", Task.ended_at.is_(None))
        for task in session().scalars(query.order_by(Task.id)).all():
            outcome = job.run(task)
            if outcome.kind != "completed":
                raise RuntimeError(str(outcome))
            with transaction():
                task.ended_at = now()
            release()

    def _read_bare(self) -> None:
        events = self.events
        with self.engine.connect() as connection:
            query = sa.select(events.c.id, events.c.body).where(events.c.status == "received")
            rows = connection.execute(query).all()
        for row in rows:
            with self.engine.begin() as connection:
                self._book(connection, json.loads(row.body))
                done = events.update().where(events.c.id == row.id).values(status="read")
                connection.execute(done)

    def _book(self, connection: sa.Connection, item: dict[str, str]) -> None:
        """Write what the payment of a document writes."""
        documents, moment = table(Document), now()
        query = sa.select(documents).where(documents.c.uuid == item["invoice"]).with_for_update()
        document = connection.execute(query).mappings().one()
        minor = document["net_minor"] + document["tax_minor"]
        common = {"currency": "EUR", "minor": minor}
        payment = {
            "uuid": str(uuid.uuid4()),
            "company_id": document["company_id"],
            "client_id": document["client_id"],
            "gateway": "bare",
            "outside_id": item["id"],
            "status": "succeeded",
            "received_on": moment.date(),
            "created_at": moment,
        }
        values = {"polls": 0, "reason": "", "action_url": "", "note": "", "payer": ""}
        inserted = table(Payment).insert().values({**payment, **common, **values})
        payment_id = connection.execute(inserted).inserted_primary_key[0]
        allocation = {"payment_id": payment_id, "document_id": document["id"], "minor": minor}
        allocation |= {"created_at": moment}
        connection.execute(table(Allocation).insert().values(allocation))
        for word in ("payment", "allocation"):
            posting = {
                "key": f"{word}:bare:{item['id']}",
                "company_id": document["company_id"],
                "client_id": document["client_id"],
                "day": moment.date(),
                "summary": "",
                "created_at": moment,
            }
            made = connection.execute(table(Posting).insert().values(posting))
            entry = {"posting_id": made.inserted_primary_key[0], "client_id": posting["client_id"]}
            entry |= {"currency": "EUR", "gateway": "", "document_id": None}
            entries = [
                {**entry, "account": "clearing", "minor": minor},
                {**entry, "account": "credit", "minor": -minor},
            ]
            connection.execute(table(LedgerEntry).insert(), entries)
        paid = documents.update().where(documents.c.id == document["id"])
        connection.execute(paid.values(paid_minor=minor, status="paid"))

    def _bare_app(self) -> flask.Flask:
        app = flask.Flask(__name__)
        insert: Any = (
            sa.dialects.sqlite.insert
            if self.engine.dialect.name == "sqlite"
            else sa.dialects.postgresql.insert
        )

        @app.post("/hook")
        def hook() -> flask.Response:
            body = flask.request.get_data()
            digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
            if not hmac.compare_digest(digest, flask.request.headers.get("X-Signature", "")):
                flask.abort(401)
            event = {"digest": hashlib.sha256(body).hexdigest(), "body": body}
            with self.engine.begin() as connection:
                values = {**event, "status": "received"}
                connection.execute(insert(self.events).values(values).on_conflict_do_nothing())
            return flask.jsonify(status="success")

        return app

    def _check(self, documents: Sequence[Document]) -> None:
        """Check that each document was paid by one payment."""
        ids = [document.id for document in documents]
        paid = sa.select(sa.func.count()).where(Document.id.in_(ids), Document.status == "paid")
        allocated = sa.select(sa.func.count()).where(Allocation.document_id.in_(ids))
        unread = sa.select(sa.func.count()).where(PaymentEvent.status != "read")
        found = [session().scalar(query) for query in (paid, allocated, unread)]
        if found != [len(ids), len(ids), 0]:
            raise RuntimeError(f"{found} of {len(ids)} were paid, allocated, and are unread")
        release()


def _delivery(document: Document) -> Delivery:
    item = {
        "id": f"pi_{document.id}",
        "invoice": document.uuid,
        "amount": str(document.total.major),
    }
    body = json.dumps(item).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return body, {"X-Signature": signature, "Content-Type": "application/json"}


def _gateway() -> str:
    row = configured_modules.create_instance(
        actor=CLI, module_type="Payment", module="Payment/Burst", title="Burst"
    )
    with transaction():
        found = configured_modules.find_instance(row.uuid)
        found.data, found.active = {"secret": SECRET}, True
    return str(row.uuid)
