"""Compare the postings of the ledger with the documents, payments and refunds they follow from."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.ledger import Account
from puqpanel.domain.texts import Text, _
from puqpanel.infra.db import session
from puqpanel.models import Client, Document, LedgerEntry, Posting
from puqpanel.operations.billing.book_facts import facts, sums_by_posting
from puqpanel.operations.billing.book_problems import (
    REFUND,
    TRANSFER,
    Problem,
    amount,
    problem,
)

DAY = timedelta(days=1)
OWN_DAY = ("invoice:", "credit_note:", "payment:")
"""Keys of postings on the day of their document or payment."""


def differences() -> Iterator[Problem]:
    """Find documents and payments whose posting is missing, or says something else."""
    fact, sums = facts(), sums_by_posting()
    posted = {account: sa.func.coalesce(sums.c[account], 0) for account in Account}
    differs = [fact.c[account] != posted[account] for account in Account]
    wrong_client, wrong_company = (
        (Posting.client_id != fact.c.client_id).label("wrong_client"),
        (Posting.company_id != fact.c.company_id).label("wrong_company"),
    )
    query = (
        sa.select(
            fact,
            Client.name.label("client"),
            Posting.id.label("posting_id"),
            Posting.day.label("posted_on"),
            wrong_client,
            wrong_company,
            *(each.label(f"posted_{account}") for account, each in posted.items()),
        )
        .join(Client, Client.id == fact.c.client_id)
        .outerjoin(Posting, Posting.key == fact.c.key)
        .outerjoin(sums, sums.c.posting_id == Posting.id)
        .where(
            sa.or_(
                Posting.id.is_(None),
                wrong_client,
                wrong_company,
                Posting.day != fact.c.day,
                *differs,
            )
        )
    )
    for row in session().execute(query).mappings():
        name = row["name"] or f"payment of {amount(row['clearing'], row['currency'])}, {row['day']}"
        yield problem(name, row["client"], _difference(row))


def _difference(row: Any) -> Text:
    """Return the first thing in which a posting differs from what it follows from."""
    if row["posting_id"] is None:
        return _("It was not posted to the ledger.")
    if row["wrong_client"]:
        return _("It is posted to another client.")
    if row["wrong_company"]:
        return _("It is posted in another company's books.")
    if row["day"] is not None and row["day"] != row["posted_on"]:
        return _(
            "It is dated %(day)s, but posted on %(posted)s.",
            day=row["day"],
            posted=row["posted_on"],
        )
    account, expected, posted = next(
        (account, row[account], row[f"posted_{account}"])
        for account in Account
        if row[account] is not None and row[account] != row[f"posted_{account}"]
    )
    return _(
        "Its posting has %(posted)s on the account “%(account)s”, but should have %(expected)s.",
        posted=amount(posted, row["currency"]),
        account=account,
        expected=amount(expected, row["currency"]),
    )


def unexplained() -> Iterator[Problem]:
    """Find postings that follow from no document, payment, refund or transfer of credit."""
    fact, sums = facts(), sums_by_posting()
    # distinct: otherwise MariaDB would read all facts again for each posting
    explained = sa.select(Posting.id).join(fact, fact.c.key == Posting.key).distinct().subquery()
    moved = sa.and_(
        sums.c.clearing == -sums.c.credit,
        *(sums.c[each] == 0 for each in set(Account) - {Account.CLEARING, Account.CREDIT}),
    )
    follows = sa.or_(
        sa.and_(Posting.key.startswith(REFUND, autoescape=True), moved, sums.c.credit > 0),
        sa.and_(Posting.key.startswith(TRANSFER, autoescape=True), moved),
    )
    query = (
        _of_postings()
        .outerjoin(explained, explained.c.id == Posting.id)
        .outerjoin(sums, sums.c.posting_id == Posting.id)
        .where(explained.c.id.is_(None), sa.or_(sums.c.posting_id.is_(None), ~follows))
    )
    for name, client in session().execute(query):
        text = _("No document, payment or refund explains this posting.")
        yield problem(name, client, text)


def unbalanced() -> Iterator[Problem]:
    """Find postings whose entries do not sum to zero."""
    sums = (
        sa.select(
            LedgerEntry.posting_id,
            LedgerEntry.currency,
            sa.func.sum(LedgerEntry.minor).label("minor"),
        )
        .group_by(LedgerEntry.posting_id, LedgerEntry.currency)
        .having(sa.func.sum(LedgerEntry.minor) != 0)
        .subquery()
    )
    query = _of_postings(sums.c.minor, sums.c.currency).join(sums, sums.c.posting_id == Posting.id)
    for name, client, minor, currency in session().execute(query):
        text = _("The entries of its posting sum to %(sum)s.", sum=amount(minor, currency))
        yield problem(name, client, text)


def misplaced() -> Iterator[Problem]:
    """Find entries of another client, company or currency than their posting or document."""
    other = Document.client_id != LedgerEntry.client_id
    other |= Document.company_id != Posting.company_id
    other |= Document.currency != LedgerEntry.currency
    is_receivable = LedgerEntry.account == Account.RECEIVABLE
    query = (
        sa.select(sa.func.coalesce(Document.number, Posting.key, type_=sa.String), Client.name)
        .select_from(LedgerEntry)
        .join(Posting, Posting.id == LedgerEntry.posting_id)
        .join(Client, Client.id == Posting.client_id)
        .outerjoin(Document, Document.id == LedgerEntry.document_id)
        .where(
            sa.or_(
                LedgerEntry.client_id != Posting.client_id,
                sa.and_(Document.id.is_not(None), other),
                is_receivable != Document.id.is_not(None),
            )
        )
        .distinct()
    )
    for name, client in session().execute(query):
        text = _("An entry of its posting has another client, company, currency or document.")
        yield problem(name, client, text)


def redated() -> Iterator[Problem]:
    """Find postings that were not written on their day; time zones differ by a day at most."""
    written_on = sa.func.date(Posting.created_at, type_=sa.Date)
    own_day = sa.or_(*(Posting.key.startswith(each, autoescape=True) for each in OWN_DAY))
    pairs = sa.select(Posting.day, written_on).where(Posting.day != written_on, ~own_day).distinct()
    for day, written in session().execute(pairs).all():
        if abs(day - written) <= DAY:
            continue
        query = _of_postings().where(Posting.day == day, written_on == written, ~own_day)
        for name, client in session().execute(query):
            text = _(
                "It is posted on %(day)s, but was written on %(written)s.",
                day=day,
                written=written,
            )
            yield problem(name, client, text)


def _of_postings(*columns: Any) -> sa.Select[Any]:
    """Return a query of postings: the number of their document or their key, and their client."""
    document_uuid = sa.func.substr(Posting.key, sa.func.length(Posting.key) - 35)
    name = sa.func.coalesce(Document.number, Posting.key, type_=sa.String)
    return (
        sa.select(name, Client.name, *columns)
        .select_from(Posting)
        .join(Client, Client.id == Posting.client_id)
        .outerjoin(Document, Document.uuid == document_uuid)
    )
