"""Statements of clients at a company, read from the ledger: receivables and credit, by posting.

Whatever moves between the two, such as credit that pays an invoice, changes nothing that the client
owes, and is no row of a statement.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

import sqlalchemy as sa
import structlog

from puqpanel.domain.errors import ConflictError, InvalidInput
from puqpanel.domain.ledger import Account
from puqpanel.domain.money import Money
from puqpanel.domain.permissions import CLIENT_BILLING_VIEW, DOCUMENTS_VIEW
from puqpanel.domain.principals import Principal, PrincipalKind
from puqpanel.domain.spreadsheet import csv_line
from puqpanel.domain.statements import Statement, StatementRow
from puqpanel.domain.texts import _
from puqpanel.infra.db import session
from puqpanel.models import Client, Company, Document, LedgerEntry, Posting
from puqpanel.operations.accounts.clients import find_client
from puqpanel.operations.billing.companies import company_for, find_company
from puqpanel.operations.billing.ledger import today
from puqpanel.operations.billing.logos import logo_of

log = structlog.get_logger(__name__)
MAX_ROWS = 2000
ACCOUNTS = (Account.RECEIVABLE, Account.CREDIT)
"""The accounts whose sum is what a client owes."""
COLUMNS = ("day", "text", "document", "amount", "balance", "currency")
TOO_LONG = _("There are more than %(limit)s entries. Choose a shorter period.", limit=MAX_ROWS)


def client_of(actor: Principal, client_uuid: str = "") -> Client:
    """Return the client whose statement the actor may read.

    Args:
        actor: staff, or a user, who gets the current client.
        client_uuid: of staff: the client.

    Raises:
        NotFoundError: the client does not exist.
    """
    if actor.kind is PrincipalKind.USER:
        actor.require_own(CLIENT_BILLING_VIEW)
        assert actor.client is not None
        return find_client(actor.client.uuid)
    actor.require(DOCUMENTS_VIEW)
    return find_client(client_uuid)


def first_days(client: Client) -> tuple[date, date]:
    """Return the days of a statement unless others are chosen: this year until today."""
    day = today(company_for(client))
    return day.replace(month=1, day=1), day


def currencies_of(client: Client) -> list[str]:
    """Return the currencies in which a client has entries, its own first."""
    query = sa.select(LedgerEntry.currency).where(
        LedgerEntry.client_id == client.id, LedgerEntry.account.in_(ACCOUNTS)
    )
    found = set(session().scalars(query.distinct())) - {client.currency}
    return [client.currency, *sorted(found)]


def companies_of(client: Client) -> list[Company]:
    """Return the companies with entries of a client, the one that sells to it first."""
    first = company_for(client)
    posted = sa.select(Posting.company_id).where(Posting.client_id == client.id)
    query = sa.select(Company).where(Company.id.in_(posted), Company.id != first.id)
    return [first, *session().scalars(query.order_by(Company.name, Company.id))]


def statement(
    *,
    actor: Principal,
    client_uuid: str = "",
    start: date,
    end: date,
    currency: str = "",
    company_uuid: str = "",
) -> Statement:
    """Return the statement of a client over some days.

    Args:
        actor: staff, or a user of the client.
        client_uuid: of staff: the client.
        start: the first day.
        end: the last day.
        currency: the client's unless given.
        company_uuid: whose books; those of the company that sells to the client unless given.

    Raises:
        InvalidInput: the days are in the wrong order, there are too many entries, or the client has
            nothing in the currency.
        NoCompanyError: there is no company.
    """
    client = client_of(actor, client_uuid)
    code = currency or client.currency
    if start > end:
        raise InvalidInput({"end": [_("Enter a date on or after the start date.")]})
    if code not in currencies_of(client):
        raise InvalidInput({"currency": [_("Select an option from the list.")]})
    company = find_company(company_uuid) if company_uuid else company_for(client)
    ours = Posting.company_id == company.id
    opening = _balance(client, code, sa.and_(ours, Posting.day < start))
    rows = tuple(_rows(client, code, sa.and_(ours, Posting.day.between(start, end)), opening))
    until = sa.and_(ours, Posting.day <= end)
    return Statement(
        seller=company.party,
        buyer=client.party,
        start=start,
        end=end,
        opening=opening,
        rows=rows,
        closing=rows[-1].balance if rows else opening,
        unpaid=_balance(client, code, until, (Account.RECEIVABLE,)),
        credit=-_balance(client, code, until, (Account.CREDIT,)),
    )


def statement_pdf(client: Client, written: Statement, company_uuid: str = "") -> bytes:
    """Return a statement as PDF, in the client's language, with the logo of the company.

    Raises:
        ConflictError: it can't be made within the limits.
    """
    # slow to import
    from puqpanel.infra.documents.compiler import TemplateError
    from puqpanel.infra.documents.statement import render_statement

    company = find_company(company_uuid) if company_uuid else company_for(client)
    try:
        return render_statement(written, client.language or "en", logo_of(company))
    except TemplateError as error:
        log.warning("statement can't be made", client=client.uuid, error=error)
        raise ConflictError(_("The statement takes too long. Choose a shorter period.")) from error


def statement_csv(written: Statement) -> Iterator[str]:
    """Yield a statement as CSV: the opening balance, its rows, and the closing balance."""
    currency = written.opening.currency
    yield csv_line(COLUMNS)
    opening, closing = _("Opening balance"), _("Closing balance")
    yield csv_line((written.start, opening, "", "", written.opening.major, currency))
    for row in written.rows:
        amounts = row.amount.major, row.balance.major
        yield csv_line((row.day, row.text, row.document, *amounts, currency))
    yield csv_line((written.end, closing, "", "", written.closing.major, currency))


def _balance(
    client: Client,
    currency: str,
    where: sa.ColumnElement[bool],
    accounts: Sequence[Account] = ACCOUNTS,
) -> Money:
    """Return the sum of accounts of a client over some postings."""
    query = (
        sa.select(sa.func.coalesce(sa.func.sum(LedgerEntry.minor), 0))
        .join(Posting, Posting.id == LedgerEntry.posting_id)
        .where(
            LedgerEntry.client_id == client.id,
            LedgerEntry.account.in_(accounts),
            LedgerEntry.currency == currency,
            where,
        )
    )
    return Money(int(session().scalar(query) or 0), currency)


def _rows(
    client: Client, currency: str, where: sa.ColumnElement[bool], opening: Money
) -> Iterator[StatementRow]:
    amount = sa.func.sum(LedgerEntry.minor)
    postings = (
        sa.select(
            Posting.id,
            amount.label("minor"),
            sa.func.max(LedgerEntry.document_id).label("document_id"),
        )
        .join(LedgerEntry, LedgerEntry.posting_id == Posting.id)
        .where(
            Posting.client_id == client.id,
            where,
            LedgerEntry.account.in_(ACCOUNTS),
            LedgerEntry.currency == currency,
        )
        .group_by(Posting.id)
        .having(amount != 0)
        .subquery()
    )
    query = (
        sa.select(Posting.day, Posting.summary, postings.c.minor, Document.number, Document.uuid)
        .join(postings, postings.c.id == Posting.id)
        .outerjoin(Document, Document.id == postings.c.document_id)
        .order_by(Posting.day, Posting.id)
        .limit(MAX_ROWS + 1)
    )
    balance = opening
    for count, row in enumerate(session().execute(query), 1):
        if count > MAX_ROWS:
            raise InvalidInput({"end": [TOO_LONG]})
        change = Money(int(row.minor), currency)
        balance += change
        yield StatementRow(row.day, row.summary, row.number or "", row.uuid or "", change, balance)
