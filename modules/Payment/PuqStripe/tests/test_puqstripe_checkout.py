"""Paying on Stripe's page, and asking Stripe about it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from modules.Payment.PuqStripe.tests.gateway import Gateway, attempt
from modules.Payment.PuqStripe.tests.stripe_server import DECLINED, KEY
from puqpanel.infra import links
from puqpanel.sdk import PaymentAttempt, PaymentReport, SavedMethod


def test_what_is_requested(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "_base", lambda: "https://panel.example")
    monkeypatch.setattr(PaymentAttempt, "find", classmethod(lambda cls, uuid: attempt(uuid)))
    checkout = gateway.value("start_attempt", "0192-b")
    (sent,) = gateway.server.done
    assert checkout.outside_id.startswith("cs_test_")
    assert checkout.url.startswith("https://checkout.stripe.com/")
    assert checkout.expires_at == datetime(2026, 12, 2, tzinfo=UTC)
    price = sent["line_items"]["0"]["price_data"]
    assert (price["unit_amount"], price["currency"]) == ("2190", "eur")
    assert price["product_data"] == {"name": "Invoice FV/2026/12/0001"}
    assert sent["mode"] == "payment"
    assert sent["client_reference_id"] == "0192-b"
    assert sent["metadata"] == sent["payment_intent_data"]["metadata"]
    assert sent["metadata"] == {"puqpanel_attempt": "0192-b"}
    assert sent["success_url"] == "https://panel.example/client/payments/0192-b/return"
    assert sent["cancel_url"] == "https://panel.example/client/payments/0192-b"
    assert sent["customer_email"] == "client@example.com"
    assert "setup_future_usage" not in sent["payment_intent_data"]
    (request,) = gateway.server.seen("POST")
    assert request.headers["stripe-version"] == "2026-10-28.endive"
    assert request.headers["idempotency-key"] == "attempt-0192-b"


def test_the_same_key_gives_the_same_page(gateway: Gateway) -> None:
    first, second = (gateway.value("start_payment", attempt()) for _ in range(2))
    assert first == second
    assert len(gateway.server.done) == 1
    assert "same parameters" in gateway.error("start_payment", attempt(amount="22"))


def test_zero_decimal_currency(gateway: Gateway) -> None:
    checkout = gateway.value("start_payment", attempt(amount="500", currency="JPY"))
    assert gateway.server.done[0]["line_items"]["0"]["price_data"]["unit_amount"] == "500"
    gateway.server.pay(checkout.outside_id)
    (report,) = gateway.value("observe_payment", checkout.outside_id)
    assert (report.amount, report.fee, report.currency) == (Decimal(500), Decimal(62), "JPY")
    assert "exactly" in gateway.error("start_payment", attempt(amount="500.5", currency="JPY"))


def test_paid(gateway: Gateway) -> None:
    checkout = gateway.value("start_payment", attempt())
    assert gateway.value("observe_payment", checkout.outside_id) == []
    intent = gateway.server.pay(checkout.outside_id)
    expected = PaymentReport(
        intent["id"],
        "succeeded",
        Decimal("21.90"),
        "EUR",
        attempt="0192-a",
        checkout=checkout.outside_id,
        fee=Decimal("0.62"),
        payer="Ada Lovelace",
    )
    assert gateway.value("observe_payment", checkout.outside_id) == [expected]
    assert gateway.value("observe_payment", intent["id"]) == [replace(expected, checkout="")]


def test_the_method_is_saved_if_the_client_agrees(gateway: Gateway) -> None:
    checkout = gateway.value("start_payment", attempt(save_method=True))
    (sent,) = gateway.server.done
    assert sent["payment_intent_data"]["setup_future_usage"] == "off_session"
    assert sent["customer_creation"] == "always"
    intent = gateway.server.pay(checkout.outside_id)
    (report,) = gateway.value("observe_payment", checkout.outside_id)
    method, customer = intent["payment_method"], intent["customer"]
    assert report.method == SavedMethod(method, customer, "visa", "4242", "2031-04")


def test_a_known_customer_is_kept(gateway: Gateway) -> None:
    customer = gateway.server.keep("cus_", {"object": "customer"})["id"]
    known = attempt(save_method=True, customer_id=customer)
    gateway.value("start_payment", known)
    (sent,) = gateway.server.done
    assert sent["customer"] == customer
    assert not {"customer_email", "customer_creation"} & set(sent)


def test_a_customer_deleted_at_stripe_becomes_a_new_one(gateway: Gateway) -> None:
    gone = attempt(save_method=True, customer_id="cus_gone")
    first, second = (gateway.value("start_payment", gone) for _ in range(2))
    assert first == second
    (sent,) = gateway.server.done
    assert "customer" not in sent


def test_declined_and_expired(gateway: Gateway) -> None:
    checkout = gateway.value("start_payment", attempt())
    gateway.server.pay(checkout.outside_id, "requires_payment_method", last_payment_error=DECLINED)
    (report,) = gateway.value("observe_payment", checkout.outside_id)
    assert (report.status, report.reason) == ("failed", "Your card was declined.")
    gateway.server.expire(checkout.outside_id)
    (report,) = gateway.value("observe_payment", checkout.outside_id)
    assert report.status == "cancelled"


def test_no_secret_is_logged(gateway: Gateway) -> None:
    checkout = gateway.value("start_payment", attempt())
    gateway.server.pay(checkout.outside_id)
    gateway.value("observe_payment", checkout.outside_id)
    texts = " ".join(gateway.lab.logged())
    assert "payment_intent" in texts
    assert KEY not in texts
    assert "neverlogged" not in texts
