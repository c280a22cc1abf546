"""Credit notes: correct an invoice as a whole, by lines, or by an amount.

In however many pieces an invoice is credited, the credit notes sum to it exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from uuid import UUID, uuid5

import sqlalchemy as sa

from puqpanel.domain.document_states import OPEN, DocumentStatus, status_after
from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.errors import InvalidInput
from puqpanel.domain.ledger import Account, Entry
from puqpanel.domain.money import Money
from puqpanel.domain.permissions import DOCUMENTS_ISSUE
from puqpanel.domain.principals import Principal
from puqpanel.domain.tax import (
    GroupTotal,
    PriceEntry,
    part_with_tax,
    remaining_tax,
    scaled_to,
)
from puqpanel.domain.texts import SOURCE, _
from puqpanel.domain.xml_text import xml_text
from puqpanel.infra import catalogs
from puqpanel.infra.db import retry_deadlocks, save, session, transaction
from puqpanel.infra.events import raise_event
from puqpanel.models import Charge, Document, DocumentLineRow
from puqpanel.models.columns import new_uuid
from puqpanel.operations.billing import ledger
from puqpanel.operations.billing.contents import net_price
from puqpanel.operations.billing.documents import find_document, lock_document
from puqpanel.operations.billing.lines import tax_rows
from puqpanel.operations.billing.sealing import seal
from puqpanel.operations.billing.uncredited import credit_notes_of, left_of, so_far


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an invoice that is credited.

    Args:
        row: the line of the invoice; None if an amount is credited.
        position: the tax group.
        net: without tax.
        taxes: of an amount with tax; None to compute them from the net amounts of the group.
    """

    row: DocumentLineRow | None
    position: int
    net: Money
    taxes: tuple[Money, ...] | None = None


@retry_deadlocks
@transaction()
def credit(
    *,
    actor: Principal,
    uuid: str,
    reason: str,
    lines: Mapping[int, Money] | None = None,
    amount: Money | None = None,
    token: str = "",
) -> Document:
    """Issue a credit note for an invoice: for all that is left of it, unless a part is given.

    What was not paid yet is no longer owed; the rest becomes credit of the client.

    Args:
        actor: who issues it.
        uuid: the invoice.
        reason: printed on the credit note; required.
        lines: net amounts to credit, by the position of the line.
        amount: an amount with tax to credit, taken from all tax groups in proportion.
        token: of the form, so that a form that is sent twice issues one credit note.

    Returns:
        The credit note; the earlier one for a token of this invoice that was used before.

    Raises:
        ConflictError: it is not an issued invoice, or nothing is left to credit.
        InvalidInput: no reason is given, or more would be credited than is left.
    """
    actor.require(DOCUMENTS_ISSUE)
    reason = xml_text(reason)
    if not reason:
        raise InvalidInput({"reason": [_("Enter a reason. It is printed on the credit note.")]})
    client = ledger.lock_client(find_document(uuid).client_id)
    invoice = lock_document(uuid)
    key = str(uuid5(UUID(invoice.uuid), token)) if token else new_uuid()
    query = sa.select(Document).where(Document.uuid == key)
    if (known := session().scalar(query)) is not None:
        return known
    earlier, whole, credited = so_far(invoice)
    rest = invoice.total - Money.total((done.gross for done in credited), invoice.currency)
    if lines is not None:
        pieces = _by_lines(invoice, lines, earlier)
    elif amount is not None:
        if not 0 < amount.minor <= rest.minor:
            text = _("Enter an amount greater than 0 and at most %(rest)s.", rest=rest)
            raise InvalidInput({"amount": [text]})
        pieces = _by_amount(whole, credited, amount, rest)
    else:
        pieces = _rest(invoice, earlier, whole, credited)
    note = Document(
        uuid=key,
        company_id=invoice.company_id,
        client_id=invoice.client_id,
        company=invoice.company,
        client=client,
        kind=DocumentKind.CREDIT_NOTE,
        currency=invoice.currency,
        language=invoice.language,
        entry=PriceEntry.NET,
        reference=invoice.reference,
        buyer=invoice.buyer,
        reason=reason,
        corrects_id=invoice.id,
        corrects=invoice,
    )
    _fill(note, pieces, whole, credited)
    if lines is not None and not 0 < note.total.minor <= rest.minor:
        raise _too_much(note.total, rest)
    save(note)
    seal(actor, note)
    _settle(invoice, note)
    _reverse_charges(invoice, earlier, note)
    payload = {"invoice_uuid": invoice.uuid, "client_uuid": client.uuid}
    raise_event("invoice.refunded", payload)
    return note


