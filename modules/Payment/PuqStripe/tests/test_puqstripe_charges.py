"""Charging and removing saved methods."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from modules.Payment.PuqStripe.tests.gateway import Gateway, attempt
from modules.Payment.PuqStripe.tests.stripe_server import AUTHENTICATE, DECLINED, card
from puqpanel.sdk import PaymentAttempt, SavedMethod


def saved(gateway: Gateway, **changed: Any) -> PaymentAttempt:
    """Return an attempt to charge a saved card."""
    customer = gateway.server.keep("cus_", {"object": "customer"})["id"]
    method = gateway.server.keep("pm_", card("", customer))["id"]
    return attempt(method=SavedMethod(method, customer, "visa", "4242"), **changed)


def test_charged(gateway: Gateway) -> None:
    wanted = saved(gateway)
    report = gateway.value("charge", wanted)
    assert (report.status, report.amount, report.currency) == (
        "succeeded",
        Decimal("21.90"),
        "EUR",
    )
    assert (report.attempt, report.fee) == ("0192-a", Decimal("0.62"))
    assert report.outside_id.startswith("pi_")
    (sent,) = gateway.server.done
    assert (sent["confirm"], sent["off_session"]) == ("true", "true")
    assert sent["payment_method"] == wanted.method.outside_id
    (request,) = gateway.server.seen("POST")
    assert request.headers["idempotency-key"] == wanted.key


def test_zero_decimal_currency(gateway: Gateway) -> None:
    report = gateway.value("charge", saved(gateway, amount="500", currency="JPY"))
    assert (report.amount, gateway.server.done[0]["amount"]) == (Decimal(500), "500")
    called = gateway.call("charge", saved(gateway, uuid="b", amount="0.5", currency="JPY"))
    assert (called.result.ok, called.result.retry, called.result.code) == (False, False, 422)
    assert "exactly" in called.result.message


def test_repeated(gateway: Gateway) -> None:
    wanted = saved(gateway)
    first = gateway.value("charge", wanted)
    assert gateway.value("charge", wanted) == first
    gateway.server.saved.clear()  # Stripe forgets keys after a day
    assert gateway.value("charge", wanted) == first
    assert len(gateway.server.done) == 1


@pytest.mark.parametrize(
    ("error", "reason"),
    [(DECLINED, "Your card was declined."), (AUTHENTICATE, "confirm this payment yourself")],
)
def test_declined(gateway: Gateway, error: dict[str, Any], reason: str) -> None:
    gateway.server.decline = error
    wanted = saved(gateway)
    report = gateway.value("charge", wanted)
    assert (report.status, report.action_url, report.attempt) == ("failed", "", "0192-a")
    assert reason in report.reason
    assert gateway.value("charge", wanted) == report
    assert gateway.value("observe_payment", report.outside_id) == [report]


def test_a_debit_is_pending(gateway: Gateway) -> None:
    gateway.server.intent_status = "processing"
    assert gateway.value("charge", saved(gateway)).status == "pending"


@pytest.mark.parametrize(
    "method", [None, SavedMethod("pm_1"), SavedMethod("pm_1", "cus_gone"), SavedMethod("", "cus_1")]
)
def test_no_such_method(gateway: Gateway, method: SavedMethod | None) -> None:
    called = gateway.call("charge", attempt(method=method))
    assert not called.raised
    assert (called.result.ok, called.result.retry, called.result.code) == (False, False, 422)
    assert called.result.message


def test_removed_once_and_again(gateway: Gateway) -> None:
    method = saved(gateway).method
    for _ in range(2):
        assert gateway.call("remove_method", method).result.ok
    assert gateway.server.objects[method.outside_id]["customer"] is None
    gateway.server.saved.clear()
    assert gateway.call("remove_method", method).result.ok
    assert gateway.call("remove_method", SavedMethod("pm_unknown", "cus_1")).result.ok
