"""Find the attempt, client and documents that a reported payment belongs to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from puqpanel.domain.document_states import DocumentStatus
from puqpanel.domain.texts import Text, _
from puqpanel.host.contract.payments import PaymentReport
from puqpanel.infra.db import session
from puqpanel.models import Company, ConfiguredModule, Document, PaymentAttempt

_LONGEST_REFERENCE = 1000
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9/_.\-]*")
UNMATCHED = _("Neither a client nor a document could be found for this payment.")


@dataclass(frozen=True, slots=True)
class Match:
    """What a payment belongs to.

    Args:
        client_id: who paid; None if that is unknown.
        company: who was paid; None if that is unknown.
        documents: UUIDs of the documents to pay, in order.
        attempt: the attempt; None if there was none.
        problem: why staff must decide; None if nothing is unclear.
    """

    client_id: int | None = None
    company: Company | None = None
    documents: Sequence[str] = ()
    attempt: PaymentAttempt | None = None
    problem: Text | None = None


def match(gateway: ConfiguredModule, report: PaymentReport) -> Match:
    """Return what a reported payment belongs to; the first of these that is known decides.

    The panel's attempt, the gateway's checkout, the document's UUID, a reference of an attempt or a
    number of a document in the text of the payer.
    """
    if report.attempt and (attempt := _attempt(PaymentAttempt.uuid == report.attempt)) is not None:
        return _of_attempt(gateway, report, attempt)
    of_gateway = PaymentAttempt.gateway == gateway.uuid
    for outside_id in (report.checkout, report.outside_id):
        same = sa.and_(of_gateway, PaymentAttempt.outside_id == outside_id)
        if outside_id and (attempt := _attempt(same)) is not None:
            return _of_attempt(gateway, report, attempt)
    if report.invoice:
        query = sa.select(Document).where(Document.uuid == report.invoice)
        return _of_documents(gateway, report, session().scalars(query).all())
    words = words_of(report.reference)
    if not words:
        return Match(problem=UNMATCHED)
    attempts = session().scalars(
        sa.select(PaymentAttempt).where(of_gateway, PaymentAttempt.outside_id.in_(words)).limit(2)
    )
    found = attempts.all()
    if len(found) == 1:
        return _of_attempt(gateway, report, found[0])
    if found:
        return Match(problem=_("The payer's text has references of several payments."))
    documents = sa.select(Document).where(Document.number.in_(words)).limit(2)
    return _of_documents(gateway, report, session().scalars(documents).all())


def _attempt(condition: sa.ColumnElement[bool]) -> PaymentAttempt | None:
    query = sa.select(PaymentAttempt).where(condition).order_by(PaymentAttempt.id.desc()).limit(1)
    return session().scalar(query)


def _of_attempt(gateway: ConfiguredModule, report: PaymentReport, attempt: PaymentAttempt) -> Match:
    problem = None
    if attempt.gateway != gateway.uuid:
        problem = _("The payment was started with another gateway of the same provider account.")
    elif attempt.currency != report.currency.upper():
        problem = _(
            "%(paid)s was paid, but %(expected)s was expected.",
            paid=report.currency.upper(),
            expected=attempt.currency,
        )
    return Match(
        attempt.client_id,
        attempt.company,
        [row.document.uuid for row in attempt.documents],
        attempt,
        problem,
    )


def _of_documents(
    gateway: ConfiguredModule, report: PaymentReport, documents: Sequence[Document]
) -> Match:
    if not documents:
        return Match(problem=UNMATCHED)
    if len(documents) > 1:
        return Match(problem=_("The payer's text has numbers of several documents."))
    document = documents[0]
    problem = None
    if document.status == DocumentStatus.DRAFT:
        problem = UNMATCHED
    elif gateway.company_id not in (None, document.company_id):
        problem = _("The document was issued by another company than the one of the gateway.")
    elif document.currency != report.currency.upper():
        problem = _(
            "%(paid)s was paid, but %(expected)s was expected.",
            paid=report.currency.upper(),
            expected=document.currency,
        )
    return Match(document.client_id, document.company, [document.uuid], None, problem)


def words_of(text: str) -> list[str]:
    """Return what can be a reference or a number in the text of a payer."""
    found = _WORD.findall(text[:_LONGEST_REFERENCE])
    words = {word.strip(".-_/") for word in found}
    return sorted(words | {word.upper() for word in words})[:200]