def _by_lines(
    invoice: Document, lines: Mapping[int, Money], earlier: Sequence[Document]
) -> list[Piece]:
    left = left_of(invoice, earlier)
    pieces: list[Piece] = []
    for row in invoice.lines:
        net = lines.get(row.position)
        if net is None or not net:
            continue
        rest = left[row.position]
        if (net.minor > 0) != (rest.minor > 0) or abs(net.minor) > abs(rest.minor):
            text = _(
                "Line %(number)s: at most %(rest)s can still be credited.",
                number=row.position + 1,
                rest=rest,
            )
            raise InvalidInput({"lines": [text]})
        pieces.append(Piece(row, row.tax_position, net))
    if not pieces:
        raise InvalidInput({"lines": [_("Choose at least one line to credit.")]})
    _check_groups(invoice, pieces, left)
    return pieces


def _check_groups(invoice: Document, pieces: Sequence[Piece], left: Mapping[int, Money]) -> None:
    """Check that each tax group is credited by a part of what is left of it, or all of it.

    Raises:
        InvalidInput: it is not, for example because a discount is left out.
    """
    for position in {piece.position for piece in pieces}:
        net = sum(piece.net.minor for piece in pieces if piece.position == position)
        rows = [row.position for row in invoice.lines if row.tax_position == position]
        rest = Money(sum(left[at].minor for at in rows), invoice.currency)
        if not (0 < net <= rest.minor or rest.minor <= net < 0):
            raise _too_much(Money(net, invoice.currency), rest)


def _too_much(selected: Money, rest: Money) -> InvalidInput:
    text = _(
        "The selected lines total %(selected)s, but only %(rest)s is left. Also select their"
        " discounts, or enter an amount.",
        selected=selected,
        rest=rest,
    )
    return InvalidInput({"lines": [text]})


def _by_amount(
    whole: Sequence[GroupTotal], credited: Sequence[GroupTotal], amount: Money, rest: Money
) -> list[Piece]:
    rests = [each.gross - done.gross for each, done in zip(whole, credited, strict=True)]
    part = Fraction(amount.minor, rest.minor)
    shares = scaled_to([each.minor for each in rests], part, amount.minor)
    totals = [
        part_with_tax(Money(share, amount.currency), credited[at], whole[at]) if share else None
        for at, share in enumerate(shares)
    ]
    return [Piece(None, at, each.net, each.taxes) for at, each in enumerate(totals) if each]


def _rest(
    invoice: Document,
    earlier: Sequence[Document],
    whole: Sequence[GroupTotal],
    credited: Sequence[GroupTotal],
) -> list[Piece]:
    left = left_of(invoice, earlier)
    pieces = [
        Piece(row, row.tax_position, left[row.position])
        for row in invoice.lines
        if left[row.position]
    ]
    lines_of = {piece.position for piece in pieces}
    for at, (each, done) in enumerate(zip(whole, credited, strict=True)):
        if at not in lines_of and each.gross != done.gross:  # only tax is left
            pieces.append(Piece(None, at, each.net - done.net))
    return pieces


def _fill(
    note: Document,
    pieces: Sequence[Piece],
    whole: Sequence[GroupTotal],
    credited: Sequence[GroupTotal],
) -> None:
    """Put lines and taxes on a credit note."""
    used = sorted({piece.position for piece in pieces})
    totals = []
    for position in used:
        inside = [piece for piece in pieces if piece.position == position]
        net = Money.total((piece.net for piece in inside), note.currency)
        group, taxes = whole[position].group, inside[0].taxes
        if taxes is not None:
            totals.append(GroupTotal(group, net, taxes))
        else:
            totals.append(remaining_tax(group, net, credited[position], whole[position]))
    for at, piece in enumerate(pieces):
        note.lines.append(_line(at, piece, used.index(piece.position), note))
    note.taxes.extend(tax_rows(totals))
    note.net_minor = sum(each.net.minor for each in totals)
    note.tax_minor = sum(each.tax.minor for each in totals)


