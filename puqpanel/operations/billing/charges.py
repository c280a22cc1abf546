"""Charges: claim the periods that invoices pay for, each once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from puqpanel.domain.charges import ChargeKind
from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.errors import ConflictError, UserError
from puqpanel.domain.texts import _
from puqpanel.infra.db import is_taken, session
from puqpanel.infra.inserts import insert_all
from puqpanel.models import Charge, Document, DocumentLineRow
from puqpanel.operations.billing.plain_documents import PlainDocument, PlainRow

LISTED = 1000
"""Services in one list of a query."""
AnyDocument = Document | PlainDocument
AnyLine = DocumentLineRow | PlainRow
Period = tuple[int, str, date, str]
"""Service, kind, first day and change: what is charged only once."""


def claimable(
    documents: Sequence[AnyDocument], days: Mapping[int, date]
) -> tuple[list[AnyDocument], list[tuple[AnyDocument, UserError]]]:
    """Divide documents into those that can be issued, and those that charge a period again.

    Args:
        documents: in the order of issue; of two that charge the same period, the first one can.
        days: of issue, by company.

    Returns:
        Both, the second with the reasons.
    """
    free: list[AnyDocument] = []
    refused: list[tuple[AnyDocument, UserError]] = []
    periods = {each.uuid: _periods(each, days[each.company_id]) for each in documents}
    claimed = _claimed([period for found in periods.values() for period in found])
    for document in documents:
        found = periods[document.uuid]
        again = next((rows for period, rows in found.items() if period in claimed), None)
        if again is not None:
            refused.append((document, _charged_already(again)))
            continue
        claimed.update(found)
        free.append(document)
    return free, refused


def claim(invoices: Sequence[AnyDocument]) -> None:
    """Write the charges of issued invoices.

    Raises:
        ConflictError: another transaction charged one of the periods meanwhile.
    """
    first: list[AnyLine] = []
    charges: list[dict[str, Any]] = []
    for invoice in invoices:
        assert invoice.issued_on is not None
        for period, rows in _periods(invoice, invoice.issued_on).items():
            service_id, kind, start, change = period
            charges.append(
                {
                    "service_id": service_id,
                    "document_id": invoice.id,
                    "kind": kind,
                    "period_start": start,
                    "period_end": rows[0].period_end,
                    "change_uuid": change,
                    "currency": invoice.currency,
                    "amount_minor": sum(row.amount_minor for row in rows),
                }
            )
            first = first or rows
    try:
        insert_all(Charge, charges)
    except IntegrityError as error:
        if not is_taken(error):
            raise
        raise _charged_already(first) from error


def _periods(document: AnyDocument, day: date) -> dict[Period, list[AnyLine]]:
    """Return the lines of an invoice by what they charge.

    Proformas charge nothing, and the debits that a statement of prepaid services lists were charged
    before.
    """
    if document.kind != DocumentKind.INVOICE:
        return {}
    grouped: dict[Period, list[AnyLine]] = {}
    for row in document.lines:
        if row.service_id is not None and row.kind not in ("", ChargeKind.USAGE):
            change = row.explanation.get("change", "")
            period = row.service_id, row.kind, row.period_start or day, change
            grouped.setdefault(period, []).append(row)
    return grouped


def _claimed(periods: Sequence[Period]) -> set[Period]:
    """Return which of some periods were charged."""
    services = sorted({period[0] for period in periods})
    claimed: set[Period] = set()
    for at in range(0, len(services), LISTED):
        query = sa.select(
            Charge.service_id, Charge.kind, Charge.period_start, Charge.change_uuid
        ).where(
            Charge.service_id.in_(services[at : at + LISTED]),
            Charge.period_start >= min(period[2] for period in periods),
            Charge.live.is_(True),
        )
        claimed.update(map(tuple, session().execute(query)))  # type: ignore[arg-type]
    return claimed


def _charged_already(rows: Sequence[AnyLine]) -> ConflictError:
    return ConflictError(
        _(
            "“%(description)s” has already been charged for this period.",
            description=rows[0].description,
        )
    )
