"""Payments, webhooks and refunds against a monobank of the tests' own that can fail."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from modules.Payment.PuqMonobank.tests.conftest import Gateway
from modules.Payment.PuqMonobank.tests.monobank_server import (
    ATTEMPT,
    FAULTS,
    NOW,
    SETTINGS,
    TOKEN,
    signed,
)
from puqpanel.sdk import cache


def test_checkout(gateway: Gateway) -> None:
    module = gateway.lab.module()
    module.module_data, module.attempt = {**SETTINGS, "validity_hours": 2}, ATTEMPT
    checkout = module.start_payment(ATTEMPT)
    assert checkout.url.endswith(checkout.outside_id)
    (request,) = gateway.server.seen("POST", "create")
    sent = request.json
    assert (sent["amount"], sent["ccy"], sent["validity"]) == (4200, 980, 7200)
    assert sent["merchantPaymInfo"]["reference"] == "attempt-1"
    assert sent["redirectUrl"].endswith("/payments/attempt-1/return")
    assert sent["webHookUrl"] == module.webhook_url
    assert sent["paymentType"] == "debit"


def test_hryvnia_only(gateway: Gateway) -> None:
    for attempt in (replace(ATTEMPT, currency="EUR"), replace(ATTEMPT, amount=Decimal("1.001"))):
        assert "monobank accepts" in gateway.error("start_payment", attempt)
    assert gateway.server.requests == []


@pytest.mark.parametrize("fault", FAULTS)
def test_checkout_during_a_fault(gateway: Gateway, fault: str) -> None:
    gateway.server.fail(fault)
    assert gateway.error("start_payment", ATTEMPT)
    assert gateway.started()


def test_observation(gateway: Gateway) -> None:
    invoice_id = gateway.started()
    assert gateway.reports("observe_payment", invoice_id) == []
    gateway.server.pay(invoice_id, "processing")
    assert gateway.reports("observe_payment", invoice_id)[0].status == "pending"
    gateway.server.pay(invoice_id)
    (report,) = gateway.reports("observe_payment", invoice_id)
    assert (report.status, report.amount, report.attempt) == (
        "succeeded",
        Decimal(42),
        "attempt-1",
    )
    assert gateway.reports("observe_payment", invoice_id) == [report]
    assert gateway.reports("observe_payment", "unknown") == []


def test_expired_invoice_is_observed(gateway: Gateway) -> None:
    invoice_id = gateway.started()
    gateway.server.pay(invoice_id, "expired")
    assert gateway.reports("observe_payment", invoice_id)[0].status == "cancelled"


@pytest.mark.parametrize("fault", [*FAULTS, "timeout"])
def test_observation_during_a_fault(gateway: Gateway, fault: str) -> None:
    invoice_id = gateway.paid()
    gateway.server.fail(fault, path="status")
    assert gateway.error("observe_payment", invoice_id)
    assert gateway.reports("observe_payment", invoice_id)[0].status == "succeeded"


def held(gateway: Gateway) -> str:
    gateway.settings["hold"] = True
    invoice_id = gateway.paid()
    assert gateway.server.invoices[invoice_id]["status"] == "hold"
    return invoice_id


def test_held_amount_is_charged(gateway: Gateway) -> None:
    invoice_id = held(gateway)
    gateway.settings["hold"] = False  # also if the setting has been changed since
    for _ in range(2):
        assert gateway.reports("observe_payment", invoice_id)[0].status == "succeeded"
    assert [request.json["amount"] for request in gateway.server.seen("POST", "finalize")] == [4200]


@pytest.mark.parametrize("fault", FAULTS)
def test_charge_of_a_hold_during_a_fault(gateway: Gateway, fault: str) -> None:
    invoice_id = held(gateway)
    gateway.server.fail(fault, path="finalize")
    assert gateway.error("observe_payment", invoice_id)
    assert gateway.reports("observe_payment", invoice_id)[0].status == "succeeded"


def test_hold_charged_by_another_process_meanwhile(gateway: Gateway) -> None:
    invoice_id = held(gateway)
    stale = dict(gateway.server.invoices[invoice_id], modifiedDate="2027-01-01T00:00:00Z")
    gateway.server.pay(invoice_id, "success")
    assert gateway.reports("read_event", signed(stale))[0].status == "succeeded"


# Webhooks


def test_signature(gateway: Gateway) -> None:
    good = signed({"invoiceId": "p2_1", "status": "success"})
    assert gateway.call("verify_event", good) is True
    assert gateway.call("verify_event", replace(good, body=good.body + b" ")) is False
    assert gateway.call("verify_event", signed({"a": 1}, number=1)) is False
    for sign in ("", "%%%", "AAAA"):
        assert gateway.call("verify_event", replace(good, headers={"x-sign": sign})) is False
    later = replace(good, received_at=NOW + timedelta(days=1))
    assert gateway.call("verify_event", later) is True  # harmless: the present state is requested


@pytest.mark.parametrize("fault", FAULTS)
def test_key_that_cannot_be_requested(gateway: Gateway, fault: str) -> None:
    gateway.server.fail(fault, path="pubkey")
    assert gateway.error("verify_event", signed({"a": 1}))
    cache.flush()  # the note that it was requested, as after a minute
    assert gateway.call("verify_event", signed({"a": 1})) is True


def test_events_in_any_order_and_twice(gateway: Gateway) -> None:
    invoice_id = gateway.started()
    states = [gateway.server.pay(invoice_id, "processing"), gateway.server.pay(invoice_id)]
    for state in (*states, *reversed(states)):
        assert gateway.reports("read_event", signed(state))[0].status == "succeeded"
    # the webhook may be newer than the answer to a request
    newer = {**states[1], "status": "failure", "modifiedDate": "2027-01-01T00:00:00Z"}
    assert gateway.reports("read_event", signed(newer))[0].status == "failed"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\x00\xff",
        {},
        {"invoiceId": None, "status": "success"},
        {"invoiceId": "p2_1"},
        {"subscriptionId": "s", "status": "active"},
    ],
)
def test_events_that_mean_nothing(gateway: Gateway, body: Any) -> None:
    assert gateway.call("verify_event", signed(body)) in (True, False)
    assert gateway.reports("read_event", signed(body)) == []


def test_event_during_a_fault_or_about_an_unknown_invoice(gateway: Gateway) -> None:
    assert gateway.error("read_event", signed({"invoiceId": "p2_1", "status": "success"}))
    paid = signed(gateway.server.invoices[gateway.paid()])
    for fault in FAULTS:
        gateway.server.fail(fault)
        assert gateway.error("read_event", paid)
    assert gateway.reports("read_event", paid)[0].status == "succeeded"


# Refunds


def refund(gateway: Gateway, invoice_id: str, amount: str, key: str) -> Any:
    return gateway.call("refund_payment", invoice_id, Decimal(amount), key)


def test_partial_and_full_refund(gateway: Gateway) -> None:
    invoice_id = gateway.paid()
    first = refund(gateway, invoice_id, "2.00", "r-1")
    assert (first.status, first.payment, first.key) == ("succeeded", invoice_id, "r-1")
    assert refund(gateway, invoice_id, "2.00", "r-1") == first
    assert refund(gateway, invoice_id, "40.00", "r-2").status == "succeeded"
    assert len(gateway.server.seen("POST", "cancel")) == 2
    found = gateway.reports("observe_payment", invoice_id)
    assert [entry.amount for entry in found] == [Decimal(42), Decimal(2), Decimal(40)]
    refused = refund(gateway, invoice_id, "0.01", "r-3")
    assert not refused.ok
    assert refused.retry is False
    assert "INVALID_AMOUNT" in refused.message


def test_refunds_that_are_not_possible(gateway: Gateway) -> None:
    assert not refund(gateway, gateway.paid(), "42.01", "r-1").ok
    unpaid = gateway.call("start_payment", replace(ATTEMPT, key="key-2")).outside_id
    assert not refund(gateway, unpaid, "1.00", "r-1").ok
    assert not refund(gateway, "unknown", "1.00", "r-1").ok


@pytest.mark.parametrize(("state", "expected"), [("processing", "pending"), ("failure", "failed")])
def test_refund_that_does_not_complete(gateway: Gateway, state: str, expected: str) -> None:
    gateway.server.refund_as = state
    invoice_id = gateway.paid()
    assert refund(gateway, invoice_id, "1.00", "r-1").status == expected
    gateway.server.invoices[invoice_id]["cancelList"][0]["status"] = "success"
    event = signed(gateway.server.invoices[invoice_id])
    (_payment, later) = gateway.reports("read_event", event)
    assert (later.status, later.key) == ("succeeded", "r-1")


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("path", ["status", "cancel"])
def test_refund_during_a_fault_happens_once(gateway: Gateway, path: str, fault: str) -> None:
    invoice_id = gateway.paid()
    gateway.server.fail(fault, path=path)
    assert gateway.error("refund_payment", invoice_id, Decimal("1.00"), "r-1")
    assert refund(gateway, invoice_id, "1.00", "r-1").status == "succeeded"
    assert len(gateway.server.invoices[invoice_id]["cancelList"]) == 1


# Settings


def test_connection(gateway: Gateway) -> None:
    result = gateway.call("test_connection")
    assert result.ok
    assert "Lumen" in result.message
    gateway.settings["token"] = "wrong"
    assert "token is not valid" in gateway.error("test_connection")


def test_settings_page_and_log_contain_no_token(gateway: Gateway) -> None:
    gateway.started()
    page = gateway.call("get_settings_page")
    assert gateway.lab.module().webhook_url in page
    logged = "\n".join(gateway.lab.logged())
    assert "invoice/create" in logged
    assert TOKEN not in page + logged
