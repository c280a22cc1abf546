"""Refunds."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from modules.Payment.PuqStripe.tests.gateway import Gateway
from puqpanel.sdk import RefundReport


def paid(gateway: Gateway, amount: int = 2190, currency: str = "eur") -> str:
    """Return the id of a succeeded payment."""
    intent = gateway.server.new_intent(amount, currency, {"puqpanel_attempt": "a"}, None)
    gateway.server.settle_intent(intent, "succeeded")
    return str(intent["id"])


def refund(gateway: Gateway, payment: str, amount: str, key: str = "refund-1") -> Any:
    """Refund as the panel does."""
    return gateway.value("refund_payment", payment, Decimal(amount), key)


@pytest.mark.parametrize("amount", ["21.90", "5", "0.01"])
def test_full_and_partial(gateway: Gateway, amount: str) -> None:
    payment = paid(gateway)
    report = refund(gateway, payment, amount)
    assert report == RefundReport(
        payment, report.outside_id, "succeeded", Decimal(amount), "EUR", "refund-1"
    )
    (request,) = gateway.server.seen("POST")
    assert request.headers["idempotency-key"] == "refund-1"


@pytest.mark.parametrize("status", ["pending", "failed"])
def test_pending_and_failed(gateway: Gateway, status: str) -> None:
    gateway.server.refund_status = status
    report = refund(gateway, paid(gateway), "5")
    assert (report.status, bool(report.reason)) == (status, status == "failed")


def test_repeated(gateway: Gateway) -> None:
    payment = paid(gateway)
    first = refund(gateway, payment, "5")
    assert refund(gateway, payment, "5") == first
    gateway.server.saved.clear()  # Stripe forgets keys after a day
    assert refund(gateway, payment, "5") == first
    assert len(gateway.server.done) == 1
    assert refund(gateway, payment, "5", "refund-2") != first


def test_zero_decimal_currency(gateway: Gateway) -> None:
    report = refund(gateway, paid(gateway, 500, "jpy"), "200")
    assert (report.amount, report.currency) == (Decimal(200), "JPY")
    assert gateway.server.done[0]["amount"] == "200"


@pytest.mark.parametrize(
    ("payment", "amount", "said"),
    [
        ("", "21.91", "greater than"),
        ("", "0", "exactly"),
        ("", "1.005", "exactly"),
        ("pi_unknown", "5", "No such"),
        ("ch_1", "5", "pi_"),
        ("no-such-transaction", "5", "pi_"),
    ],
)
def test_refused(gateway: Gateway, payment: str, amount: str, said: str) -> None:
    payment = payment or paid(gateway)
    called = gateway.call("refund_payment", payment, Decimal(amount), "refund-1")
    assert not called.raised
    assert (called.result.ok, called.result.retry, called.result.code) == (False, False, 422)
    assert said in called.result.message
    assert gateway.server.done == []


def test_a_refund_that_failed_later_is_observed(gateway: Gateway) -> None:
    payment = paid(gateway)
    report = refund(gateway, payment, "5")
    gateway.server.objects[report.outside_id].update(status="failed")
    charge = gateway.server.objects[payment]["latest_charge"]
    gateway.server.objects[charge]["amount_refunded"] = 0
    _payment, observed = gateway.value("observe_payment", payment)
    assert (observed.outside_id, observed.status) == (report.outside_id, "failed")
