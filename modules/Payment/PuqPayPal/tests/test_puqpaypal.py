"""Payments, refunds and settings against a PayPal of the tests' own that can fail."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from modules.Payment.PuqPayPal.tests.conftest import Gateway
from modules.Payment.PuqPayPal.tests.paypal_server import (
    ATTEMPT,
    FAULTS,
    SECRET,
    SETTINGS,
    event,
    paid_capture,
)

# Paying


def test_checkout(gateway: Gateway) -> None:
    module = gateway.lab.module()
    module.module_data = {**SETTINGS, "brand_name": "Lumen", "immediate_only": True}
    module.attempt = ATTEMPT
    checkout = module.start_payment(ATTEMPT)
    assert checkout.url.endswith(checkout.outside_id)
    assert checkout.expires_at is not None
    (request,) = gateway.server.seen("POST", "/v2/checkout/orders")
    (unit,) = request.json["purchase_units"]
    assert (unit["custom_id"], unit["amount"]["value"]) == ("attempt-1", "21.90")
    context = request.json["payment_source"]["paypal"]["experience_context"]
    assert context["return_url"].endswith("/payments/attempt-1/return")
    assert (context["brand_name"], context["user_action"]) == ("Lumen", "PAY_NOW")
    assert context["payment_method_preference"] == "IMMEDIATE_PAYMENT_REQUIRED"


def test_same_key_returns_the_same_order(gateway: Gateway) -> None:
    first, second = (gateway.call("start_payment", ATTEMPT) for _ in range(2))
    assert first.outside_id == second.outside_id
    assert len(gateway.server.orders) == 1
    gateway.server.approve(first.outside_id)
    gateway.server.done["key-1"] = replace(
        gateway.server.done["key-1"],
        body=json.dumps(gateway.server.orders[first.outside_id] | {"links": []}).encode(),
    )
    assert gateway.call("start_payment", ATTEMPT).url.endswith("/client")


@pytest.mark.parametrize(("currency", "value"), [("JPY", "22"), ("HUF", "22"), ("EUR", "22.00")])
def test_zero_decimal_currency(gateway: Gateway, currency: str, value: str) -> None:
    attempt = replace(ATTEMPT, currency=currency, amount=Decimal("22.00"))
    order_id = gateway.call("start_payment", attempt).outside_id
    assert gateway.server.orders[order_id]["purchase_units"][0]["amount"]["value"] == value


def test_forint_with_decimals_is_refused_without_a_request(gateway: Gateway) -> None:
    attempt = replace(ATTEMPT, currency="HUF", amount=Decimal("21.90"))
    assert "HUF" in gateway.error("start_payment", attempt)
    assert gateway.server.seen("POST", "/v2") == []


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("path", ["/v1/oauth2/token", "/v2/checkout/orders"])
def test_checkout_during_a_fault(gateway: Gateway, path: str, fault: str) -> None:
    gateway.server.fail(fault, path=path)
    assert gateway.error("start_payment", ATTEMPT)
    assert gateway.call("start_payment", ATTEMPT).outside_id
    assert len(gateway.server.orders) == 1


def test_capture_on_return(gateway: Gateway) -> None:
    order_id = gateway.call("start_payment", ATTEMPT).outside_id
    assert gateway.reports("observe_payment", order_id) == []
    assert gateway.server.seen("POST", "capture") == []
    gateway.server.approve(order_id)
    (report,) = gateway.reports("observe_payment", order_id)
    assert (report.status, report.amount, report.currency) == ("succeeded", Decimal("21.90"), "EUR")
    assert (report.attempt, report.checkout) == ("attempt-1", order_id)
    assert (report.fee, report.payer) == (Decimal(1), "payer@example.test")
    assert report.outside_id in gateway.server.captures


def test_capture_on_webhook_and_return_happens_once(gateway: Gateway) -> None:
    order_id = gateway.approved()
    approved = event("CHECKOUT.ORDER.APPROVED", id=order_id)
    assert gateway.call("verify_event", approved)
    first = gateway.reports("read_event", approved)
    assert first == gateway.reports("read_event", approved)
    assert first == gateway.reports("observe_payment", order_id)
    assert first == gateway.reports("observe_payment", first[0].outside_id)
    assert len(gateway.server.captures) == 1


def test_order_captured_by_another_process_meanwhile(gateway: Gateway) -> None:
    order_id = gateway.approved()
    stale = json.loads(json.dumps(gateway.server.orders[order_id]))
    expected = gateway.reports("observe_payment", order_id)
    gateway.server.done.clear()
    fresh, read, old = gateway.server.orders[order_id], gateway.server._read, [stale]

    def once_stale(request: Any) -> Any:
        gateway.server.orders[order_id] = old.pop() if old else fresh
        reply = read(request)
        gateway.server.orders[order_id] = fresh
        return reply

    gateway.server._read = once_stale  # type: ignore[method-assign]
    assert gateway.reports("observe_payment", order_id) == expected
    assert len(gateway.server.captures) == 1


@pytest.mark.parametrize("fault", FAULTS)
def test_capture_during_a_fault_happens_once(gateway: Gateway, fault: str) -> None:
    order_id = gateway.approved()
    gateway.server.fail(fault, method="POST", path="capture")
    assert gateway.error("observe_payment", order_id)
    (report,) = gateway.reports("observe_payment", order_id)
    assert report.status == "succeeded"
    assert len(gateway.server.captures) == 1


def test_capture_that_times_out_after_it_was_done(gateway: Gateway) -> None:
    order_id = gateway.approved()
    gateway.server.fail("timeout_after", method="POST", path="capture")
    assert gateway.error("observe_payment", order_id)
    assert gateway.reports("observe_payment", order_id)[0].status == "succeeded"
    assert len(gateway.server.captures) == 1


@pytest.mark.parametrize("fault", FAULTS)
def test_observation_during_a_fault(gateway: Gateway, fault: str) -> None:
    order_id = gateway.approved()
    gateway.server.fail(fault, method="GET")
    assert gateway.error("observe_payment", order_id)


def test_pending_capture_succeeds_later(gateway: Gateway) -> None:
    gateway.server.capture_as = ("PENDING", "ECHECK")
    (report,) = gateway.reports("observe_payment", gateway.approved())
    assert report.status == "pending"
    assert "eCheck" in report.reason
    pending = event("PAYMENT.CAPTURE.PENDING", id=report.outside_id)
    assert gateway.reports("read_event", pending)[0].status == "pending"
    gateway.server.captures[report.outside_id]["status"] = "COMPLETED"
    completed = event("PAYMENT.CAPTURE.COMPLETED", id=report.outside_id)
    (later,) = gateway.reports("read_event", completed)
    assert (later.status, later.outside_id) == ("succeeded", report.outside_id)
    # an earlier event that arrives later reports the present state
    assert gateway.reports("read_event", pending)[0].status == "succeeded"


@pytest.mark.parametrize("kind", ["DENIED", "DECLINED"])
def test_denied_capture(gateway: Gateway, kind: str) -> None:
    gateway.server.capture_as = ("DECLINED", "")
    (report,) = gateway.reports("observe_payment", gateway.approved())
    assert report.status == "failed"
    denied = event(f"PAYMENT.CAPTURE.{kind}", id=report.outside_id)
    assert gateway.reports("read_event", denied) == [report]


def test_declined_card_leaves_the_order_payable(gateway: Gateway) -> None:
    order_id = gateway.approved()
    gateway.server.refuse = "INSTRUMENT_DECLINED"
    (report,) = gateway.reports("observe_payment", order_id)
    assert (report.status, report.checkout) == ("failed", order_id)
    gateway.server.refuse = ""
    assert gateway.reports("observe_payment", order_id)[0].status == "failed"
    gateway.server.approve(order_id)
    (report,) = gateway.reports("observe_payment", order_id)
    assert report.status == "succeeded"
    assert report.outside_id != order_id


def test_refused_capture_says_why(gateway: Gateway) -> None:
    order_id = gateway.approved()
    gateway.server.refuse = "PAYEE_ACCOUNT_RESTRICTED"
    assert "PAYEE_ACCOUNT_RESTRICTED" in gateway.error("observe_payment", order_id)


def test_unknown_order(gateway: Gateway) -> None:
    assert gateway.reports("observe_payment", "5O190127TN364715T") == []
    assert gateway.reports("observe_payment", "../../x?y#z") == []


# Refunds


def refund(gateway: Gateway, capture_id: str, amount: str, key: str) -> Any:
    return gateway.call("refund_payment", capture_id, Decimal(amount), key)


def test_partial_and_full_refund(gateway: Gateway) -> None:
    capture_id = paid_capture(gateway.server)
    first = refund(gateway, capture_id, "1.90", "r-1")
    assert (first.status, first.payment, first.key) == ("succeeded", capture_id, "r-1")
    assert refund(gateway, capture_id, "1.90", "r-1") == first
    assert refund(gateway, capture_id, "20.00", "r-2").amount == Decimal(20)
    assert len(gateway.server.refunds) == 2
    found = gateway.reports("observe_payment", capture_id)
    assert [entry.amount for entry in found] == [Decimal("21.90"), Decimal("1.90"), Decimal(20)]
    refused = refund(gateway, capture_id, "0.01", "r-3")
    assert not refused.ok
    assert "CAPTURE_FULLY_REFUNDED" in refused.message


def test_refund_of_too_much(gateway: Gateway) -> None:
    refused = refund(gateway, paid_capture(gateway.server), "21.91", "r-1")
    assert not refused.ok
    assert refused.retry is False
    assert "REFUND_AMOUNT_EXCEEDED" in refused.message


def test_refund_of_an_unknown_payment(gateway: Gateway) -> None:
    assert not refund(gateway, "CAP", "1.00", "r-1").ok


@pytest.mark.parametrize(
    ("status", "expected"),
    [("PENDING", "pending"), ("FAILED", "failed"), ("CANCELLED", "failed")],
)
def test_refund_that_does_not_complete(gateway: Gateway, status: str, expected: str) -> None:
    gateway.server.refund_as = status
    report = refund(gateway, paid_capture(gateway.server), "1.00", "r-1")
    assert report.status == expected
    assert report.reason
    gateway.server.refunds[report.outside_id]["status"] = "COMPLETED"
    later = event("PAYMENT.CAPTURE.REFUNDED", id=report.outside_id)
    (completed,) = gateway.reports("read_event", later)
    assert (completed.status, completed.key) == ("succeeded", "r-1")


def test_refund_in_yen(gateway: Gateway) -> None:
    capture_id = paid_capture(gateway.server, "5000", "JPY")
    assert refund(gateway, capture_id, "500", "r-1").amount == Decimal(500)
    assert "JPY" in gateway.error("refund_payment", capture_id, Decimal("0.5"), "r-2")


@pytest.mark.parametrize("fault", FAULTS)
def test_refund_during_a_fault_happens_once(gateway: Gateway, fault: str) -> None:
    capture_id = paid_capture(gateway.server)
    gateway.server.fail(fault, method="POST", path="refund")
    assert gateway.error("refund_payment", capture_id, Decimal("1.00"), "r-1")
    assert refund(gateway, capture_id, "1.00", "r-1").status == "succeeded"
    assert len(gateway.server.refunds) == 1


def test_refund_made_at_paypal_and_reversal(gateway: Gateway) -> None:
    capture_id = paid_capture(gateway.server)
    gateway.server.refund(capture_id, {"amount": {"currency_code": "EUR", "value": "21.90"}})
    (refund_id,) = gateway.server.refunds
    (report,) = gateway.reports("read_event", event("PAYMENT.CAPTURE.REFUNDED", id=refund_id))
    assert (report.payment, report.key, report.reason) == (capture_id, "", "")
    (report,) = gateway.reports("read_event", event("PAYMENT.CAPTURE.REVERSED", id=refund_id))
    assert (report.payment, report.status) == (capture_id, "succeeded")
    assert report.reason


# Settings


def test_connection(gateway: Gateway) -> None:
    module = gateway.lab.module()
    gateway.server.webhook["url"] = module.webhook_url
    result = gateway.call("test_connection")
    assert result.ok, result.message
    assert "APP-80W2" in result.message
    assert "sandbox" in result.message
    gateway.server.webhook["event_types"] = [{"name": "PAYMENT.CAPTURE.COMPLETED"}]
    assert "CHECKOUT.ORDER.APPROVED" in gateway.call("test_connection").message
    gateway.server.webhook["url"] = "https://other.test"
    assert "https://other.test" in gateway.call("test_connection").message
    gateway.settings["webhook_id"] = "ANOTHER"
    assert not gateway.call("test_connection").ok
    gateway.settings["client_secret"] = "wrong"
    assert "client ID" in gateway.error("test_connection")


def test_settings_page_shows_the_webhook(gateway: Gateway) -> None:
    page = gateway.call("get_settings_page")
    assert "PAYMENT.CAPTURE.REVERSED" in page
    assert gateway.lab.module().webhook_url in page
    assert SECRET not in page


def test_secrets_are_not_logged(gateway: Gateway) -> None:
    gateway.call("start_payment", ATTEMPT)
    logged = "\n".join(gateway.lab.logged())
    assert "checkout/orders" in logged
    assert SECRET not in logged
    assert gateway.server.valid not in logged


def test_revoked_token_is_requested_again(gateway: Gateway) -> None:
    gateway.server.fail("401", path="/v2/checkout/orders")
    assert gateway.call("start_payment", ATTEMPT).outside_id
    assert gateway.server.tokens == 2
