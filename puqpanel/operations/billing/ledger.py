"""The ledger: post a transaction once, and read the credit of clients."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from puqpanel.domain.ledger import Account, Entry, check_balanced
from puqpanel.domain.money import Money
from puqpanel.domain.texts import Text
from puqpanel.infra.clock import now
from puqpanel.infra.db import find, session
from puqpanel.infra.inserts import insert_all
from puqpanel.models import Client, Company, LedgerEntry, Posting


def today(company: Company, moment: datetime | None = None) -> date:
    """Return the day in a company's time zone."""
    return zone_day(company.zone, moment)


def zone_day(zone: str, moment: datetime | None = None) -> date:
    """Return the current day, or that of a moment, in an IANA time zone."""
    return (moment or now()).astimezone(ZoneInfo(zone)).date()


def lock_client(client_id: int) -> Client:
    """Lock a client until the transaction ends, so that its credit is used once.

    Whatever changes the ledger of a client locks the client first, then documents, then a series.
    """
    query = sa.select(Client).where(Client.id == client_id).with_for_update(of=Client)
    return find(query.execution_options(populate_existing=True), "Client not found.")


def lock_clients(client_ids: Collection[int]) -> Sequence[Client]:
    """Lock clients until the transaction ends, in the order of their ids; see `lock_client`.

    Their contacts are loaded too, because documents show the address for billing.
    """
    query = sa.select(Client).where(Client.id.in_(client_ids)).order_by(Client.id)
    locked = query.with_for_update(of=Client).execution_options(populate_existing=True)
    locked = locked.options(selectinload(Client.contacts))
    return session().scalars(locked).all()


@dataclass(frozen=True, slots=True)
class Fact:
    """What a posting says.

    Args:
        key: unique, so that a fact is posted once.
        company: whose books.
        client_id: the client.
        day: in the company's time zone.
        summary: what happened, for statements.
        entries: they sum to zero; those of zero are left out.
    """

    key: str
    company: Company
    client_id: int
    day: date
    summary: Text
    entries: Sequence[Entry]


def post(
    *,
    key: str,
    company: Company,
    client_id: int,
    day: date,
    summary: Text,
    entries: Sequence[Entry],
) -> None:
    """Post a transaction; requires a transaction of the database. See `Fact` for the arguments.

    Raises:
        ValueError: the entries do not sum to zero.
        IntegrityError: the key was posted already.
    """
    post_all([Fact(key, company, client_id, day, summary, entries)])


def post_all(facts: Sequence[Fact]) -> list[int]:
    """Post transactions in order; requires a transaction of the database.

    Returns:
        The ids of the postings, in the same order.

    Raises:
        ValueError: the entries of one do not sum to zero.
        IntegrityError: the key of one was posted already.
    """
    for fact in facts:
        check_balanced(fact.entries)
    postings = [
        {
            "key": fact.key,
            "company_id": fact.company.id,
            "client_id": fact.client_id,
            "day": fact.day,
            "summary": fact.summary,
        }
        for fact in facts
    ]
    ids = insert_all(Posting, postings, "key")
    entries = [
        {
            "posting_id": posting_id,
            "account": entry.account,
            "client_id": fact.client_id,
            "document_id": entry.document_id,
            "gateway": entry.gateway,
            "currency": entry.amount.currency,
            "minor": entry.amount.minor,
        }
        for posting_id, fact in zip(ids, facts, strict=True)
        for entry in fact.entries
        if entry.amount
    ]
    insert_all(LedgerEntry, entries)
    return ids


def credit(client: Client, company: Company, currency: str = "") -> Money:
    """Return the credit of a client at a company: what was paid to it and not used.

    Args:
        client: the client.
        company: the company; the money of another one is not its own.
        currency: the client's unless given.

    Returns:
        The credit; negative amounts are debts.
    """
    code = currency or client.currency
    query = (
        sa.select(sa.func.coalesce(sa.func.sum(LedgerEntry.minor), 0))
        .join(Posting, Posting.id == LedgerEntry.posting_id)
        .where(
            LedgerEntry.client_id == client.id,
            LedgerEntry.account == Account.CREDIT,
            LedgerEntry.currency == code,
            Posting.company_id == company.id,
        )
    )
    return Money(-int(session().scalar(query) or 0), code)


def clients_with_credit(client_ids: Collection[int]) -> set[tuple[int, int, str]]:
    """Return which clients have credit, with the ids of the companies and the currencies."""
    keys = (LedgerEntry.client_id, Posting.company_id, LedgerEntry.currency)
    query = (
        sa.select(*keys)
        .join(Posting, Posting.id == LedgerEntry.posting_id)
        .where(LedgerEntry.client_id.in_(client_ids), LedgerEntry.account == Account.CREDIT)
        .group_by(*keys)
        .having(sa.func.sum(LedgerEntry.minor) < 0)
    )
    return {
        (client_id, company_id, code) for client_id, company_id, code in session().execute(query)
    }


def credits_of(client: Client) -> list[tuple[Company, Money]]:
    """Return the credit of a client at each company in each currency, where there is any."""
    minor = sa.func.sum(LedgerEntry.minor)
    query = (
        sa.select(Company, LedgerEntry.currency, minor)
        .join(Posting, Posting.id == LedgerEntry.posting_id)
        .join(Company, Company.id == Posting.company_id)
        .where(LedgerEntry.client_id == client.id, LedgerEntry.account == Account.CREDIT)
        .group_by(Company.id, LedgerEntry.currency)
        .having(minor != 0)
        .order_by(Company.id, LedgerEntry.currency)
    )
    return [(row[0], Money(-int(row[2]), row[1])) for row in session().execute(query)]
