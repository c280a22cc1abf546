"""Compare the debits of prepaid services with their sums, statements and postings."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from puqpanel.domain.charges import ChargeKind
from puqpanel.domain.texts import _
from puqpanel.infra.db import session
from puqpanel.models import Client, Debit, Document, DocumentLineRow, PrepaidTotal
from puqpanel.operations.billing.book_problems import (
    TOTAL,
    Problem,
    amount,
    of_documents,
    problem,
)


def sums() -> Iterator[Problem]:
    """Find sums of a month that are not those of their debits, and debits without a posting."""
    each = (
        sa.select(
            Debit.total_id,
            sa.func.sum(Debit.amount_minor).label("amount"),
            sa.func.sum(Debit.debited_minor).label("debited"),
            sa.func.max(Debit.currency).label("currency"),
            sa.func.sum(
                sa.case((sa.and_(Debit.posting_id.is_(None), Debit.debited_minor != 0), 1), else_=0)
            ).label("unposted"),
        )
        .group_by(Debit.total_id)
        .subquery()
    )
    posted = sa.func.coalesce(each.c.debited, 0)
    query = (
        sa.select(PrepaidTotal, Client.name, posted, each.c.unposted)
        .join(Client, Client.id == PrepaidTotal.client_id)
        .outerjoin(each, each.c.total_id == PrepaidTotal.id)
        .where(
            sa.or_(
                PrepaidTotal.amount_minor != sa.func.coalesce(each.c.amount, 0),
                PrepaidTotal.debited_minor != posted,
                PrepaidTotal.currency != each.c.currency,
                each.c.unposted > 0,
            )
        )
    )
    for total, client, minor, unposted in session().execute(query):
        text = (
            _("A debit was not posted to the ledger.")
            if unposted
            else _(
                "The sum of the month is %(sum)s, but the debits are %(debits)s.",
                sum=amount(total.debited_minor, total.currency),
                debits=amount(minor, total.currency),
            )
        )
        yield problem(f"prepaid {total.month:%Y-%m}", client, text)


def statements() -> Iterator[Problem]:
    """Find statements whose total or lines are not those of the debits."""
    debited = (
        sa.select(PrepaidTotal.document_id, sa.func.sum(PrepaidTotal.debited_minor).label("minor"))
        .where(PrepaidTotal.document_id.is_not(None))
        .group_by(PrepaidTotal.document_id)
        .subquery()
    )
    lines = (
        sa.select(
            DocumentLineRow.document_id,
            DocumentLineRow.service_id,
            sa.func.sum(DocumentLineRow.amount_minor).label("lined"),
            sa.literal(0, sa.BigInteger).label("charged"),
        )
        .where(DocumentLineRow.kind == ChargeKind.USAGE)
        .group_by(DocumentLineRow.document_id, DocumentLineRow.service_id)
    )
    debits = (
        sa.select(
            PrepaidTotal.document_id,
            Debit.service_id,
            sa.literal(0, sa.BigInteger),
            sa.func.sum(Debit.amount_minor),
        )
        .join(PrepaidTotal, PrepaidTotal.id == Debit.total_id)
        .where(PrepaidTotal.document_id.is_not(None))
        .group_by(PrepaidTotal.document_id, Debit.service_id)
    )
    both = sa.union_all(lines, debits).subquery().c
    differs = (
        sa.select(both.document_id)
        .group_by(both.document_id, both.service_id)
        .having(sa.func.sum(both.lined) != sa.func.sum(both.charged))
    )
    query = (
        of_documents()
        .outerjoin(debited, debited.c.document_id == Document.id)
        .where(
            Document.corrects_id.is_(None),
            sa.or_(debited.c.minor != TOTAL, Document.id.in_(differs)),
        )
    )
    for name, client in session().execute(query):
        yield problem(name, client, _("Its lines do not agree with the debits that it lists."))
