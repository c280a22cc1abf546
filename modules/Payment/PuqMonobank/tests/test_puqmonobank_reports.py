"""What monobank's invoices mean: every status, amounts and order."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from modules.Payment.PuqMonobank.services import reports
from puqpanel.host.contract.payments import reports_of
from puqpanel.sdk import ExternalServiceError


def invoice(status: str, **more: Any) -> dict[str, Any]:
    """Return an invoice as monobank describes it."""
    return {
        "invoiceId": "p2_1",
        "status": status,
        "amount": 4200,
        "ccy": 980,
        "reference": "attempt-1",
        "modifiedDate": "2026-12-01T12:00:00Z",
        **more,
    }


def cancel(status: str = "success", amount: int = 1000, **more: Any) -> dict[str, Any]:
    """Return an entry of `cancelList`."""
    return {"status": status, "amount": amount, "ccy": 980, "extRef": "key-1", **more}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("processing", "pending"),
        ("hold", "pending"),
        ("success", "succeeded"),
        ("failure", "failed"),
        ("expired", "cancelled"),
        ("reversed", "cancelled"),
        ("something_new", "pending"),
        ("", "pending"),
    ],
)
def test_status(status: str, expected: str) -> None:
    (report,) = reports_of(reports.invoice_reports(invoice(status)))
    assert (report.status, report.amount) == (expected, Decimal("42.00"))  # type: ignore[union-attr]
    assert (report.attempt, report.checkout) == ("attempt-1", "p2_1")  # type: ignore[union-attr]
    assert bool(report.reason) == (expected != "succeeded")  # type: ignore[union-attr]


def test_unpaid_invoice_reports_nothing() -> None:
    assert reports.invoice_reports(invoice("created")) == []


def test_details() -> None:
    (report,) = reports.invoice_reports(invoice("success", paymentInfo={"fee": 55}))
    assert isinstance(report, reports.PaymentReport)
    assert (report.fee, report.paid_on) == (Decimal("0.55"), date(2026, 12, 1))
    (failed,) = reports.invoice_reports(invoice("failure", failureReason="Неправильний CVV код"))
    assert failed.reason.endswith("CVV код")


@pytest.mark.parametrize(
    ("final", "cancels", "received"),
    [
        (4200, [], "42"),
        (None, [], "42"),
        (3200, [cancel()], "42"),
        (0, [cancel(amount=4200)], "42"),
        (4200, [cancel("failure")], "42"),
        (3200, [cancel("processing")], "42"),
        (4200, [cancel("processing")], "42"),
        (3000, [], "30"),
        (2000, [cancel()], "30"),
    ],
)
def test_received_amount_is_that_before_refunds(
    final: int | None, cancels: list[Any], received: str
) -> None:
    found = reports_of(
        reports.invoice_reports(invoice("success", finalAmount=final, cancelList=cancels))
    )
    assert found[0].amount == Decimal(received)  # type: ignore[union-attr]
    assert len(found) == 1 + len(cancels)


@pytest.mark.parametrize(
    ("status", "expected"),
    [("processing", "pending"), ("success", "succeeded"), ("failure", "failed"), ("x", "pending")],
)
def test_refund(status: str, expected: str) -> None:
    report = reports.refund_report("p2_1", cancel(status))
    assert (report.payment, report.outside_id, report.key) == ("p2_1", "key-1", "key-1")
    assert (report.status, report.amount) == (expected, Decimal(10))


def test_refund_made_at_monobank_has_an_id_of_its_own() -> None:
    made = cancel(extRef=None, createdDate="2026-12-01T12:00:00Z")
    report = reports.refund_report("p2_1", made)
    assert (report.key, report.outside_id) == ("", "p2_1/2026-12-01T12:00:00Z")


def test_newest_state() -> None:
    old = invoice("processing", modifiedDate="2026-12-01T11:59:59Z")
    new = invoice("success")
    assert reports.newest(old, new) is reports.newest(new, old) is new
    assert reports.newest(new, invoice("failure")) is new
    offset = invoice("failure", modifiedDate="2026-12-01T13:00:00+02:00")
    assert reports.newest(new, offset) is new
    for broken in (None, "", "x", 5):
        assert reports.newest(new, invoice("failure", modifiedDate=broken)) is new


@pytest.mark.parametrize(
    ("amount", "minor"), [("42", 4200), ("0.01", 1), ("1234567.89", 123_456_789)][:]
)
def test_amounts(amount: str, minor: int) -> None:
    assert reports.kopiykas(Decimal(amount)) == minor


@pytest.mark.parametrize(
    "broken",
    [
        {"amount": None},
        {"amount": "4200"},
        {"amount": 1.5},
        {"amount": True},
        {"amount": -1},
        {"ccy": 978},
        {"invoiceId": ""},
    ],
)
def test_invalid_invoices_are_a_clear_error(broken: dict[str, Any]) -> None:
    with pytest.raises(ExternalServiceError, match="monobank"):
        reports.invoice_reports(invoice("success") | broken)
