"""The billing calendar of a client, for staff and customers: what is to pay in the next months."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from babel.dates import format_date
from flask import render_template
from flask.typing import ResponseReturnValue

from puqpanel.domain.money import Money
from puqpanel.infra.db import session
from puqpanel.models import Client, Document
from puqpanel.operations.automation import charging, forecast
from puqpanel.operations.automation.forecast import ExpectedDocument
from puqpanel.operations.billing import documents, payment_methods
from puqpanel.operations.system import settings
from puqpanel.web.documents import shown_day, shown_days
from puqpanel.web.forms import _
from puqpanel.web.locale import viewer_locale
from puqpanel.web.prices import price

MONTHS = 12


@dataclass(frozen=True, slots=True)
class Row:
    """Something that is to pay.

    Args:
        due_on: the last day for payment.
        amount: what is to pay.
        document: the unpaid document; None if it was not issued yet.
        expected: the document that will be issued.
        how: how it will be paid.
    """

    due_on: date
    amount: Money
    document: Document | None = None
    expected: ExpectedDocument | None = None
    how: str = ""


@dataclass(slots=True)
class Month:
    """What is to pay in a month, and the sum in each currency."""

    name: str
    rows: list[Row] = field(default_factory=list)

    @property
    def sums(self) -> list[Money]:
        """The sum in each currency."""
        sums = Counter[str]()
        for row in self.rows:
            sums[row.amount.currency] += row.amount.minor
        return [Money(minor, currency) for currency, minor in sorted(sums.items())]


def calendar_page(template: str, client: Client) -> ResponseReturnValue:
    """Return the page with the billing calendar of a client."""
    months: dict[date, Month] = {}
    for row in sorted(_rows(client), key=lambda each: each.due_on):
        first = row.due_on.replace(day=1)
        name = format_date(first, "LLLL y", viewer_locale())
        months.setdefault(first, Month(name)).rows.append(row)
    return render_template(
        template,
        client=client,
        months=list(months.values()),
        day=shown_day,
        days=shown_days,
        price=price,
        renews=bool(settings.get("billing.renewals")),
    )


def _rows(client: Client) -> Iterator[Row]:
    for document in session().scalars(documents.documents_due(client)):
        planned = charging.planned(document)
        how = _paid_with(planned[0], payment_methods.label(planned[1])) if planned else ""
        yield Row(document.due_on or document.created_at.date(), document.open, document, how=how)
    charges = bool(settings.get("billing.automatic_charges"))
    method = charging.automatic_method(client.id) if charges else None
    for expected in forecast.documents(client, forecast.last_day(MONTHS)):
        how = ""
        if method is not None:
            day = max(charging.charge_day(expected.due_on), expected.issued_on)
            how = _paid_with(day, payment_methods.label(method))
        amount = expected.entered if expected.total is None else expected.total
        yield Row(expected.due_on, amount, expected=expected, how=how)


def _paid_with(day: date, method: str) -> str:
    return str(_("Charged to %(method)s on %(day)s", method=method, day=shown_day(day)))
