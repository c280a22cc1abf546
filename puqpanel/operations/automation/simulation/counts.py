"""What happened in a simulated day or month: documents, payments and steps, by their rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.document_states import OPEN, DocumentStatus
from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.money import Money
from puqpanel.domain.payment_states import AttemptStatus, PaymentStatus
from puqpanel.infra.db import Model, session
from puqpanel.models import Company, Document, Payment, PaymentAttempt, Step
from puqpanel.operations.billing.documents import OPEN_MINOR

Sums = dict[str, tuple[int, Money]]
"""Currency → number and sum."""
KINDS = ("issued", "charged", "paid", "failed")


@dataclass(slots=True)
class Counts:
    """What happened.

    Attributes:
        day: the day, or the first one of several.
        sums: documents issued, charges made, payments received and charges failed, by `KINDS`.
        steps: how often each step was taken, by `StepKind`.
        open: unpaid documents at the end.
        stopped: on how many days staff would have had to approve what automation does.
    """

    day: date
    sums: dict[str, Sums] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    steps: Counter[str] = field(default_factory=Counter)
    open: Sums = field(default_factory=dict)
    stopped: int = 0

    def add(self, other: Counts) -> None:
        """Add the counts of a later time."""
        for kind, sums in other.sums.items():
            for currency, (number, amount) in sums.items():
                count, total = self.sums[kind].get(currency, (0, Money.zero(currency)))
                self.sums[kind][currency] = count + number, total + amount
        self.steps += other.steps
        self.open, self.stopped = other.open, self.stopped + other.stopped


def by_month(days: Iterable[Counts]) -> list[Counts]:
    """Return the sums of calendar months."""
    months: dict[tuple[int, int], Counts] = {}
    for each in days:
        key = each.day.year, each.day.month
        months.setdefault(key, Counts(each.day)).add(each)
    return list(months.values())


class Meter:
    """Counts what is new in the database since it was asked last.

    Args:
        company_uuid: of one company only; all of them unless given.
    """

    def __init__(self, company_uuid: str = "") -> None:
        self._company_uuid = company_uuid
        models = (Document, PaymentAttempt, Payment, Step)
        self._last: dict[type[Model], int] = {model: _last_id(model) for model in models}

    def read(self, day: date, *, charges: Sequence[str] = ()) -> Counts:
        """Return what happened on a day, the last one.

        Args:
            day: the day.
            charges: UUIDs of the charges that were answered.
        """
        counts = Counts(day)
        total = Document.net_minor + Document.tax_minor
        issued = (
            Document.id > self._last[Document],
            Document.status != DocumentStatus.DRAFT,
            Document.kind != DocumentKind.CREDIT_NOTE,
            Document.origin_id.is_(None),  # the invoice of a proforma asks for nothing more
        )
        attempts = (PaymentAttempt.method_id.is_not(None),)
        counts.sums = {
            "issued": self._sums(Document, total, *issued),
            "charged": self._sums(
                PaymentAttempt,
                PaymentAttempt.minor,
                PaymentAttempt.id > self._last[PaymentAttempt],
                *attempts,
            ),
            "paid": self._sums(
                Payment,
                Payment.minor,
                Payment.id > self._last[Payment],
                Payment.status == PaymentStatus.SUCCEEDED,
            ),
            "failed": self._sums(
                PaymentAttempt,
                PaymentAttempt.minor,
                PaymentAttempt.uuid.in_(charges),
                PaymentAttempt.status == AttemptStatus.FAILED,
            ),
        }
        counts.open = self._sums(
            Document,
            OPEN_MINOR,
            Document.status.in_(OPEN),
            Document.kind != DocumentKind.CREDIT_NOTE,
        )
        steps = sa.select(Step.step, sa.func.count()).where(Step.id > self._last[Step])
        counts.steps = Counter(dict(session().execute(steps.group_by(Step.step)).all()))
        self._last = {model: _last_id(model) for model in self._last}
        return counts

    def _sums(self, model: Any, minor: Any, *where: sa.ColumnElement[bool]) -> Sums:
        query = sa.select(model.currency, sa.func.count(), sa.func.sum(minor)).where(*where)
        if self._company_uuid:
            query = query.join(Company, Company.id == model.company_id)
            query = query.where(Company.uuid == self._company_uuid)
        rows = session().execute(query.group_by(model.currency).order_by(model.currency))
        return {code: (number, Money(int(found), code)) for code, number, found in rows}


def plain(sums: Mapping[str, tuple[int, Money]]) -> dict[str, dict[str, object]]:
    """Return sums as plain values."""
    return {
        code: {"number": number, "sum": str(amount.major)}
        for code, (number, amount) in sums.items()
    }


def _last_id(model: Any) -> int:
    return session().scalar(sa.select(sa.func.max(model.id))) or 0
