"""The ledger: post a transaction once, and read the credit of clients."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from puqpanel.domain.ledger import Account, Entry, check_balanced
from puqpanel.domain.money import Money
from puqpanel.domain.texts import Text
from puqpanel.infra.clock import now
from puqpanel.infra.db import find, save, session
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


def post(
    *,
    key: str,
    company: Company,
    client_id: int,
    day: date,
    summary: Text,
    entries: Sequence[Entry],
) -> Posting:
    """Post a transaction; requires a transaction of the database.

    Args:
        key: unique, so that a fact is posted once.
        company: whose books.
        client_id: the client.
        day: in the company's time zone.
        summary: what happened, for statements.
        entries: they sum to zero; those of zero are left out.

    Raises:
        ValueError: the entries do not sum to zero.
        IntegrityError: the key was posted already.
    """
    check_balanced(entries)
    posting = save(
        Posting(key=key, company_id=company.id, client_id=client_id, day=day, summary=summary)
    )
    session().add_all(
        LedgerEntry(
            posting_id=posting.id,
            account=entry.account,
            client_id=client_id,
            document_id=entry.document_id,
            gateway=entry.gateway,
            currency=entry.amount.currency,
            minor=entry.amount.minor,
        )
        for entry in entries
        if entry.amount
    )
    session().flush()
    return posting


def credit(client: Client, currency: str = "") -> Money:
    """Return the credit of a client: what was paid and not used. Negative amounts are debts.

    Args:
        client: the client.
        currency: the client's unless given.
    """
    code = currency or client.currency
    query = sa.select(sa.func.coalesce(sa.func.sum(LedgerEntry.minor), 0)).where(
        LedgerEntry.client_id == client.id,
        LedgerEntry.account == Account.CREDIT,
        LedgerEntry.currency == code,
    )
    return Money(-int(session().scalar(query) or 0), code)
