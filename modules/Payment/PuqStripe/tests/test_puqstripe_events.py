"""Webhooks: what each event leads to."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from modules.Payment.PuqStripe.services import events
from modules.Payment.PuqStripe.tests.gateway import Gateway, attempt, happened, webhook
from modules.Payment.PuqStripe.tests.stripe_server import DECLINED, card, signed
from puqpanel.host.contract.payments import reports_of
from puqpanel.sdk import MethodReport


def read(gateway: Gateway, name: str, item: dict[str, Any]) -> list[Any]:
    """Return what the module reports about an event, as the panel checks it."""
    stored = happened(name, item)
    assert gateway.value("verify_event", stored) is True
    return list(reports_of(gateway.value("read_event", stored)))


@pytest.mark.parametrize(
    ("name", "status", "reported"),
    [
        ("completed", "succeeded", "succeeded"),
        ("completed", "processing", "pending"),
        ("async_payment_succeeded", "succeeded", "succeeded"),
        ("async_payment_failed", "requires_payment_method", "failed"),
    ],
)
def test_checkouts(gateway: Gateway, name: str, status: str, reported: str) -> None:
    checkout = gateway.value("start_payment", attempt())
    error = DECLINED if reported == "failed" else None
    intent = gateway.server.pay(checkout.outside_id, status, last_payment_error=error)
    session = gateway.server.objects[checkout.outside_id]
    (report,) = read(gateway, f"checkout.session.{name}", session)
    assert (report.outside_id, report.checkout) == (intent["id"], checkout.outside_id)
    assert (report.status, report.attempt) == (reported, "0192-a")


def test_an_expired_checkout(gateway: Gateway) -> None:
    checkout = gateway.value("start_payment", attempt())
    gateway.server.expire(checkout.outside_id)
    session = gateway.server.objects[checkout.outside_id]
    (report,) = read(gateway, "checkout.session.expired", session)
    assert (report.status, report.outside_id) == ("cancelled", checkout.outside_id)


def test_every_order_and_repetition_ends_the_same(gateway: Gateway) -> None:
    checkout = gateway.value("start_payment", attempt())
    early = dict(gateway.server.pay(checkout.outside_id, "processing"))
    late = dict(gateway.server.pay(checkout.outside_id))
    names = [("payment_intent.processing", early), ("payment_intent.succeeded", late)]
    for order in itertools.permutations([*names, *names]):
        last = [read(gateway, name, item) for name, item in order][-1]
        assert [report.status for report in last] == ["succeeded"]


def test_refunds_and_disputes(gateway: Gateway) -> None:
    checkout = gateway.value("start_payment", attempt())
    intent = gateway.server.pay(checkout.outside_id)
    gateway.server.refund_status = "pending"
    gateway.value("refund_payment", intent["id"], Decimal(5), "key-1")
    refund = next(item for item in gateway.server.objects.values() if item["object"] == "refund")
    stale = dict(refund)
    refund["status"] = "succeeded"
    for name in events.REFUNDS:
        (report,) = read(gateway, name, stale)
        assert (report.status, report.key, report.payment) == ("succeeded", "key-1", intent["id"])
    dispute = gateway.server.dispute(intent["id"], "needs_response", -2190)
    for name in events.DISPUTES:
        (report,) = read(gateway, name, dispute)
        assert (report.status, report.withdrawn) == ("open", True)
    found = gateway.value("observe_payment", intent["id"])
    assert [type(report).__name__ for report in found] == [
        "PaymentReport",
        "RefundReport",
        "DisputeReport",
    ]


def test_saved_methods(gateway: Gateway) -> None:
    method = card("pm_1", None, exp_year=2033)
    assert read(gateway, "payment_method.detached", method) == [MethodReport("pm_1", removed=True)]
    for name in ("payment_method.updated", "payment_method.automatically_updated"):
        assert read(gateway, name, method) == [MethodReport("pm_1", expires="2033-04")]


@pytest.mark.parametrize(
    "name", ["customer.created", "charge.refunded", "payment_intent.created", "v2.core.event", ""]
)
def test_other_events_do_not_matter(gateway: Gateway, name: str) -> None:
    assert read(gateway, name, {"id": "x_1"}) == []
    assert gateway.server.requests == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\x00",
        b"[" * 100_000,
        json.dumps({"type": 7}).encode(),
        json.dumps({"type": "refund.created"}).encode(),
        json.dumps({"type": "refund.created", "data": []}).encode(),
        json.dumps({"type": "refund.created", "data": {"object": "re_1"}}).encode(),
        json.dumps({"type": "refund.created", "data": {"object": {"id": 7}}}).encode(),
        json.dumps({"type": "payment_method.updated", "data": {"object": {}}}).encode(),
        json.dumps(
            {"type": "payment_method.updated", "data": {"object": {"id": "x" * 300}}}
        ).encode(),
    ],
)
def test_malformed_bodies(gateway: Gateway, body: bytes) -> None:
    stored = webhook(body, signed(body), datetime.now(UTC))
    assert "not an event of Stripe" in gateway.error("read_event", stored)


def test_an_object_that_stripe_does_not_know(gateway: Gateway) -> None:
    stored = happened("payment_intent.succeeded", {"id": "pi_of another account/../x"})
    assert "No such object" in gateway.error("read_event", stored)


def test_a_payout(gateway: Gateway) -> None:
    payout = gateway.server.keep(
        "po_",
        {
            "object": "payout",
            "status": "paid",
            "amount": 9900,
            "currency": "eur",
            "arrival_date": 1774224000,
            "failure_message": None,
        },
    )
    (report,) = read(gateway, "payout.paid", payout)
    assert (report.status, report.amount, report.outside_id) == (
        "paid",
        Decimal("99.00"),
        payout["id"],
    )
