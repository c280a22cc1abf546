"""Statistics of money, with documents of known days."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine

from puqpanel.domain.errors import UserError
from puqpanel.domain.money import Money
from puqpanel.infra.db import session, transaction
from puqpanel.models import Document, DocumentTax, Service
from puqpanel.operations.accounts import clients
from puqpanel.operations.billing import companies, credit_notes, documents, issuing, payments
from puqpanel.operations.oversight import finance, recurring
from puqpanel.operations.oversight.finance import Revenue
from tests.conftest import STAFF
from tests.operations.billing.conftest import change, client, company, invoice  # noqa: F401
from tests.sample import make_client, make_service


@contextmanager
def on(day: str) -> Iterator[None]:
    """Set the clock to noon of a day."""
    with time_machine.travel(f"{day} 12:00+00:00", tick=False):
        yield


@pytest.fixture
def year(invoice: Callable[..., Document], client: Any) -> None:  # noqa: F811
    """Issue, pay, credit and write off invoices in January to March 2026."""
    with on("2026-01-10"):
        paid = invoice("100")
    with on("2026-01-20"):
        payments.mark_paid(actor=STAFF, document_uuid=paid.uuid, reason="Statement 1")
        credited = invoice("50", "10")
    with on("2026-02-02"):
        credit_notes.credit(
            actor=STAFF, uuid=credited.uuid, reason="Twice", lines={0: Money(5000, "EUR")}
        )
        change(client, country="DE")
        lost = invoice("20")
        issuing.write_off(actor=STAFF, uuid=lost.uuid, reason="Insolvent")
    with on("2026-03-01"):
        part = invoice("40")
        amount = Money(1000, "EUR")
        payments.mark_paid(
            actor=STAFF, document_uuid=part.uuid, reason="Statement 2", amount=amount
        )


def test_revenue_by_month_equals_the_documents(year: None) -> None:
    def row(month: int, *amounts: str) -> Revenue:
        return Revenue(date(2026, month, 1), "EUR", *map(Decimal, amounts))

    assert finance.revenue(date(2026, 1, 1), date(2026, 3, 31), "month") == [
        row(1, "160.00", "36.80", "123.00", "0.00"),
        row(2, "-30.00", "-6.90", "0.00", "24.60"),
        row(3, "40.00", "9.20", "10.00", "0.00"),
    ]
    days = finance.revenue(date(2026, 1, 10), date(2026, 1, 20))
    assert (len(days), sum(each.invoiced for each in days)) == (11, Decimal(160))
    assert finance.revenue(date(2025, 1, 1), date(2025, 1, 2)) == []
    with pytest.raises(UserError, match="ten years"):
        finance.revenue(date(1999, 1, 1), date(2026, 1, 1))


def test_tax_totals_by_country_and_rate(year: None) -> None:
    rows = finance.tax_totals(date(2026, 1, 1), date(2026, 12, 31))
    assert [(row.country, row.rate, row.net, row.tax, row.documents) for row in rows] == [
        ("PL", Decimal(23), Decimal(170), Decimal("39.10"), 5),
    ]
    issued = session().execute(
        sa.select(sa.func.sum(Document.tax_minor)).where(Document.kind == "invoice")
    )
    assert sum(row.tax for row in rows) == Decimal(issued.scalar_one() - 1150) / 100


def test_tax_totals_are_those_of_the_country_whose_tax_it_is(
    year: None,
    company: Any,  # noqa: F811
    invoice: Callable[..., Document],  # noqa: F811
) -> None:
    def countries() -> list[tuple[str, Decimal]]:
        rows = finance.tax_totals(date(2026, 1, 1), date(2026, 12, 31))
        return [(row.country, row.net) for row in rows]

    with on("2026-04-01"):
        companies.save_company(actor=STAFF, uuid=company.uuid, values={"one_stop_shop": True})
        invoice("30")
    assert countries() == [("DE", Decimal(30)), ("PL", Decimal(170))]
    with transaction() as current:  # documents from before do not say whose tax it is
        current.execute(sa.update(DocumentTax).values(country=""))
    assert countries() == [("DE", Decimal(30)), ("DE", Decimal(60)), ("PL", Decimal(110))]


def test_receivables_by_age(year: None, client: Any) -> None:  # noqa: F811
    due = sorted(
        row.due_on
        for row in session().scalars(sa.select(Document).where(Document.status == "partly_paid"))
        if row.due_on
    )
    first, last = due  # 12.30 due in February, 39.20 in March
    fields = ("not_due", "to_30", "to_60", "to_90", "over_90")

    def ages(day: date) -> list[Decimal]:
        (row,) = finance.receivables(day)
        assert row.total == Decimal("51.50")
        return [getattr(row, name) for name in fields]

    old, new, none = Decimal("12.30"), Decimal("39.20"), Decimal(0)
    assert ages(first) == [old + new, none, none, none, none]
    assert ages(first + timedelta(days=1)) == [new, old, none, none, none]
    assert ages(first + timedelta(days=30)) == [new, old, none, none, none]
    assert ages(first + timedelta(days=31))[2] == old
    assert ages(first + timedelta(days=90))[3] == old
    assert ages(first + timedelta(days=91))[4] == old
    assert ages(last + timedelta(days=91)) == [none, none, none, none, old + new]
    (debtor,) = finance.debtors(last + timedelta(days=1))
    assert (debtor.client_uuid, debtor.overdue) == (client.uuid, old + new)
    assert finance.debtors(first) == []


def test_receivables_are_what_documents_say_is_open(year: None) -> None:
    rows = session().scalars(sa.select(Document).where(Document.kind == "invoice")).all()
    opened = Money.total((documents.find_document(row.uuid).open for row in rows), "EUR")
    assert [row.total for row in finance.receivables(date(2026, 4, 1))] == [opened.major]


def test_recurring_revenue_by_month_and_worth(panel: Any) -> None:
    first = make_service(STAFF, "", client=make_client(STAFF)[0])
    other = clients.create_client(actor=STAFF, name="B", email="b@example.org").id
    with transaction() as current:
        current.execute(sa.delete(Service))
        for client_id, price, period, created, ended, status in (
            (first.client_id, 1000, "monthly", "2025-12-31", None, "active"),
            (first.client_id, 2400, "annually", "2026-01-05", None, "active"),
            (other, 500, "monthly", "2026-01-10", "2026-02-20", "terminated"),
            (other, 1000, "monthly", "2026-03-31", None, "active"),
            (other, 9999, "one_time", "2026-03-31", None, "active"),
            (other, 9999, "monthly", "2026-01-01", None, "suspended"),
            (other, 9999, "monthly", "2026-01-01", "2026-01-02", "cancelled"),
        ):
            current.add(
                Service(
                    client_id=client_id,
                    product_id=first.product_id,
                    name="x",
                    status=status,
                    price_minor=price,
                    period=period,
                    created_at=datetime.fromisoformat(created).replace(tzinfo=UTC),
                    terminated_at=ended and datetime.fromisoformat(ended).replace(tzinfo=UTC),
                )
            )
    months = recurring.recurring_by_month(date(2026, 1, 15), date(2026, 3, 31))
    assert [tuple(map(str, row[1:])) for row in months] == [
        ("EUR", "17.00", "7.00", "0.00"),
        ("EUR", "12.00", "0.00", "5.00"),
        ("EUR", "22.00", "10.00", "0.00"),
    ]
    (found,) = recurring.worth(months)
    assert (found.recurring, found.yearly, found.clients, found.client) == (
        Decimal(22),
        Decimal(264),
        2,
        Decimal(11),
    )
    # 5.00 of the 10.00 + 17.00 + 12.00 at the starts of the months
    assert (found.churn, found.lifetime) == (Decimal("12.8"), Decimal("85.80"))
