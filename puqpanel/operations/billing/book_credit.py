"""Check the credit of clients, and the payments and refunds of which it is the sum."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from puqpanel.domain.ledger import Account
from puqpanel.domain.texts import _
from puqpanel.infra.db import session
from puqpanel.models import Audit, Client, Company, LedgerEntry, Payment, Posting, PrepaidTotal
from puqpanel.operations.billing.book_problems import REFUND, TRANSFER, Problem, amount
from puqpanel.operations.billing.payments import SUCCEEDED


def overdrawn() -> Iterator[Problem]:
    """Find clients with a negative credit balance at a company.

    Prepaid services that ran while nothing was processed may have used more than there was; their
    statement asks for the rest.
    """
    keys = (LedgerEntry.client_id, Posting.company_id, LedgerEntry.currency)
    sums = (  # MariaDB does not find the columns of groups in a subquery of HAVING
        sa.select(*keys, sa.func.sum(LedgerEntry.minor).label("minor"))
        .join(Posting, Posting.id == LedgerEntry.posting_id)
        .where(LedgerEntry.account == Account.CREDIT)
        .group_by(*keys)
        .having(sa.func.sum(LedgerEntry.minor) > 0)
        .subquery()
    )
    prepaid = (
        sa.select(sa.func.coalesce(sa.func.sum(PrepaidTotal.debited_minor), 0))
        .where(
            PrepaidTotal.live.is_(True),
            PrepaidTotal.client_id == sums.c.client_id,
            PrepaidTotal.company_id == sums.c.company_id,
            PrepaidTotal.currency == sums.c.currency,
        )
        .scalar_subquery()
    )
    query = (
        sa.select(Client.name, Company.name, sums.c.currency, sums.c.minor)
        .join(Client, Client.id == sums.c.client_id)
        .join(Company, Company.id == sums.c.company_id)
        .where(sums.c.minor > prepaid)
    )
    for client, company, currency, missing in session().execute(query):
        text = _(
            "Negative credit balance at %(company)s: %(balance)s.",
            company=company,
            balance=amount(-missing, currency),
        )
        yield Problem(client, text)


def transferred() -> Iterator[Problem]:
    """Find clients whose transfers of credit between companies do not sum to zero."""
    minor = sa.func.sum(LedgerEntry.minor)
    query = (
        sa.select(Client.name, LedgerEntry.currency, minor)
        .join(Posting, Posting.id == LedgerEntry.posting_id)
        .join(Client, Client.id == LedgerEntry.client_id)
        .where(
            Posting.key.startswith(TRANSFER, autoescape=True), LedgerEntry.account == Account.CREDIT
        )
        .group_by(Client.id, Client.name, LedgerEntry.currency)
        .having(minor != 0)
    )
    for client, currency, rest in session().execute(query):
        text = _(
            "Transfers of credit between companies sum to %(sum)s.", sum=amount(-rest, currency)
        )
        yield Problem(client, text)


def unrecorded() -> Iterator[Problem]:
    """Find clients with other numbers of payments or refunds than the activity log has."""
    payments = sa.select(Payment.client_id).where(Payment.status == SUCCEEDED)
    refunds = sa.select(Posting.client_id).where(Posting.key.startswith(REFUND, autoescape=True))
    for text, action, rows in (
        (
            _("%(count)s payments are in the books, but %(logged)s in the activity log."),
            "payment.recorded",
            payments,
        ),
        (
            _("%(count)s refunds of credit are in the books, but %(logged)s in the activity log."),
            "payment.credit_refunded",
            refunds,
        ),
    ):
        counted = _counted(rows.subquery().c.client_id)
        logged = _counted(
            sa.select(Client.id)
            .join(Audit, Audit.subject_uuid == Client.uuid)
            .where(Audit.action == action, Audit.subject_type == "client")
            .subquery()
            .c.id
        )
        in_books, in_log = (sa.func.coalesce(each.c.number, 0) for each in (counted, logged))
        query = (
            sa.select(Client.name, in_books, in_log)
            .outerjoin(counted, counted.c.client_id == Client.id)
            .outerjoin(logged, logged.c.client_id == Client.id)
            .where(in_books != in_log)
        )
        for client, count, log in session().execute(query):
            yield Problem(client, text % {"count": count, "logged": log})


def _counted(client_id: sa.ColumnElement[int]) -> sa.Subquery:
    query = sa.select(client_id.label("client_id"), sa.func.count().label("number"))
    return query.group_by(client_id).subquery()
