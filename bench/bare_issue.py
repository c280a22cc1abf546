"""The bare side of `bench.issue`: SQLAlchemy Core in batches, without taxes or checks."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from puqpanel.domain.documents import canonical
from puqpanel.infra.clock import now
from puqpanel.infra.db import Model
from puqpanel.models import (
    Audit,
    Charge,
    Client,
    Document,
    DocumentLineRow,
    DocumentTax,
    LedgerEntry,
    Posting,
    Series,
)
from puqpanel.operations.billing.bulk_issuing import CHUNK
from puqpanel.operations.billing.contents import content

Row = dict[str, Any]
Buyer = tuple[int, int]
"""Ids of a client and a service."""


def table(model: type[Model]) -> Any:
    """Return the table of a model."""
    return model.__table__


class Bare:
    """Writes documents like a sample, each with the rows of the sample in other tables.

    Args:
        engine: of the database.
        sample: an issued invoice.
        buyers: for whom documents are written.
    """

    def __init__(self, engine: Engine, sample: Document, buyers: Sequence[Buyer]) -> None:
        self.engine, self.buyers = engine, buyers
        self.content = json.loads(canonical(content(sample)))
        of_document = {
            DocumentLineRow: DocumentLineRow.document_id == sample.id,
            DocumentTax: DocumentTax.document_id == sample.id,
            Charge: Charge.document_id == sample.id,
            Posting: Posting.key == f"invoice:{sample.uuid}",
            LedgerEntry: LedgerEntry.posting_id.in_(
                sa.select(Posting.id).where(Posting.key == f"invoice:{sample.uuid}")
            ),
            Audit: (Audit.subject_uuid == sample.uuid) & (Audit.action == "document.issued"),
        }
        with engine.connect() as connection:
            self.document = self._rows(connection, Document, Document.id == sample.id)[0]
            self.rows = {
                model: self._rows(connection, model, where) for model, where in of_document.items()
            }

    @staticmethod
    def _rows(connection: Connection, model: type[Model], where: Any) -> list[Row]:
        query = sa.select(table(model)).where(where).order_by(table(model).c.id)
        found = [dict(row) for row in connection.execute(query).mappings()]
        return [{name: value for name, value in row.items() if name != "id"} for row in found]

    def add_drafts(self, day: date) -> list[str]:
        """Insert a draft for each buyer, and return their UUIDs."""
        uuids: list[str] = []
        empty: Row = dict.fromkeys(
            ("number", "sequence", "count", "issued_at", "issued_on", "supplied_on", "due_on")
        )
        empty |= {"status": "draft", "seller": {}, "buyer": {}, "bank": {}}
        with self._begin() as connection:
            for first in range(0, len(self.buyers), CHUNK):
                buyers = self.buyers[first : first + CHUNK]
                drafts = [
                    self.document
                    | empty
                    | {"uuid": str(uuid.uuid4()), "client_id": client, "digest": "", "before": ""}
                    for client, _service in buyers
                ]
                uuids += [draft["uuid"] for draft in drafts]
                ids = self._insert_documents(connection, drafts)
                self._insert_content(connection, ids, buyers, day)
        return uuids

    def issue_new(self, day: date) -> None:
        """Insert an issued invoice for each buyer."""
        for first in range(0, len(self.buyers), CHUNK):
            buyers = self.buyers[first : first + CHUNK]
            with self._begin() as connection:
                clients = self._lock_clients(connection, {client for client, _ in buyers})
                documents = [
                    self.document | {"uuid": str(uuid.uuid4()), "client_id": client}
                    for client, _service in buyers
                ]
                self._seal(connection, documents, clients)
                ids = self._insert_documents(connection, documents)
                self._insert_content(connection, ids, buyers, day)
                self._insert_books(connection, documents, ids, buyers, day)

    def issue_drafts(self, uuids: Sequence[str]) -> None:
        """Issue drafts."""
        drafts, lines, taxes = table(Document), table(DocumentLineRow), table(DocumentTax)
        for first in range(0, len(uuids), CHUNK):
            with self._begin() as connection:
                chosen = drafts.c.uuid.in_(uuids[first : first + CHUNK])
                buyers = set(connection.scalars(sa.select(drafts.c.client_id).where(chosen)))
                clients = self._lock_clients(connection, buyers)
                query = sa.select(drafts).where(chosen).order_by(drafts.c.id).with_for_update()
                found = [dict(row) for row in connection.execute(query).mappings()]
                ids = [row["id"] for row in found]
                by_document = {
                    row.document_id: row
                    for row in connection.execute(
                        sa.select(lines).where(lines.c.document_id.in_(ids), lines.c.position == 0)
                    )
                }
                rest = sa.select(lines).where(lines.c.document_id.in_(ids), lines.c.position > 0)
                connection.execute(rest).all()
                connection.execute(sa.select(taxes).where(taxes.c.document_id.in_(ids))).all()
                documents = [self.document | {"uuid": row["uuid"]} for row in found]
                for document, row in zip(documents, found, strict=True):
                    document["client_id"] = row["client_id"]
                self._seal(connection, documents, clients)
                changed = [name for name, value in self.document.items() if found[0][name] != value]
                update = drafts.update().where(drafts.c.id == sa.bindparam("key"))
                connection.execute(
                    update.values({name: sa.bindparam(f"new_{name}") for name in changed}),
                    [
                        {"key": key} | {f"new_{name}": document[name] for name in changed}
                        for key, document in zip(ids, documents, strict=True)
                    ],
                )
                sold = [(row["client_id"], by_document[row["id"]].service_id) for row in found]
                day = by_document[ids[0]].period_start
                self._insert_books(connection, documents, ids, sold, day)

    def _begin(self) -> Any:
        return self.engine.execution_options(panel_write=True).begin()

    def _lock_clients(self, connection: Connection, ids: set[int]) -> dict[int, Any]:
        clients = table(Client)
        query = sa.select(clients).where(clients.c.id.in_(ids)).order_by(clients.c.id)
        return {row.id: row for row in connection.execute(query.with_for_update())}

    def _seal(
        self, connection: Connection, documents: Sequence[Row], clients: dict[int, Any]
    ) -> None:
        series = table(Series)
        mine = (series.c.company_id == self.document["company_id"]) & (series.c.kind == "invoice")
        row = connection.execute(sa.select(series).where(mine).with_for_update()).one()
        count, sequence, before, moment = row.count, row.sequence, row.digest, now()
        for document in documents:
            count, sequence = count + 1, sequence + 1
            client = clients[document["client_id"]]
            buyer = {"name": client.company or client.name, "country": client.country}
            buyer |= {"street": client.street, "city": client.city, "email": client.email}
            number = f"INV-{document['issued_on'].year}-{count:05}"
            text = json.dumps(
                self.content | {"number": number, "buyer": buyer},
                sort_keys=True,
                ensure_ascii=False,
                separators=(",", ":"),
            )
            digest = hashlib.sha256(f"{before}\n{text}".encode()).hexdigest()
            document |= {
                "number": number,
                "sequence": sequence,
                "count": count,
                "buyer": self.document["buyer"] | buyer,
                "before": before,
                "digest": digest,
                "issued_at": moment,
            }
            before = digest
        changed = {"count": count, "sequence": sequence, "digest": before}
        connection.execute(series.update().where(mine).values(changed))

    def _insert_documents(self, connection: Connection, documents: Sequence[Row]) -> Sequence[int]:
        columns = table(Document).c
        insert = table(Document).insert().returning(columns.uuid, columns.id)
        ids = {row[0]: row[1] for row in connection.execute(insert, documents)}
        return [ids[document["uuid"]] for document in documents]

    def _insert_content(
        self, connection: Connection, ids: Sequence[int], buyers: Sequence[Buyer], day: date
    ) -> None:
        """Insert lines and taxes."""
        pairs = list(zip(ids, buyers, strict=True))
        lines = [
            line | {"document_id": key, "service_id": service, "period_start": day}
            for key, (_client, service) in pairs
            for line in self.rows[DocumentLineRow]
        ]
        taxes = [tax | {"document_id": key} for key in ids for tax in self.rows[DocumentTax]]
        connection.execute(table(DocumentLineRow).insert(), lines)
        connection.execute(table(DocumentTax).insert(), taxes)

    def _insert_books(
        self,
        connection: Connection,
        documents: Sequence[Row],
        ids: Sequence[int],
        buyers: Sequence[Buyer],
        day: date,
    ) -> None:
        """Insert charges, postings, entries and audit entries."""
        pairs = list(zip(ids, buyers, strict=True))
        charges = [
            charge | {"document_id": key, "service_id": service, "period_start": day}
            for key, (_client, service) in pairs
            for charge in self.rows[Charge]
        ]
        connection.execute(table(Charge).insert(), charges)
        postings = [
            posting | {"key": f"invoice:{document['uuid']}", "client_id": document["client_id"]}
            for document in documents
            for posting in self.rows[Posting]
        ]
        columns = table(Posting).c
        insert = table(Posting).insert().returning(columns.key, columns.id)
        posted = {row[0]: row[1] for row in connection.execute(insert, postings)}
        entries = [
            entry
            | {
                "posting_id": posted[posting["key"]],
                "client_id": client,
                "document_id": key if entry["document_id"] else None,
            }
            for posting, (key, (client, _service)) in zip(postings, pairs, strict=True)
            for entry in self.rows[LedgerEntry]
        ]
        connection.execute(table(LedgerEntry).insert(), entries)
        audit = [
            entry | {"subject_uuid": document["uuid"]}
            for document in documents
            for entry in self.rows[Audit]
        ]
        connection.execute(table(Audit).insert(), audit)
