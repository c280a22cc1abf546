"""Signatures, certificates and events of webhooks."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from modules.Payment.PuqPayPal.tests.conftest import Gateway
from modules.Payment.PuqPayPal.tests.paypal_server import (
    CERTIFICATE,
    FAULTS,
    NOW,
    event,
    key_pair,
    paid_capture,
    signed,
)

# Webhooks


def test_signature(gateway: Gateway) -> None:
    good = event("PAYMENT.CAPTURE.COMPLETED", id="CAP")
    assert gateway.call("verify_event", good) is True
    assert gateway.call("verify_event", replace(good, body=good.body + b" ")) is False
    another = key_pair(1)[0]
    assert gateway.call("verify_event", signed({"a": 1}, key=another)) is False
    assert gateway.call("verify_event", signed({"a": 1}, webhook="ANOTHER")) is False
    for name in (name for name in good.headers if name.startswith("paypal")):
        rest = {key: value for key, value in good.headers.items() if key != name}
        assert gateway.call("verify_event", replace(good, headers=rest)) is False
    for broken in ("%%%", "AAAA", ""):
        headers = {**good.headers, "paypal-transmission-sig": broken}
        assert gateway.call("verify_event", replace(good, headers=headers)) is False
    headers = {**good.headers, "paypal-transmission-time": "yesterday"}
    assert gateway.call("verify_event", replace(good, headers=headers)) is False


@pytest.mark.parametrize(
    ("age", "accepted"),
    [
        (timedelta(days=1), True),
        (timedelta(days=3, hours=1), True),
        (timedelta(days=5), False),
        (timedelta(days=-5), False),
    ],
)
def test_age_of_a_signature(gateway: Gateway, age: timedelta, accepted: bool) -> None:
    old = signed({"event_type": "x", "resource": {}}, at=NOW - age)
    assert gateway.call("verify_event", old) is accepted


def test_rotated_certificate_has_another_address(gateway: Gateway) -> None:
    key, certificate = key_pair(2)
    gateway.server.certificate = certificate
    rotated = signed({"event_type": "x"}, url=CERTIFICATE + "-new", key=key)
    assert gateway.call("verify_event", rotated) is True


def test_certificate_of_another_host_is_not_fetched(gateway: Gateway) -> None:
    url = CERTIFICATE.replace("api.sandbox.paypal.com", "api.sandbox.paypal.com.evil.test")
    assert gateway.call("verify_event", signed({"a": 1}, url=url)) is False
    live = CERTIFICATE.replace("sandbox.", "")
    assert gateway.call("verify_event", signed({"a": 1}, url=live)) is False
    assert gateway.server.requests == []


@pytest.mark.parametrize("fault", [*FAULTS[:-2], "404", "302"])
def test_certificate_that_cannot_be_fetched(gateway: Gateway, fault: str) -> None:
    gateway.server.fail(fault, path="certs")
    good = signed({"event_type": "x"})
    assert gateway.error("verify_event", good)
    assert gateway.call("verify_event", good) is True


def test_expired_or_broken_certificate(gateway: Gateway) -> None:
    key, gateway.server.certificate = key_pair(3, days=10)
    assert "expired" in gateway.error("verify_event", signed({"a": 1}, key=key))
    gateway.server.certificate = b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----"
    broken = signed({"a": 1}, url=CERTIFICATE + "-broken")
    assert "read" in gateway.error("verify_event", broken)
    gateway.server.certificate = key_pair()[1]
    assert gateway.call("verify_event", broken) is True


def test_no_webhook_id_accepts_nothing(gateway: Gateway) -> None:
    gateway.settings["webhook_id"] = ""
    assert gateway.call("verify_event", signed({"a": 1}, webhook="")) is False


def test_verification_by_api(gateway: Gateway) -> None:
    gateway.settings["verify_by_api"] = True
    capture_id = paid_capture(gateway.server)
    body = b'{ "event_type":"PAYMENT.CAPTURE.COMPLETED",  "resource":{"id":"%s"} }'
    raw = body.replace(b"%s", capture_id.encode())
    sent = signed(raw)
    assert gateway.call("verify_event", sent) is True
    assert gateway.server.requests == []
    assert gateway.reports("read_event", sent)[0].status == "succeeded"
    (request,) = gateway.server.seen("POST", "verify-webhook-signature")
    assert raw in request.body
    assert request.json["cert_url"] == CERTIFICATE
    gateway.server.genuine = False
    assert gateway.reports("read_event", sent) == []
    gateway.server.genuine = True
    for fault in FAULTS:
        gateway.server.fail(fault, path="verify-webhook-signature")
        assert gateway.error("read_event", sent)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\x00\xff",
        b"{}",
        {"event_type": None, "resource": []},
        {"event_type": "PAYMENT.CAPTURE.COMPLETED"},
        {"event_type": "PAYMENT.CAPTURE.COMPLETED", "resource": {}},
        {"event_type": "PAYMENT.CAPTURE.COMPLETED", "resource": {"id": None}},
        {"event_type": "CUSTOMER.DISPUTE.CREATED", "resource": {"id": "x"}},
        {"event_type": "BILLING.PLAN.CREATED", "resource": {"id": "P-1"}},
        {"event_type": "PAYMENT.SALE.COMPLETED", "resource": {"id": "P-1"}},
    ],
)
def test_events_that_mean_nothing(gateway: Gateway, body: Any) -> None:
    assert gateway.call("verify_event", signed(body)) in (True, False)
    assert gateway.reports("read_event", signed(body)) == []


def test_event_about_an_unknown_payment_is_read_again(gateway: Gateway) -> None:
    assert gateway.error("read_event", event("PAYMENT.CAPTURE.COMPLETED", id="CAP"))


@pytest.mark.parametrize("fault", FAULTS)
def test_reading_during_a_fault(gateway: Gateway, fault: str) -> None:
    capture_id = paid_capture(gateway.server)
    gateway.server.fail(fault, path="captures")
    completed = event("PAYMENT.CAPTURE.COMPLETED", id=capture_id)
    assert gateway.error("read_event", completed)
    assert gateway.reports("read_event", completed)[0].outside_id == capture_id


def test_payment_whose_order_is_gone(gateway: Gateway) -> None:
    capture_id = paid_capture(gateway.server)
    gateway.server.orders.clear()
    (report,) = gateway.reports("observe_payment", capture_id)
    assert (report.outside_id, report.status) == (capture_id, "succeeded")


def test_dispute(gateway: Gateway) -> None:
    dispute = {
        "dispute_id": "PP-D-1",
        "status": "OPEN",
        "reason": "UNAUTHORISED",
        "dispute_amount": {"currency_code": "EUR", "value": "21.90"},
        "disputed_transactions": [{"seller_transaction_id": "CAP"}],
    }
    gateway.server.disputes["PP-D-1"] = dispute
    created = event("CUSTOMER.DISPUTE.CREATED", dispute_id="PP-D-1")
    (report,) = gateway.reports("read_event", created)
    assert (report.status, report.payment, report.amount) == ("open", "CAP", Decimal("21.90"))
    dispute |= {"status": "RESOLVED", "dispute_outcome": {"outcome_code": "RESOLVED_BUYER_FAVOUR"}}
    resolved = event("CUSTOMER.DISPUTE.RESOLVED", dispute_id="PP-D-1")
    assert gateway.reports("read_event", resolved)[0].status == "lost"
    gateway.server.fail("403")
    assert gateway.error("read_event", resolved)
