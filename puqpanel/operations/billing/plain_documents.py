"""Documents as plain values: read and written by SQL alone, to issue many of them.

They have the attributes of the models that issuing reads, so that the same functions compute both.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

import sqlalchemy as sa

from puqpanel.domain.money import Money
from puqpanel.infra.db import Model, session
from puqpanel.infra.inserts import insert_all
from puqpanel.models import Company, Document, DocumentLineRow, DocumentTax
from puqpanel.operations.billing.ledger import lock_clients

AT_ISSUE = (
    *("status", "number", "sequence", "count", "issued_at", "issued_on", "supplied_on", "due_on"),
    *("seller", "buyer", "bank", "notes", "net_minor", "tax_minor", "converted_tax"),
    *("before", "digest"),
)
"""The columns of a draft that issuing changes."""
LISTED = 1000
"""Ids in one list of a query."""
_TABLE = cast("sa.Table", Document.__table__)
_COLUMNS = frozenset(_TABLE.c.keys()) - {"id"}


class PlainRow(SimpleNamespace):
    """The values of a line or a tax."""


class PlainDocument(SimpleNamespace):
    """The values of a document, its company and client, and the values of its lines and taxes.

    Attributes:
        id: None if it is new.
        rewritten: whether its lines and taxes differ from those in the database.
    """

    id: int | None
    rewritten: bool

    @property
    def net(self) -> Money:
        """The sum without tax."""
        return Money(self.net_minor, self.currency)

    @property
    def tax(self) -> Money:
        """The sum of all taxes."""
        return Money(self.tax_minor, self.currency)

    @property
    def total(self) -> Money:
        """The sum with tax."""
        return Money(self.net_minor + self.tax_minor, self.currency)

    @property
    def adds_funds(self) -> bool:
        """Whether it is a proforma whose payment becomes credit: none of these is a draft."""
        return False


def new(values: Mapping[str, Any]) -> PlainDocument:
    """Return a new document with the values of a draft, without lines."""
    empty: dict[str, Any] = dict.fromkeys(
        ("id", "corrects", "origin_id", "supplied_on", "due_on", "converted_tax")
    )
    empty |= {"reason": "", "buyer": {}, "prepaid_minor": 0}
    return PlainDocument(**empty, **values, rewritten=True)


def lock(uuids: Collection[str]) -> list[PlainDocument]:
    """Lock invoices and proformas, and their clients, until the transaction ends.

    Returns:
        Those that exist, by id, with their lines and taxes.
    """
    current = session()
    buyers = sa.select(Document.client_id).where(Document.uuid.in_(uuids))
    clients = {row.id: row for row in lock_clients(set(current.scalars(buyers)))}
    locked = sa.select(_TABLE).where(_TABLE.c.uuid.in_(uuids)).order_by(_TABLE.c.id)
    rows = current.execute(locked.with_for_update()).mappings().all()
    sellers = sa.select(Company).where(Company.id.in_({row["company_id"] for row in rows}))
    companies = {row.id: row for row in current.scalars(sellers)}
    ids = [row["id"] for row in rows]
    lines, taxes = _parts(DocumentLineRow, ids), _parts(DocumentTax, ids)
    return [
        PlainDocument(
            **row,
            company=companies[row["company_id"]],
            client=clients[row["client_id"]],
            corrects=None,
            lines=lines.get(row["id"], []),
            taxes=taxes.get(row["id"], []),
            rewritten=False,
        )
        for row in rows
    ]


def write(documents: Sequence[PlainDocument]) -> None:
    """Write sealed documents: insert new ones, which get their ids, and change drafts."""
    added = [document for document in documents if document.id is None]
    drafts = [document for document in documents if document.id is not None]
    rows = [
        {name: value for name, value in vars(document).items() if name in _COLUMNS}
        for document in added
    ]
    ids = insert_all(Document, rows, "uuid")
    for document, document_id in zip(added, ids, strict=True):
        document.id = document_id
    if drafts:
        changed: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in AT_ISSUE}
        session().execute(
            sa.update(_TABLE).where(_TABLE.c.id == sa.bindparam("key")).values(changed),
            [
                {"key": draft.id} | {f"new_{name}": getattr(draft, name) for name in AT_ISSUE}
                for draft in drafts
            ],
        )
    old = [draft.id for draft in drafts if draft.rewritten]
    for model, name in ((DocumentLineRow, "lines"), (DocumentTax, "taxes")):
        table = cast("sa.Table", model.__table__)
        for at in range(0, len(old), LISTED):
            former = table.c.document_id.in_(old[at : at + LISTED])
            session().execute(sa.delete(table).where(former))
        insert_all(
            model,
            [
                {**vars(row), "document_id": document.id}
                for document in documents
                if document.rewritten
                for row in getattr(document, name)
            ],
        )


def _parts(model: type[Model], ids: Sequence[int]) -> dict[int, list[PlainRow]]:
    """Return the lines or taxes of documents in order, by document."""
    table = cast("sa.Table", model.__table__)
    parts: dict[int, list[PlainRow]] = {}
    for at in range(0, len(ids), LISTED):
        query = sa.select(table).where(table.c.document_id.in_(ids[at : at + LISTED]))
        order = (table.c.document_id, table.c.position)
        for row in session().execute(query.order_by(*order)).mappings():
            parts.setdefault(row["document_id"], []).append(PlainRow(**row))
    return parts
