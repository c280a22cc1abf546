"""Charges for the remaining days of a service: lines of invoices, less credit notes.

What was written off was not paid, so it is left out too.

A change credits these days as they were charged: by the same company and at the same taxes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import sqlalchemy as sa

from puqpanel.domain import pricing
from puqpanel.domain.charges import COVERS_DAYS, ChargeKind, Coverage
from puqpanel.domain.document_states import OPEN, DocumentStatus
from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.errors import ConflictError
from puqpanel.domain.money import Money
from puqpanel.domain.periods import Span
from puqpanel.domain.tax import PriceEntry, TaxGroup
from puqpanel.domain.texts import _
from puqpanel.infra.db import session
from puqpanel.models import Company, Coupon, Document, DocumentLineRow, Product, Service
from puqpanel.operations.billing.companies import company_for
from puqpanel.operations.billing.ledger import today
from puqpanel.operations.billing.lines import total_of
from puqpanel.operations.billing.uncredited import creditable


@dataclass(frozen=True, slots=True)
class ChargedLine:
    """A line of an invoice that charges days of a service.

    Args:
        document: the invoice.
        row: the line.
        span: the days.
        left: what was not credited, without tax.
    """

    document: Document
    row: DocumentLineRow
    span: Span
    left: Money

    @property
    def group(self) -> TaxGroup:
        """How it was taxed."""
        taxes = next(each for each in self.document.taxes if each.position == self.row.tax_position)
        return total_of(taxes, self.document.currency).group

    @property
    def settled(self) -> Fraction:
        """The share of what is left that was not written off."""
        document = self.document
        if not document.written_off_minor:
            return Fraction(1)
        rest = document.total.minor - document.credited_minor
        return Fraction(rest - document.written_off_minor, rest)


def seller_of(service: Service) -> Company:
    """Return the company that invoices a change: the one that charged the remaining days.

    If no days remain, it is the company that sells to the client.

    Raises:
        NoCompanyError: there is no active company.
    """
    company = company_for(service.client)
    charged = charged_lines(service, today(company))
    last = charged[-1].document.company if charged else company
    return last if last.active else company


def charged_lines(service: Service, day: date) -> list[ChargedLine]:
    """Return the lines that charge days of a service from a day on."""
    query = (
        sa.select(DocumentLineRow, Document)
        .join(Document, Document.id == DocumentLineRow.document_id)
        .where(
            DocumentLineRow.service_id == service.id,
            DocumentLineRow.kind.in_(COVERS_DAYS),
            DocumentLineRow.period_end > day,
            Document.kind == DocumentKind.INVOICE,
            Document.status != DocumentStatus.DRAFT,
        )
        .order_by(DocumentLineRow.id)
    )
    rows = session().execute(query).all()
    left = {document.id: creditable(document) for _row, document in rows}
    return [
        ChargedLine(
            document,
            row,
            Span(row.period_start, row.period_end),
            left[document.id][row.position],
        )
        for row, document in rows
        if row.period_start is not None and row.period_end is not None
    ]


def coverage(
    service: Service,
    lines: Sequence[ChargedLine],
    entry: PriceEntry,
    today_groups: Sequence[TaxGroup],
) -> list[Coverage]:
    """Return the charges for days of a service, less what was credited or written off.

    Args:
        service: the service.
        lines: those of its invoices.
        entry: whether to return net or gross amounts.
        today_groups: how its products are taxed today; a group with the same rates of the same
            country is one of these, because a document has one group of each. Another client, who
            got the service by a transfer, is credited at the taxes of today.

    Raises:
        ConflictError: an invoice of the former client for these days is not paid. If it is written
            off, they are charged again; if it is paid, they are credited.
    """
    found = []
    for line in lines:
        if not line.left:
            continue
        own = line.document.client_id == service.client_id
        if not own and line.document.status in OPEN:
            raise ConflictError(_("The previous client has an unpaid invoice for this service."))
        if not line.settled:
            continue
        group = _same_rates(line.group, today_groups) if own else None
        found.append(Coverage(_entered(line, entry), line.span, group))
    return found


def reductions(
    lines: Sequence[ChargedLine], entry: PriceEntry, product: Product
) -> list[tuple[Span, pricing.Coupon]]:
    """Return what coupons that are valid for a product took off days of a service.

    Args:
        lines: those of its invoices.
        entry: whether to return net or gross amounts.
        product: what the service is, or is to become.
    """
    codes = {line.row.explanation.get("coupon") or "" for line in lines} - {""}
    query = sa.select(Coupon).where(Coupon.code.in_(codes))
    terms = {row.code: row.terms for row in session().scalars(query)}
    found = []
    for line in lines:
        coupon = terms.get(line.row.explanation.get("coupon") or "")
        if coupon is None or not line.left:
            continue
        if coupon.products and product.uuid not in coupon.products:
            continue
        off = -_entered(line, entry)
        if coupon.percent is None:
            found.append((line.span, replace(coupon, amount=off, cycles=None)))
        elif full := _reduced_by(line, lines, entry):
            percent = _percent_of(off, full, coupon.percent)
            found.append((line.span, replace(coupon, percent=percent, cycles=None)))
    return found


def _reduced_by(discount: ChargedLine, lines: Sequence[ChargedLine], entry: PriceEntry) -> Money:
    """Return the sum of the lines that a discount reduced."""
    reduced = (
        _entered(line, entry)
        for line in lines
        if (line.document.id, line.span) == (discount.document.id, discount.span)
        and line.row.kind != ChargeKind.UNUSED
        and not line.row.explanation.get("coupon")
    )
    return Money.total(reduced, discount.left.currency)


def _percent_of(off: Money, full: Money, percent: Decimal) -> Decimal:
    """Return what percentage a discount was: that of its coupon, unless that was edited since."""
    if full.scaled(Fraction(percent) / 100) == off:
        return percent
    exact = Fraction(100 * off.minor, full.minor)
    return round(Decimal(exact.numerator) / exact.denominator, 4)


def paid_until(service: Service, lines: Sequence[ChargedLine]) -> date | None:
    """Return the first day that was not charged; None if all remaining days were credited."""
    if lines and not any(line.left for line in lines):
        return None
    return service.paid_until


def _entered(line: ChargedLine, entry: PriceEntry) -> Money:
    """Return what is left of a line and was not written off, net or gross."""
    net = Money(line.row.net_minor, line.left.currency)
    if PriceEntry(line.document.entry) == entry:
        entered = replace(net, minor=line.row.amount_minor)
        return entered.scaled(Fraction(line.left.minor, net.minor) * line.settled)
    if entry == PriceEntry.NET:
        return line.left.scaled(line.settled)
    return line.left.scaled((1 + sum(line.group.shares, Fraction())) * line.settled)


def _same_rates(group: TaxGroup, groups: Sequence[TaxGroup]) -> TaxGroup:
    def rates(one: TaxGroup) -> object:
        return one.category, [(tax.rate, tax.compound) for tax in one.taxes]

    same = (each for each in groups if rates(each) == rates(group))
    return next((each for each in same if group.country in ("", each.country)), group)
