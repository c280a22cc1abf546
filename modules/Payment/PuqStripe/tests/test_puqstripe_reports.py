"""Every status of Stripe's objects as a report."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from modules.Payment.PuqStripe.services import reports
from modules.Payment.PuqStripe.tests.stripe_server import AUTHENTICATE, DECLINED, card
from puqpanel.sdk import (
    DisputeReport,
    ExternalServiceError,
    MethodReport,
    PayoutReport,
    RefundReport,
    SavedMethod,
)

TRANSFER = {
    "type": "display_bank_transfer_instructions",
    "display_bank_transfer_instructions": {
        "hosted_instructions_url": "https://payments.stripe.com/bank_transfers/instructions/1"
    },
}
REDIRECT = {"type": "redirect_to_url", "redirect_to_url": {"url": "https://hooks.stripe.com/3ds"}}
SDK = {"type": "use_stripe_sdk", "use_stripe_sdk": {}}


def intent(status: str, **changed: Any) -> dict[str, Any]:
    """Return a PaymentIntent."""
    return {
        "id": "pi_1",
        "object": "payment_intent",
        "status": status,
        "amount": 2190,
        "amount_received": 2190 if status == "succeeded" else 0,
        "currency": "eur",
        "metadata": {"puqpanel_attempt": "a"},
        "latest_charge": {"balance_transaction": {"fee": 62, "currency": "eur"}},
        **changed,
    }


@pytest.mark.parametrize(
    ("changed", "status", "reason"),
    [
        ({"status": "succeeded"}, "succeeded", ""),
        ({"status": "processing"}, "pending", "has not confirmed"),
        ({"status": "requires_capture"}, "pending", "has not confirmed"),
        ({"status": "canceled"}, "cancelled", "cancelled"),
        ({"status": "requires_payment_method"}, "", ""),
        (
            {"status": "requires_payment_method", "last_payment_error": DECLINED},
            "failed",
            "Your card was declined.",
        ),
        ({"status": "requires_confirmation"}, "", ""),
        ({"status": "requires_action", "next_action": REDIRECT}, "", ""),
        ({"status": "requires_action", "next_action": SDK}, "", ""),
        ({"status": "requires_action", "next_action": TRANSFER}, "pending", "not been paid yet"),
    ],
)
def test_intents(changed: dict[str, Any], status: str, reason: str) -> None:
    report = reports.intent_report(intent(**changed))
    assert (report.status if report else "") == status
    if report:
        assert (report.outside_id, report.attempt) == ("pi_1", "a")
        assert (report.amount, report.currency) == (Decimal("21.90"), "EUR")
        assert report.fee == (Decimal("0.62") if status == "succeeded" else None)
        assert reason in report.reason


@pytest.mark.parametrize(
    ("changed", "status", "url"),
    [
        ({"status": "succeeded"}, "succeeded", ""),
        ({"status": "processing"}, "pending", ""),
        ({"status": "canceled"}, "cancelled", ""),
        ({"status": "requires_payment_method", "last_payment_error": DECLINED}, "failed", ""),
        ({"status": "requires_payment_method", "last_payment_error": AUTHENTICATE}, "failed", ""),
        ({"status": "requires_action", "next_action": SDK}, "failed", ""),
        (
            {"status": "requires_action", "next_action": REDIRECT},
            "failed",
            "https://hooks.stripe.com/3ds",
        ),
    ],
)
def test_charges_without_the_client(changed: dict[str, Any], status: str, url: str) -> None:
    report = reports.intent_report(intent(**changed), charged=True)
    assert report is not None
    assert (report.status, report.action_url) == (status, url)
    assert bool(report.reason) is (status != "succeeded")


def test_authentication_is_explained() -> None:
    declined = intent("requires_payment_method", last_payment_error=AUTHENTICATE)
    report = reports.intent_report(declined, charged=True)
    assert report is not None
    assert "confirm this payment" in report.reason


def test_instructions_are_linked() -> None:
    report = reports.intent_report(intent("requires_action", next_action=TRANSFER))
    assert report is not None
    assert report.action_url == "https://payments.stripe.com/bank_transfers/instructions/1"


def session(status: str, **changed: Any) -> dict[str, Any]:
    """Return a Checkout Session without a PaymentIntent."""
    return {
        "id": "cs_1",
        "status": status,
        "payment_intent": None,
        "amount_total": 2190,
        "currency": "eur",
        "metadata": {"puqpanel_attempt": "a"},
        **changed,
    }


@pytest.mark.parametrize(
    ("status", "paid", "outcome"),
    [
        ("open", None, []),
        ("open", intent("requires_payment_method"), []),
        ("open", intent("requires_action", next_action=SDK), []),
        ("open", intent("requires_payment_method", last_payment_error=DECLINED), ["failed"]),
        ("complete", intent("processing"), ["pending"]),
        ("complete", intent("succeeded"), ["succeeded"]),
        (
            "complete",
            intent("requires_payment_method", last_payment_error=DECLINED),
            ["failed"],
        ),
        ("expired", intent("canceled"), ["cancelled"]),
        ("expired", intent("requires_action", next_action=SDK), ["cancelled"]),
        ("expired", intent("succeeded"), ["succeeded"]),
        ("expired", None, ["cancelled"]),
    ],
)
def test_checkouts(status: str, paid: dict[str, Any] | None, outcome: list[str]) -> None:
    found = reports.checkout_reports(session(status, payment_intent=paid))
    assert [report.status for report in found] == outcome
    assert [report.outside_id for report in found] == ["pi_1" if paid else "cs_1"] * len(found)
    assert all(report.checkout == "cs_1" for report in found)


def test_what_the_panel_did_not_create_is_ignored() -> None:
    assert reports.intent_report(intent("succeeded", metadata={"order": "7"})) is None
    assert reports.intent_report(intent("succeeded", metadata=None)) is None
    assert reports.checkout_reports(session("expired", metadata={})) == []
    other = {"payment_intent": {"id": "pi_1", "metadata": {}}}
    assert reports.refund_reports(other) == []
    assert reports.dispute_reports(other) == []


@pytest.mark.parametrize(
    ("entry", "fee"),
    [
        ({"fee": 62, "currency": "eur"}, Decimal("0.62")),
        ({"fee": 0, "currency": "eur"}, Decimal(0)),
        ({"fee": 62, "currency": "usd"}, None),
        ("txn_1", None),
        (None, None),
    ],
)
def test_fees(entry: Any, fee: Decimal | None) -> None:
    report = reports.intent_report(
        intent("succeeded", latest_charge={"balance_transaction": entry})
    )
    assert report is not None
    assert report.fee == fee


def test_a_late_payment_keeps_its_day() -> None:
    old = intent("succeeded", latest_charge={"created": 1_000_000_000})
    report = reports.intent_report(old)
    assert report is not None
    assert report.paid_on == date(2001, 9, 9)


@pytest.mark.parametrize(
    ("method", "used", "saved"),
    [
        (card("pm_1", "cus_1"), None, SavedMethod("pm_1", "cus_1", "visa", "4242", "2031-04")),
        (
            {"id": "pm_1", "type": "sepa_debit", "sepa_debit": {"last4": "3000"}},
            {"type": "sepa_debit", "sepa_debit": {"last4": "3000"}},
            SavedMethod("pm_1", "cus_1", "sepa_debit", "3000"),
        ),
        (
            {"id": "pm_1", "type": "ideal", "ideal": {"bank": "ing"}},
            {"type": "ideal", "ideal": {"generated_sepa_debit": "pm_2", "iban_last4": "0300"}},
            SavedMethod("pm_2", "cus_1", "sepa_debit", "0300"),
        ),
        (
            {"id": "pm_1", "type": "ideal", "ideal": {"bank": "ing"}},
            {"type": "ideal", "ideal": {"generated_sepa_debit": None}},
            None,
        ),
        ({"id": "pm_1", "type": "link", "link": {}}, None, SavedMethod("pm_1", "cus_1", "link")),
        ("pm_1", None, None),
    ],
)
def test_saved_methods(method: Any, used: Any, saved: SavedMethod | None) -> None:
    paid = intent(
        "succeeded",
        setup_future_usage="off_session",
        customer="cus_1",
        payment_method=method,
        latest_charge={"payment_method_details": used},
    )
    report = reports.intent_report(paid)
    assert report is not None
    assert report.method == saved
    once = reports.intent_report({**paid, "setup_future_usage": None})
    assert once is not None
    assert once.method is None


@pytest.mark.parametrize(
    ("status", "reported"),
    [
        ("pending", "pending"),
        ("requires_action", "pending"),
        ("succeeded", "succeeded"),
        ("failed", "failed"),
        ("canceled", "failed"),
    ],
)
def test_refunds(status: str, reported: str) -> None:
    refund = {
        "id": "re_1",
        "payment_intent": "pi_1",
        "status": status,
        "amount": 500,
        "currency": "jpy",
        "metadata": {"puqpanel_refund": "key-1"},
        "failure_reason": "lost_or_stolen_card" if status == "failed" else None,
    }
    reason = "Stripe: lost or stolen card" if status == "failed" else ""
    expected = RefundReport("pi_1", "re_1", reported, Decimal(500), "JPY", "key-1", reason)
    assert reports.refund_reports(refund) == [expected]
    assert reports.refund_reports({**refund, "payment_intent": None}) == []
    (other,) = reports.refund_reports({**refund, "metadata": None})
    assert other.key == ""


@pytest.mark.parametrize(
    ("status", "moved", "reported", "withdrawn"),
    [
        ("warning_needs_response", [], "open", False),
        ("warning_under_review", [], "open", False),
        ("warning_closed", [], "won", False),
        ("needs_response", [-2190], "open", True),
        ("under_review", [-2190], "open", True),
        ("won", [-2190, 2190], "won", False),
        ("lost", [-2190], "lost", True),
        ("prevented", [], "won", False),
        ("prevented", [-2190], "lost", True),
    ],
)
def test_disputes(status: str, moved: list[int], reported: str, *, withdrawn: bool) -> None:
    dispute = {
        "id": "du_1",
        "payment_intent": {"id": "pi_1", "metadata": {"puqpanel_attempt": "a"}},
        "status": status,
        "reason": "product_not_received",
        "amount": 2190,
        "currency": "eur",
        "balance_transactions": [{"amount": amount} for amount in moved],
    }
    reason = f"Stripe: product not received ({status.replace('_', ' ')})"
    expected = DisputeReport(
        "pi_1", "du_1", reported, Decimal("21.90"), "EUR", withdrawn=withdrawn, reason=reason
    )
    assert reports.dispute_reports(dispute) == [expected]
    assert reports.dispute_reports({**dispute, "payment_intent": None}) == []


def test_methods() -> None:
    method = card("pm_1", None)
    assert reports.method_reports(method, removed=False) == [
        MethodReport("pm_1", expires="2031-04")
    ]
    assert reports.method_reports(method, removed=True) == [MethodReport("pm_1", removed=True)]


@pytest.mark.parametrize(
    ("status", "reported"),
    [
        ("pending", "pending"),
        ("in_transit", "pending"),
        ("paid", "paid"),
        ("failed", "failed"),
        ("canceled", "failed"),
    ],
)
def test_payouts(status: str, reported: str) -> None:
    payout = {
        "id": "po_1",
        "status": status,
        "amount": 120050,
        "currency": "eur",
        "arrival_date": 1774224000,
        "failure_message": "The account is closed." if status == "failed" else None,
    }
    reason = "The account is closed." if status == "failed" else ""
    expected = PayoutReport("po_1", reported, Decimal("1200.50"), "EUR", date(2026, 3, 23), reason)
    assert reports.payout_reports(payout) == [expected]


@pytest.mark.parametrize(
    "changed",
    [
        {"status": "invented"},
        {"amount_received": None},
        {"amount_received": "x"},
        {"currency": None},
        {"id": None, "currency": 7},
        {"latest_charge": {"balance_transaction": {"fee": "x", "currency": "eur"}}},
    ],
)
def test_malformed_objects_raise_a_clear_error(changed: dict[str, Any]) -> None:
    with pytest.raises(ExternalServiceError, match="could not be read"):
        reports.intent_report({**intent("succeeded"), **changed})
    for read in (
        *(reports.checkout_reports, reports.refund_reports),
        *(reports.dispute_reports, reports.payout_reports),
    ):
        with pytest.raises(ExternalServiceError, match="could not be read"):
            read({"payment_intent": "pi_1", "status": "expired", "id": "x"})
