"""Compare the lines of invoices that pay for services with the charges of these services."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from puqpanel.domain.charges import ChargeKind
from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.texts import Text, _
from puqpanel.infra.db import session
from puqpanel.models import Charge, Document, DocumentLineRow, Service
from puqpanel.operations.billing.book_problems import (
    ISSUED,
    Problem,
    amount,
    of_documents,
    problem,
)

_ZERO, _ONE = (sa.literal(each, sa.BigInteger) for each in (0, 1))
_NO_DAY = sa.cast(sa.null(), sa.Date)
_NO_CODE = sa.cast(sa.null(), sa.String)


def differences() -> Iterator[Problem]:
    """Find documents whose lines for a service and its charges differ in amount or days.

    Several lines can be one charge and one line several charges, so their sums are compared, and
    the days from the first to the last. Lines of one charge can end on different days.
    """
    rows = _lines_and_charges()
    each = rows.c
    same_end = each.first_line_end.is_not_distinct_from(each.line_end)
    other_days = sa.or_(
        each.charge_start != each.line_start,
        each.charge_end > each.line_end,
        sa.and_(same_end, each.charge_end.is_distinct_from(each.line_end)),
    ).label("other_days")
    query = (
        of_documents(Document.currency, Service.name.label("service"), rows, other_days)
        .join(rows, rows.c.document_id == Document.id)
        .join(Service, Service.id == rows.c.service_id)
        .where(
            sa.or_(
                each.lines == 0,
                each.charges == 0,
                each.lined != each.charged,
                each.charged_in != Document.currency,
                other_days,
            )
        )
    )
    for row in session().execute(query):
        yield problem(row[0], row[1], _difference(row))


def _difference(row: Any) -> Text:
    if not row.lines:
        return _("“%(name)s” is charged, but is on none of its lines.", name=row.service)
    if not row.charges:
        return _("“%(name)s” has no charge for its period.", name=row.service)
    if row.lined != row.charged or row.charged_in != row.currency:
        return _(
            "“%(name)s” is %(lined)s on its lines, but %(charged)s was charged.",
            name=row.service,
            lined=amount(row.lined, row.currency),
            charged=amount(row.charged, row.charged_in),
        )
    return _("“%(name)s” is charged for other days than those of its lines.", name=row.service)


def _lines_and_charges() -> sa.Subquery:
    """Return the sums of lines and of charges, by document, service and kind."""
    each = sa.union_all(_lines(), _charges()).subquery().c
    return (
        sa.select(
            each.document_id,
            each.service_id,
            each.kind,
            *(
                sa.func.sum(column).label(column.name)
                for column in (each.lines, each.charges, each.lined, each.charged)
            ),
            sa.func.max(each.charged_in).label("charged_in"),
            sa.func.min(each.line_start).label("line_start"),
            sa.func.min(each.line_end).label("first_line_end"),
            sa.func.max(each.line_end).label("line_end"),
            sa.func.min(each.charge_start).label("charge_start"),
            sa.func.max(each.charge_end).label("charge_end"),
        )
        .group_by(each.document_id, each.service_id, each.kind)
        .subquery()
    )


def _lines() -> sa.Select[*tuple[Any, ...]]:
    line = DocumentLineRow
    return (
        sa.select(
            line.document_id,
            line.service_id,
            line.kind,
            _ONE.label("lines"),
            _ZERO.label("charges"),
            line.amount_minor.label("lined"),
            _ZERO.label("charged"),
            _NO_CODE.label("charged_in"),
            sa.func.coalesce(line.period_start, Document.issued_on).label("line_start"),
            line.period_end.label("line_end"),
            _NO_DAY.label("charge_start"),
            _NO_DAY.label("charge_end"),
        )
        .join(Document, Document.id == line.document_id)
        .where(
            Document.kind == DocumentKind.INVOICE,
            ISSUED,
            line.service_id.is_not(None),
            line.kind.not_in(("", ChargeKind.USAGE)),
        )
    )


def _charges() -> sa.Select[*tuple[Any, ...]]:
    """Return charges in the columns of `_lines`."""
    return sa.select(
        Charge.document_id,
        Charge.service_id,
        Charge.kind,
        _ZERO,
        _ONE,
        _ZERO,
        Charge.amount_minor,
        Charge.currency,
        _NO_DAY,
        _NO_DAY,
        Charge.period_start,
        Charge.period_end,
    )


def reversals() -> Iterator[Problem]:
    """Find charges that were reversed although no credit note corrects their document."""
    note = aliased(Document)
    corrected = sa.exists().where(note.corrects_id == Document.id, note.sequence.is_not(None))
    query = (
        of_documents(Service.name)
        .join(Charge, Charge.document_id == Document.id)
        .join(Service, Service.id == Charge.service_id)
        .where(Charge.live.is_(None), ~corrected)
    )
    for name, client, service in session().execute(query):
        text = _("The charge of “%(name)s” was reversed without a credit note.", name=service)
        yield problem(name, client, text)
