"""The gateway against a BTCPay Server of the tests: checkouts, webhooks, payments and refunds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from modules.Payment.BtcPay.tests.btcpay_server import (
    FAR,
    KEY,
    PERMISSIONS,
    RECEIVED,
    STORE,
    BtcPayServer,
    event,
    payment,
    settings,
    signed,
)
from puqpanel.host.calls import Called
from puqpanel.sdk import PaymentAttempt, PaymentReport, RefundReport, WebhookEvent
from puqpanel.sdk.testing import Lab

FAULTS = ("500", "429", "garbage", "empty", "timeout", "drop")


class Gateway:
    """The module in a lab, called as the panel calls it."""

    def __init__(self, lab: Lab, server: BtcPayServer) -> None:
        self.lab, self.server = lab, server

    def call(self, method: str, *args: Any, **changed: Any) -> Called:
        stored = {"module_data": {**settings(self.server), **changed}}
        return self.lab.call(method, *args, stored=stored)

    def value(self, method: str, *args: Any, **changed: Any) -> Any:
        called = self.call(method, *args, **changed)
        assert not called.error, called.error
        return called.value

    def error(self, method: str, *args: Any, **changed: Any) -> str:
        """Return the text of a clear error: one without a traceback in the log."""
        called = self.call(method, *args, **changed)
        assert called.raised and not called.reference, called
        assert KEY not in called.error
        return called.error

    def refund(self, transaction: str, amount: str, key: str = "key-1") -> Any:
        return self.value("refund_payment", transaction, Decimal(amount), key)


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with BtcPayServer() as server, Lab(Path(__file__).parents[1]) as lab:
        server.silence = 8
        yield Gateway(lab.activate(), server)


def attempt(amount: str = "21.90", currency: str = "EUR", key: str = "key-a") -> PaymentAttempt:
    sample = PaymentAttempt.sample(currency)
    return replace(
        sample, uuid="0192-a", key=key, amount=Decimal(amount), description="Invoice 2026/7"
    )


def webhook(body: bytes, headers: dict[str, str], age: timedelta = timedelta(0)) -> WebhookEvent:
    lower = {name.lower(): value for name, value in headers.items()}
    return WebhookEvent("e", body, lower, datetime.now(UTC) + age)


# The checkout


def test_a_checkout_is_created_once(gateway: Gateway) -> None:
    checkout = gateway.value("start_payment", attempt())
    assert (checkout.outside_id, checkout.url) == ("Inv1", f"{gateway.server.url}/i/Inv1")
    assert checkout.expires_at == datetime.fromtimestamp(FAR, UTC)
    (sent,) = gateway.server.seen("POST", "/invoices$")
    assert (sent.json["amount"], sent.json["currency"]) == ("21.90", "EUR")
    assert sent.json["metadata"] == {
        "orderId": "0192-a",
        "attemptKey": "key-a",
        "itemDesc": "Invoice 2026/7",
    }
    assert gateway.value("start_payment", attempt()) == checkout
    gateway.server.store["Inv1"]["status"] = "Expired"
    assert gateway.value("start_payment", attempt()).outside_id == "Inv2"
    assert gateway.value("start_payment", attempt(key="key-b")).outside_id == "Inv3"
    assert gateway.value("start_payment", attempt("5.00")).outside_id == "Inv4"


def test_a_lost_answer_creates_no_second_invoice(gateway: Gateway) -> None:
    gateway.server.fail("drop_after", method="POST")
    gateway.error("start_payment", attempt())
    assert gateway.value("start_payment", attempt()).outside_id == "Inv1"
    assert len(gateway.server.store) == 1


def test_a_currency_without_decimals(gateway: Gateway) -> None:
    gateway.value("start_payment", attempt("500", "JPY"))
    assert gateway.server.store["Inv1"]["amount"] == "500"
    gateway.server.add_invoice(
        payment("tx-0", "0.00006251"), amount="500", currency="JPY", rate="8000000"
    )
    (report,) = gateway.value("observe_payment", "Inv2")
    assert (report.amount, report.currency) == (Decimal(500), "JPY")


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("method", ["start_payment", "observe_payment", "test_connection"])
def test_faults_are_clear_errors(gateway: Gateway, method: str, fault: str) -> None:
    gateway.server.add_invoice(payment("tx-0", "0.000438"))
    gateway.server.fail(fault, times=100)
    arguments = {"start_payment": (attempt(),), "observe_payment": ("Inv1",)}.get(method, ())
    assert gateway.error(method, *arguments)


def test_refusals_name_the_reason(gateway: Gateway) -> None:
    assert "too high" in gateway.error("start_payment", attempt("2000000"))
    assert "API key" in gateway.error("start_payment", attempt(), api_key="wrong")
    assert "store ID" in gateway.error("start_payment", attempt(), store_id="Other")
    assert "no server" in gateway.error("start_payment", attempt(), server="")


# Webhooks


@pytest.mark.parametrize(
    ("headers", "accepted"),
    [
        (signed(b"{}"), True),
        (signed(b"{}", "old"), True),
        (signed(b"{}", "other"), False),
        (signed(b"{} "), False),
        (signed(b"{}", ""), False),
        ({"BTCPay-Sig": "sha256=é"}, False),
        ({"BTCPay-Sig": ""}, False),
        ({}, False),
    ],
)
def test_signatures(gateway: Gateway, headers: dict[str, str], accepted: bool) -> None:
    rotated = {"previous_webhook_secret": "old"}
    assert gateway.value("verify_event", webhook(b"{}", headers), **rotated) is accepted
    unset = {"webhook_secret": "", "previous_webhook_secret": ""}
    assert gateway.value("verify_event", webhook(b"{}", headers), **unset) is False


def test_an_old_event_reports_what_is_true_now(gateway: Gateway) -> None:
    gateway.server.add_invoice(payment("tx-0", "0.000438", "Processing"), status="Processing")
    body = event("InvoiceReceivedPayment", invoiceId="Inv1")
    old = webhook(body, signed(body), timedelta(days=-1))
    assert gateway.value("verify_event", old) is True
    (report,) = gateway.value("read_event", old)
    assert report.status == "pending"
    gateway.server.methods["Inv1"][0]["payments"][0]["status"] = "Settled"
    first, second = gateway.value("read_event", old), gateway.value("read_event", old)
    assert first == second and first[0].status == "succeeded"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"\xff",
        event("InvoiceCreated", invoiceId="Inv1"),
        event("InvoiceUnheardOf", invoiceId="Inv1"),
        event("InvoiceSettled"),
        event("InvoiceSettled", invoiceId="Inv1", storeId="Other"),
        event("PayoutUpdated"),
    ],
)
def test_events_that_do_not_matter(gateway: Gateway, body: bytes) -> None:
    gateway.server.add_invoice(payment("tx-0", "0.000438"))
    assert gateway.value("read_event", webhook(body, signed(body))) == []
    assert gateway.server.requests == []


def test_an_event_of_an_unknown_invoice_is_a_clear_error(gateway: Gateway) -> None:
    body = event("InvoiceSettled", invoiceId="../../x")
    assert gateway.error("read_event", webhook(body, signed(body)))


# Payments


def test_each_payment_is_a_report(gateway: Gateway) -> None:
    gateway.server.add_invoice(
        payment("b-1", "0.0002", "Settled", RECEIVED + 60), payment("a-0", "0.000238")
    )
    first, second = gateway.value("observe_payment", "Inv1:a-0")
    assert first == PaymentReport(
        outside_id="Inv1:a-0",
        status="succeeded",
        amount=Decimal("11.90"),
        currency="EUR",
        attempt="0192-a",
        checkout="Inv1",
        paid_on=date(2026, 11, 2),
    )
    assert (second.outside_id, second.amount) == ("Inv1:b-1", Decimal("10.00"))


STATES = [
    ("New", "None", [], []),
    ("New", "None", [("0.0001", "Processing")], [("Inv1:0", "pending", "5.00")]),
    ("New", "PaidPartial", [("0.0001", "Settled")], [("Inv1:0", "succeeded", "5.00")]),
    ("Processing", "None", [("0.000438", "Processing")], [("Inv1:0", "pending", "21.90")]),
    ("Settled", "None", [("0.000438", "Settled")], [("Inv1:0", "succeeded", "21.90")]),
    ("Settled", "PaidOver", [("0.0006", "Settled")], [("Inv1:0", "succeeded", "30.00")]),
    ("Settled", "Marked", [], []),
    ("Expired", "None", [], [("Inv1", "cancelled", "21.90")]),
    ("Expired", "PaidPartial", [("0.0001", "Settled")], [("Inv1:0", "succeeded", "5.00")]),
    ("Expired", "PaidLate", [("0.000438", "Settled")], [("Inv1:0", "succeeded", "21.90")]),
    ("Invalid", "Marked", [("0.000438", "Settled")], [("Inv1:0", "succeeded", "21.90")]),
    ("Invalid", "None", [("0.000438", "Processing")], [("Inv1:0", "pending", "21.90")]),
    (
        "Invalid",
        "None",
        [("0.000438", "Invalid")],
        [("Inv1:0", "failed", "21.90"), ("Inv1", "failed", "21.90")],
    ),
    (
        "Settled",
        "None",
        [("0.000438", "Invalid"), ("0.000438", "Settled")],
        [("Inv1:0", "failed", "21.90"), ("Inv1:1", "succeeded", "21.90")],
    ),
    ("New", "None", [("0.00000001", "Settled")], []),
]


@pytest.mark.parametrize(("status", "additional", "payments", "reports"), STATES)
def test_states(
    gateway: Gateway,
    status: str,
    additional: str,
    payments: list[tuple[str, str]],
    reports: list[tuple[str, str, str]],
) -> None:
    made = [payment(str(at), *one) for at, one in enumerate(payments)]
    gateway.server.add_invoice(*made, status=status, additionalStatus=additional)
    found = gateway.value("observe_payment", "Inv1")
    assert [(one.outside_id, one.status, str(one.amount)) for one in found] == reports
    assert all(one.reason for one in found if one.status != "succeeded")


def test_parts_add_up_to_the_invoice(gateway: Gateway) -> None:
    parts = [payment(str(at), "0.0000667", at=RECEIVED + at) for at in range(3)]
    gateway.server.add_invoice(*parts, amount="10.01")
    found = gateway.value("observe_payment", "Inv1")
    assert sum(one.amount for one in found) == Decimal("10.01")
    before = found[:2]
    gateway.server.methods["Inv1"][0]["payments"].append(payment("9", "0.0001", at=RECEIVED + 9))
    assert gateway.value("observe_payment", "Inv1")[:2] == before


def test_the_network_fee_of_the_payer_is_not_booked(gateway: Gateway) -> None:
    paid = payment("0", "0.00044") | {"fee": "0.000002"}
    gateway.server.add_invoice(paid)
    (report,) = gateway.value("observe_payment", "Inv1")
    assert (report.amount, report.fee) == (Decimal("21.90"), None)


@pytest.mark.parametrize(
    "changed", [{"value": "x"}, {"status": "New!"}, {"receivedDate": None}, {"value": "NaN"}]
)
def test_malformed_payments_are_clear_errors(gateway: Gateway, changed: dict[str, Any]) -> None:
    gateway.server.add_invoice(payment("0", "0.1") | changed)
    assert "could not be read" in gateway.error("observe_payment", "Inv1")


# Refunds


def test_a_refund_is_pending_until_it_is_paid_out(gateway: Gateway) -> None:
    gateway.server.add_invoice(payment("0", "0.000438"), kind="BTC-LNURL", status="Settled")
    report = gateway.refund("Inv1:0", "10.00")
    link = f"{gateway.server.url}/pull-payments/Pull1"
    assert report == RefundReport(
        payment="Inv1:0",
        outside_id="Pull1",
        status="pending",
        amount=Decimal("10.00"),
        currency="EUR",
        key="key-1",
        reason=f"The client claims it at {link}",
    )
    (sent,) = gateway.server.seen("POST", "/refund$")
    assert sent.json["payoutMethodId"] == "BTC-LN"
    assert (sent.json["customAmount"], sent.json["customCurrency"]) == ("10.00", "EUR")
    assert gateway.value("observe_payment", "Inv1:0")[1] == report
    claim = {"state": "AwaitingPayment", "originalAmount": "4.00"}
    gateway.server.claims["Pull1"] = [claim, claim | {"state": "Completed"}]
    assert gateway.value("observe_payment", "Inv1:0")[1].status == "pending", "4.00 of 10.00"
    gateway.server.claims["Pull1"].append({"state": "Completed", "amount": "6.00"})
    done = gateway.value("observe_payment", "Inv1:0")[1]
    assert (done.status, done.amount, done.reason) == ("succeeded", Decimal("10.00"), "")
    body = event("PayoutUpdated", pullPaymentId="Pull1", payoutId="p", payoutState="Completed")
    assert gateway.value("read_event", webhook(body, signed(body))) == [done]


def test_a_refund_is_created_once_for_a_key(gateway: Gateway) -> None:
    gateway.server.add_invoice(payment("0", "0.000438"), status="Settled")
    gateway.server.fail("drop_after", method="POST")
    called = gateway.call("refund_payment", "Inv1:0", Decimal("21.90"), "key-1")
    assert called.raised and not called.reference
    assert gateway.refund("Inv1:0", "21.90").outside_id == "Pull1"
    assert len(gateway.server.pulls) == 1


def test_no_more_than_the_payment_is_refunded(gateway: Gateway) -> None:
    gateway.server.add_invoice(payment("0", "0.000438"), payment("1", "0.1", "Processing"))
    for amount in ("21.91", "0", "-1"):
        assert "Only 21.90 EUR is left" in gateway.refund("Inv1:0", amount).message
    gateway.refund("Inv1:0", "20.00")
    refused = gateway.refund("Inv1:0", "2.00", "key-2")
    assert not refused.ok and "Only 1.90 EUR is left" in refused.message
    gateway.server.pulls["Pull1"]["archived"] = True
    assert gateway.refund("Inv1:0", "21.90", "key-3").status == "pending"
    for unknown in ("Inv1:1", "Inv1:2", "Inv9:0", "Inv1", "", ":", "../x:1"):
        assert not gateway.refund(unknown, "1.00", "key-4").ok


def test_an_archived_refund_ends(gateway: Gateway) -> None:
    gateway.server.add_invoice(payment("0", "0.000438"), status="Settled")
    gateway.refund("Inv1:0", "10.00")
    gateway.server.pulls["Pull1"]["archived"] = True
    report = gateway.value("observe_payment", "Inv1")[1]
    assert (report.status, report.amount) == ("failed", Decimal("10.00")) and report.reason
    gateway.server.claims["Pull1"] = [{"state": "Completed", "originalAmount": "4.00"}]
    report = gateway.value("observe_payment", "Inv1")[1]
    assert (report.status, report.amount) == ("succeeded", Decimal("4.00"))


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_of_refunds_are_not_refusals(gateway: Gateway, fault: str) -> None:
    gateway.server.add_invoice(payment("0", "0.000438"), status="Settled")
    gateway.server.fail(fault, path="/refund$", times=100)
    assert gateway.error("refund_payment", "Inv1:0", Decimal(1), "key-1")


def test_pull_payments_of_others_are_no_refunds(gateway: Gateway) -> None:
    gateway.server.add_invoice(payment("0", "0.000438"), status="Settled")
    gateway.server.pulls["X"] = {"id": "X", "description": "payroll", "amount": "1"}
    assert len(gateway.value("observe_payment", "Inv1")) == 1
    body = event("PayoutUpdated", pullPaymentId="X")
    gateway.server.claims["X"] = []
    assert gateway.value("read_event", webhook(body, signed(body))) == []


# The settings


def test_the_connection(gateway: Gateway) -> None:
    called = gateway.call("test_connection").result
    assert not called.ok and "no enabled webhook" in called.message
    url = gateway.lab.module().webhook_url
    everything = {"url": url, "enabled": True, "authorizedEvents": {"everything": True}}
    gateway.server.hooks = [everything]
    assert gateway.call("test_connection").result.ok
    some = {"everything": False, "specificEvents": ["InvoiceSettled"]}
    gateway.server.hooks = [everything | {"authorizedEvents": some}]
    assert not gateway.call("test_connection").result.ok
    gateway.server.permissions = PERMISSIONS[:-1]
    called = gateway.call("test_connection").result
    assert called.ok and "check them yourself" in called.message
    gateway.server.permissions = [f"btcpay.store.cancreateinvoice:{STORE}", "x:Other"]
    called = gateway.call("test_connection").result
    assert not called.ok and "canmanagepullpayments" in called.message


def test_the_form(gateway: Gateway) -> None:
    good = settings("https://btcpay.example.com")
    assert gateway.value("save_module_data", good)["status"] == "success"
    bad = {**good, "server": "ftp:", "store_id": "a/b"}
    assert set(gateway.value("save_module_data", bad)["errors"]) == {"server", "store_id"}
