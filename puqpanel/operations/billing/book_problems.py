"""What a check of the books found, and how it names documents, payments and postings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.errors import UserError
from puqpanel.domain.money import Money
from puqpanel.domain.texts import Text
from puqpanel.models import Client, Document

REFUND, TRANSFER = "credit_refund:", "credit_by_company:"
"""Keys of postings that follow from no document or payment."""
ISSUED = Document.sequence.is_not(None)
"""Whether a document was issued, whatever its status says."""
TOTAL = Document.net_minor + Document.tax_minor
DOCUMENT_NAME = sa.func.coalesce(
    Document.number, sa.literal("draft ") + Document.uuid, type_=sa.String
)
"""The number of a document; a draft has none."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that does not agree.

    Args:
        subject: the document, payment or posting, and the client.
        text: what is wrong.
    """

    subject: str
    text: Text


@dataclass(frozen=True, slots=True)
class Step:
    """Progress of a check.

    Args:
        done: how many rows were read since the last step.
        problems: what was found in them.
    """

    done: int
    problems: tuple[Problem, ...] = ()


def problem(name: str, client: str, text: Text) -> Problem:
    """Return a problem of something of a client."""
    return Problem(f"{name}, {client}", text)


def amount(minor: Any, currency: str) -> str:
    """Return an amount as text, even if something else was put in the place of the currency."""
    try:
        return str(Money(int(minor or 0), currency))
    except UserError:
        return f"{minor} {currency}"


def of_documents(*columns: Any) -> sa.Select[Any]:
    """Return a query of documents: their name, the name of their client, and columns."""
    query = sa.select(DOCUMENT_NAME, Client.name, *columns).select_from(Document)
    return query.join(Client, Client.id == Document.client_id)
