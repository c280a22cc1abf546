"""Payouts: recorded once, whatever the order of reports, and subtracted in reconciliation."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, InvalidInput
from puqpanel.domain.money import Money
from puqpanel.host.contract.payments import PayoutReport, reports_of
from puqpanel.infra.db import session
from puqpanel.models import Payout
from puqpanel.operations.billing import ledger, payment_reports, payouts, reconciliation
from tests.operations.billing.conftest import STAFF
from tests.operations.billing.test_payment_reports import gateway, report  # noqa: F401  # fixture

DAY = date(2025, 5, 20)


def said(status: str, amount: str = "100.00", **more: Any) -> PayoutReport:
    values = {"currency": "EUR", "paid_on": DAY, **more}
    return PayoutReport("po_1", status, Decimal(amount), **values)


def entered(gateway: str, company: Any, **more: Any) -> Payout:  # noqa: F811
    values = {"amount": Money(4000, "EUR"), "paid_on": DAY, "token": "form-1", **more}
    return payouts.enter(actor=STAFF, gateway_uuid=gateway, company_uuid=company.uuid, **values)


@pytest.mark.parametrize("last", ["paid", "failed"])
def test_reports_in_any_order_make_one_payout(gateway, company, last):  # noqa: F811
    statuses = ["pending", "paid", "failed"][: 2 + (last == "failed")]
    for at, order in enumerate(itertools.permutations([*statuses, "pending"])):
        for status in order:
            found = [PayoutReport(f"po_{at}", status, Decimal(9), "EUR", DAY)]
            payment_reports.record_all(gateway, found)
    rows = session().scalars(sa.select(Payout)).all()
    assert len(rows) == at + 1
    assert {row.status for row in rows} == {last}


def test_reconciliation_subtracts_payouts_that_did_not_fail(gateway, company, invoice):  # noqa: F811
    paid = report(invoice=invoice("100").uuid, paid_on=date(2025, 5, 3))
    payment_reports.record_payment(gateway, paid)
    payouts.record_report(gateway, said("paid"))
    payouts.record_report(gateway, said("paid"))
    entered(gateway, company, paid_on=date(2025, 6, 2))
    entered(gateway, company, paid_on=date(2025, 6, 2))
    may, june = reconciliation.months(2025)
    assert (may.payouts, may.balance) == (Money(10000, "EUR"), Money(2300, "EUR"))
    assert (june.received.minor, june.payouts.minor, june.balance.minor) == (0, 4000, -1700)
    assert reconciliation.months(2026) == []
    assert 2025 in reconciliation.years()
    payouts.record_report(gateway, said("failed", reason="account closed"))
    may, june = reconciliation.months(2025)
    assert (may.payouts.minor, may.balance.minor, june.balance.minor) == (0, 12300, 8300)


def test_a_year_with_payouts_only_is_listed(gateway, company):  # noqa: F811
    entered(gateway, company)
    assert reconciliation.years() == [2025]
    assert [month.balance.minor for month in reconciliation.months(2025)] == [-4000]


def test_a_mistake_is_removed_once_and_stays_listed(gateway, company):  # noqa: F811
    payout = entered(gateway, company)
    with pytest.raises(InvalidInput):
        payouts.remove(actor=STAFF, uuid=payout.uuid, reason=" ")
    payouts.remove(actor=STAFF, uuid=payout.uuid, reason="typed twice")
    with pytest.raises(ConflictError):
        payouts.remove(actor=STAFF, uuid=payout.uuid, reason="again")
    assert str(payouts.find_payout(payout.uuid).reason) == "typed twice"
    assert reconciliation.months(2025) == []


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("amount", {"amount": Money(0, "EUR")}),
        ("amount", {"amount": Money(-1, "EUR")}),
        ("amount", {"amount": Money(10**12 + 1, "EUR")}),
        ("paid_on", {"paid_on": date(1999, 12, 31)}),
        ("paid_on", {"paid_on": "tomorrow"}),
    ],
)
def test_amounts_and_days_are_checked(gateway, company, field, values):  # noqa: F811
    if values.get("paid_on") == "tomorrow":
        values = {"paid_on": ledger.today(company) + timedelta(days=1)}
    with pytest.raises(InvalidInput) as refused:
        entered(gateway, company, **values)
    assert list(refused.value.messages) == [field]


@pytest.mark.parametrize("amount", ["0", "0.001", "1000000000000"])
def test_reported_amounts_are_checked(gateway, company, amount):  # noqa: F811
    with pytest.raises(InvalidInput):
        payouts.record_report(gateway, said("paid", amount))
    assert session().scalar(sa.select(sa.func.count(Payout.id))) == 0


@pytest.mark.parametrize(
    "bad",
    [
        PayoutReport("", "paid", Decimal(1), "EUR"),
        PayoutReport("po_1", "sent", Decimal(1), "EUR"),
        PayoutReport("po_1", "paid", Decimal("NaN"), "EUR"),
        PayoutReport("po_1", "paid", Decimal(1), "EURO"),
        PayoutReport("po_1", "paid", Decimal(1), "EUR", "2026-01-01"),  # type: ignore[arg-type]
    ],
)
def test_invalid_reports_of_modules_are_refused(bad):
    with pytest.raises(ValueError, match=r"must|is not|have"):
        reports_of([bad])


def test_a_debit_from_the_bank_raises_the_balance(gateway, company):  # noqa: F811
    payouts.record_report(gateway, said("paid", "-12.00"))
    assert reconciliation.months(2025)[0].balance.minor == 1200
