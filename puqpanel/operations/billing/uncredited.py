"""What earlier credit notes left to credit of an invoice: of each line, and of each tax group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

import sqlalchemy as sa

from puqpanel.domain.document_states import DocumentStatus
from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.errors import ConflictError
from puqpanel.domain.money import Money
from puqpanel.domain.tax import GroupTotal, scaled_to
from puqpanel.domain.texts import _
from puqpanel.infra.db import session
from puqpanel.models import Document
from puqpanel.operations.billing.lines import total_of


def credit_notes_of(invoice: Document) -> Sequence[Document]:
    """Return the credit notes of an invoice, the earliest first."""
    query = sa.select(Document).where(Document.corrects_id == invoice.id).order_by(Document.id)
    return session().scalars(query).all()


def check_creditable(invoice: Document) -> None:
    """Check that something of a document can be credited.

    Raises:
        ConflictError: it is not an issued invoice, or nothing is left to credit.
    """
    so_far(invoice)


def so_far(
    invoice: Document,
) -> tuple[Sequence[Document], list[GroupTotal], list[GroupTotal]]:
    """Return the credit notes of an invoice, its tax groups, and how much of each was credited.

    Raises:
        ConflictError: see `check_creditable`.
    """
    if invoice.kind != DocumentKind.INVOICE or invoice.status == DocumentStatus.DRAFT:
        raise ConflictError(_("Only issued invoices can be credited."))
    whole = [total_of(row, invoice.currency) for row in invoice.taxes]
    if not any(each.gross for each in whole):
        raise ConflictError(_("Nothing was charged on this invoice, so nothing can be credited."))
    earlier = credit_notes_of(invoice)
    credited = [_credited(each, at, earlier) for at, each in enumerate(whole)]
    if not any(each.gross - done.gross for each, done in zip(whole, credited, strict=True)):
        raise ConflictError(_("This invoice has already been credited in full."))
    return earlier, whole, credited


def creditable(invoice: Document) -> Mapping[int, Money]:
    """Return what is left to credit of each line, without tax, by its position."""
    return left_of(invoice, credit_notes_of(invoice))


def left_of(invoice: Document, earlier: Sequence[Document]) -> dict[int, Money]:
    """Return what is left of each line.

    An amount reduces the lines of its tax group in proportion, discounts included, so that nothing
    is left of any line once nothing is left of the group.
    """
    left = {row.position: row.net_minor for row in invoice.lines}
    groups = {row.position: row.tax_position for row in invoice.lines}
    for note in earlier:
        for row in note.lines:
            place = row.explanation.get("line")
            if place is not None:
                left[place] -= row.net_minor
                continue
            inside = [each for each, at in groups.items() if at == row.explanation["group"]]
            if rest := sum(left[each] for each in inside):
                share = Fraction(row.net_minor, rest)
                taken = scaled_to([left[each] for each in inside], share, row.net_minor)
                for each, minor in zip(inside, taken, strict=True):
                    left[each] -= minor
    return {position: Money(minor, invoice.currency) for position, minor in left.items()}


def _credited(whole: GroupTotal, position: int, notes: Sequence[Document]) -> GroupTotal:
    """Return what earlier credit notes took of a tax group."""
    zero = Money.zero(whole.net.currency)
    net, taxes = zero, [zero for _ in whole.taxes]
    for note in notes:
        for row in note.taxes:
            found = total_of(row, note.currency)
            if _group_of(note, row.position) == position:
                net += found.net
                taxes = [a + b for a, b in zip(taxes, found.taxes, strict=True)]
    return GroupTotal(whole.group, net, tuple(taxes))


def _group_of(note: Document, position: int) -> int:
    """Return which tax group of the invoice a tax group of a credit note corrects."""
    row = next(row for row in note.lines if row.tax_position == position)
    return int(row.explanation["group"])
