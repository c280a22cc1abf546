"""What PayPal's objects mean: every status, reason and currency."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from modules.Payment.PuqPayPal.services import reports
from modules.Payment.PuqPayPal.services.client import LIVE, SANDBOX, is_certificate_address
from puqpanel.host.contract.payments import reports_of
from puqpanel.sdk import ExternalServiceError

EURO = {"currency_code": "EUR", "value": "21.90"}
CERTS = "/v1/notifications/certs/CERT-1"


def capture(status: str, reason: str = "", **more: Any) -> dict[str, Any]:
    """Return a capture as PayPal describes it."""
    details = {"status_details": {"reason": reason}} if reason else {}
    return {"id": "CAP", "status": status, "amount": EURO, **details, **more}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("COMPLETED", "succeeded"),
        ("PARTIALLY_REFUNDED", "succeeded"),
        ("REFUNDED", "succeeded"),
        ("PENDING", "pending"),
        ("DECLINED", "failed"),
        ("DENIED", "failed"),
        ("FAILED", "failed"),
        ("SOMETHING_NEW", "pending"),
        ("", "pending"),
    ],
)
def test_status_of_a_payment(status: str, expected: str) -> None:
    (report,) = reports_of(reports.capture_report(capture(status)))
    assert report.status == expected  # type: ignore[union-attr]
    assert bool(report.reason) == (expected != "succeeded")  # type: ignore[union-attr]


@pytest.mark.parametrize("reason", [*reports.REASONS, "OTHER", ""])
def test_every_pending_payment_has_a_reason(reason: str) -> None:
    report = reports.capture_report(capture("PENDING", reason))
    assert report.reason.endswith(".")


def test_details_of_a_payment() -> None:
    found = capture(
        "COMPLETED",
        custom_id="attempt-1",
        create_time="2026-11-28T10:00:00Z",
        update_time="2026-12-01T23:30:00Z",
        seller_receivable_breakdown={"paypal_fee": {"currency_code": "EUR", "value": "0.98"}},
        supplementary_data={"related_ids": {"order_id": "ORDER"}},
    )
    report = reports.capture_report(found)
    assert (report.attempt, report.checkout) == ("attempt-1", "ORDER")
    assert (report.amount, report.fee) == (Decimal("21.90"), Decimal("0.98"))
    assert report.paid_on == date(2026, 12, 1)
    found["seller_receivable_breakdown"]["paypal_fee"]["currency_code"] = "USD"
    assert reports.capture_report(found).fee is None
    refunded = reports.capture_report({**found, "status": "REFUNDED"})
    assert refunded.paid_on == date(2026, 11, 28)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("COMPLETED", "succeeded"),
        ("PENDING", "pending"),
        ("FAILED", "failed"),
        ("CANCELLED", "failed"),
        ("SOMETHING_NEW", "pending"),
    ],
)
def test_status_of_a_refund(status: str, expected: str) -> None:
    href = "https://api.paypal.com/v2/payments/captures/CAP?x=1"
    refund = {"id": "REF", "status": status, "amount": EURO, "links": [{"rel": "up", "href": href}]}
    report = reports.refund_report({**refund, "custom_id": "key-1"}, "OTHER")
    assert (report.payment, report.outside_id, report.status) == ("CAP", "REF", expected)
    assert report.key == "key-1"
    assert reports.refund_report({**refund, "links": []}, "OTHER").payment == "OTHER"


@pytest.mark.parametrize(
    ("status", "outcome", "expected"),
    [
        ("OPEN", "", "open"),
        ("WAITING_FOR_BUYER_RESPONSE", "", "open"),
        ("WAITING_FOR_SELLER_RESPONSE", "", "open"),
        ("UNDER_REVIEW", "", "open"),
        ("OTHER", "", "open"),
        ("RESOLVED", "RESOLVED_BUYER_FAVOUR", "lost"),
        ("RESOLVED", "ACCEPTED", "lost"),
        ("RESOLVED", "RESOLVED_SELLER_FAVOUR", "won"),
        ("RESOLVED", "RESOLVED_WITH_PAYOUT", "won"),
        ("RESOLVED", "CANCELED_BY_BUYER", "won"),
        ("RESOLVED", "DENIED", "won"),
    ],
)
def test_status_of_a_dispute(status: str, outcome: str, expected: str) -> None:
    dispute = {
        "dispute_id": "PP-000-042-663-135",
        "status": status,
        "reason": "MERCHANDISE_OR_SERVICE_NOT_RECEIVED",
        "dispute_amount": EURO,
        "dispute_outcome": {"outcome_code": outcome},
        "disputed_transactions": [{"seller_transaction_id": "CAP"}],
    }
    (report,) = reports_of(reports.dispute_reports(dispute))
    assert (report.status, report.payment) == (expected, "CAP")  # type: ignore[union-attr]
    assert report.reason.startswith("Merchandise or service not received")  # type: ignore[union-attr]
    assert not report.withdrawn  # type: ignore[union-attr]
    both = [{"seller_transaction_id": "A"}, {"seller_transaction_id": "B"}, {}]
    found = reports.dispute_reports({**dispute, "disputed_transactions": both})
    assert [entry.outside_id[-2:] for entry in found] == ["/A", "/B"]


@pytest.mark.parametrize("status", ["CREATED", "SAVED", "PAYER_ACTION_REQUIRED", "APPROVED"])
def test_orders_without_a_payment(status: str) -> None:
    unit = {"custom_id": "attempt-1", "amount": EURO}
    assert reports.order_reports({"id": "O", "status": status, "purchase_units": [unit]}) == []


def test_voided_order() -> None:
    unit = {"custom_id": "attempt-1", "amount": EURO}
    order = {"id": "O", "status": "VOIDED", "purchase_units": [unit]}
    (report,) = reports_of(reports.order_reports(order))
    assert (report.status, report.attempt) == ("cancelled", "attempt-1")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("amount", "currency", "value"),
    [
        ("21.9", "EUR", "21.90"),
        ("0.01", "PLN", "0.01"),
        ("500", "JPY", "500"),
        ("1500.00", "HUF", "1500"),
        ("30", "TWD", "30"),
        ("1000000", "USD", "1000000.00"),
        ("12.50", "HUF", None),
        ("0.5", "JPY", None),
        ("1.001", "EUR", None),
        ("1.005", "KWD", None),
    ],
)
def test_amounts(amount: str, currency: str, value: str | None) -> None:
    if value is None:
        with pytest.raises(ExternalServiceError, match=currency):
            reports.money(Decimal(amount), currency)
    else:
        assert reports.money(Decimal(amount), currency)["value"] == value


@pytest.mark.parametrize(
    "amount",
    [
        None,
        [],
        {},
        {"value": "x", "currency_code": "EUR"},
        {"value": "NaN", "currency_code": "EUR"},
        {"value": "1"},
    ],
)
def test_invalid_amounts_are_a_clear_error(amount: Any) -> None:
    with pytest.raises(ExternalServiceError, match="amount"):
        reports.capture_report(capture("COMPLETED") | {"amount": amount})


@pytest.mark.parametrize(
    ("url", "own"),
    [
        (f"https://api.paypal.com{CERTS}", True),
        (f"https://api-m.paypal.com{CERTS}", True),
        (f"https://api.sandbox.paypal.com{CERTS}", False),
        (f"http://api.paypal.com{CERTS}", False),
        (f"https://api.paypal.com.evil.test{CERTS}", False),
        (f"https://api.paypal.com@evil.test{CERTS}", False),
        (f"https://user@api.paypal.com{CERTS}", False),
        (f"https://api.paypal.com:8443{CERTS}", False),
        (f"https://evil.test/{CERTS}", False),
        (f"https://api.paypal.com{CERTS}/../../x", False),
        (f"https://api.paypal.com{CERTS}?x=1", False),
        (f"https://api.paypal.com{CERTS}\n", False),
        ("https://api.paypal.com/v1/notifications/certs/", False),
        ("https://[", False),
        ("", False),
    ],
)
def test_certificates_come_from_paypal_only(url: str, own: bool) -> None:
    assert is_certificate_address(url, LIVE) is own
    assert is_certificate_address(f"https://api.sandbox.paypal.com{CERTS}", SANDBOX)
