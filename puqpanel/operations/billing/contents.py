"""The content of a document as data, from its rows: for PDF, XML and the digest."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from puqpanel.domain.documents import (
    BankAccount,
    DocumentData,
    DocumentKind,
    DocumentLine,
    Party,
)
from puqpanel.domain.money import Money
from puqpanel.domain.periods import Span
from puqpanel.domain.tax import GroupTotal, PriceEntry
from puqpanel.models import Document, DocumentLineRow
from puqpanel.operations.billing import converted_taxes
from puqpanel.operations.billing.ledger import today
from puqpanel.operations.billing.lines import product, total_of
from puqpanel.operations.billing.plain_documents import PlainDocument, PlainRow

NET_PLACES = 10
"""Decimals of a net unit price that was computed, such as from a gross one."""


def content(document: Document | PlainDocument) -> DocumentData:
    """Return what a document says. A draft says what it would if it were issued today."""
    company, client = document.company, document.client
    totals = tuple(total_of(row, document.currency) for row in document.taxes)
    corrects = document.corrects
    issued_on = document.issued_on or today(company)
    prepaid = document.prepaid_minor
    return DocumentData(
        kind=DocumentKind(document.kind),
        number=document.number or "",
        currency=document.currency,
        language=document.language,
        issued_on=issued_on,
        supplied_on=document.supplied_on or issued_on,
        due_on=document.due_on,
        seller=Party(**document.seller) if document.seller else company.party,
        buyer=Party(**document.buyer) if document.buyer else client.party,
        bank=BankAccount(**document.bank) if document.bank else company.bank_account,
        lines=tuple(_line(row, document, totals) for row in document.lines),
        totals=totals,
        reference=document.reference,
        notes=tuple(note for note in document.notes.split("\n") if note.strip()),
        corrects=_reference(corrects) if corrects is not None else None,
        reason=document.reason,
        prepaid=Money(prepaid, document.currency) if prepaid else None,
        converted_tax=converted_taxes.stated(document.converted_tax),
    )


def _reference(invoice: Document) -> tuple[str, date]:
    assert invoice.number is not None
    assert invoice.issued_on is not None
    return invoice.number, invoice.issued_on


def _line(
    row: DocumentLineRow | PlainRow,
    document: Document | PlainDocument,
    totals: Sequence[GroupTotal],
) -> DocumentLine:
    net = Money(row.net_minor, document.currency)
    is_net = document.entry == PriceEntry.NET
    is_entered = is_net and product(row.unit_price, row.quantity, document.currency) == net
    period = None
    if row.period_start and row.period_end:
        period = Span(row.period_start, row.period_end)
    return DocumentLine(
        description=row.description,
        quantity=row.quantity,
        unit_price=row.unit_price if is_entered else net_price(net, row.quantity),
        net=net,
        group=totals[row.tax_position].group,
        details=row.details,
        period=period,
    )


def net_price(net: Money, quantity: Decimal) -> Decimal:
    """Return the price of a unit without tax, of a line with this net amount."""
    return round(net.major / quantity, NET_PLACES)