def _line(at: int, piece: Piece, tax_position: int, note: Document) -> DocumentLineRow:
    row, net = piece.row, piece.net
    assert note.corrects is not None
    quantity, unit_price = Decimal(1), net.major
    if row is not None and row.net_minor == net.minor:
        quantity, unit_price = row.quantity, row.unit_price
        if note.corrects.entry != note.entry:  # prices of a credit note are net
            unit_price = net_price(net, quantity)
    explanation: dict[str, int] = {"group": piece.position}
    if row is not None:
        explanation["line"] = row.position
    return DocumentLineRow(
        position=at,
        description=row.description if row is not None else _amount_text(note),
        details=row.details if row is not None else "",
        quantity=quantity,
        unit_price=unit_price,
        amount_minor=net.minor,
        net_minor=net.minor,
        tax_position=tax_position,
        tax_class=row.tax_class if row is not None else "standard",
        service_id=row.service_id if row is not None else None,
        period_start=row.period_start if row is not None else None,
        period_end=row.period_end if row is not None else None,
        explanation=explanation,
    )


def _amount_text(note: Document) -> str:
    """Return the description of a line that credits an amount, in the document's language."""
    number = note.corrects and note.corrects.number
    text = _("Partial credit for invoice %(number)s", number=number)
    return text.translated(catalogs.find(note.language) or SOURCE)


def _settle(invoice: Document, note: Document) -> None:
    """Post a credit note: first against what is open on the invoice, then to the client."""
    total, zero = note.total, Money.zero(note.currency)
    against = min(total, invoice.open) if invoice.status in OPEN else zero
    written_off = min(total - against, Money(invoice.written_off_minor, invoice.currency))
    assert note.issued_on is not None
    ledger.post(
        key=f"credit_note:{note.uuid}",
        company=invoice.company,
        client_id=invoice.client_id,
        day=note.issued_on,
        summary=_("Credit note %(number)s", number=note.number),
        entries=[
            Entry(Account.INCOME, note.net),
            Entry(Account.TAX, note.tax),
            Entry(Account.RECEIVABLE, -against, invoice.id),
            Entry(Account.WRITE_OFF, -written_off),
            Entry(Account.CREDIT, against + written_off - total),
        ],
    )
    invoice.credited_minor += (against + written_off).minor
    invoice.written_off_minor -= written_off.minor
    credited = Money.total((each.total for each in credit_notes_of(invoice)), invoice.currency)
    if credited == invoice.total:
        invoice.status = DocumentStatus.CREDITED
    elif invoice.status in OPEN or (written_off and not invoice.written_off_minor):
        settled = invoice.paid_minor + invoice.credited_minor
        invoice.status = status_after(invoice.total.minor, settled)
        if invoice.status == DocumentStatus.PAID and against == total:  # nothing was refunded
            payload = {"invoice_uuid": invoice.uuid, "client_uuid": invoice.client.uuid}
            raise_event("invoice.paid", payload)
    note.status = DocumentStatus.PAID
    session().flush()


def _reverse_charges(invoice: Document, earlier: Sequence[Document], note: Document) -> None:
    """Release the periods that this credit note completes, so that they can be charged again.

    A charge covers all lines of a service with the same kind and period, discounts included. If
    nothing is left of the invoice, all of its periods are free, also those that cost nothing.
    """
    credited = (each.total for each in [*earlier, note])
    if Money.total(credited, invoice.currency) == invoice.total:
        charges = sa.update(Charge).where(Charge.document_id == invoice.id)
        session().execute(charges.values(live=None))
        return
    before, after = left_of(invoice, earlier), left_of(invoice, [*earlier, note])
    groups: dict[tuple[int, str, date | None, str], list[int]] = {}
    for row in invoice.lines:
        if row.service_id and row.kind:
            change = row.explanation.get("change", "")
            key = row.service_id, row.kind, row.period_start or invoice.issued_on, change
            groups.setdefault(key, []).append(row.position)
    for (service_id, kind, start, change), positions in groups.items():
        was = sum(before[position].minor for position in positions)
        left = sum(after[position].minor for position in positions)
        if was and not left:
            session().execute(
                sa.update(Charge)
                .where(
                    Charge.document_id == invoice.id,
                    Charge.service_id == service_id,
                    Charge.kind == kind,
                    Charge.period_start == start,
                    Charge.change_uuid == change,
                )
                .values(live=None)
            )
