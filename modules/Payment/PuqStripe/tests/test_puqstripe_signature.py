"""The signature of webhooks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from modules.Payment.PuqStripe.tests.gateway import Gateway, webhook
from modules.Payment.PuqStripe.tests.stripe_server import OLD_SECRET, SECRET, event, signed

BODY = event("payment_intent.succeeded", {"id": "pi_1"})
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
OTHER = "whsec_of another endpoint"


@pytest.mark.parametrize(
    ("secrets", "age", "valid"),
    [
        ((SECRET,), 0, True),
        ((SECRET,), 299, True),
        ((SECRET,), 301, False),
        ((SECRET,), 86_400, False),
        ((SECRET,), -301, False),
        ((OLD_SECRET,), 0, True),
        ((OLD_SECRET,), 301, False),
        ((OTHER, SECRET), 0, True),
        ((OTHER,), 0, False),
        (("",), 0, False),
    ],
)
def test_secret_and_age(
    gateway: Gateway, secrets: tuple[str, ...], age: int, *, valid: bool
) -> None:
    headers = signed(BODY, *secrets, at=NOW.timestamp() - age)
    assert gateway.value("verify_event", webhook(BODY, headers, NOW)) is valid


def test_the_age_is_that_of_the_arrival(gateway: Gateway) -> None:
    arrived = datetime.now(UTC) - timedelta(days=3)
    headers = signed(BODY, at=arrived.timestamp())
    assert gateway.value("verify_event", webhook(BODY, headers, arrived)) is True


def test_another_body(gateway: Gateway) -> None:
    headers = signed(BODY, at=NOW.timestamp())
    for body in (BODY + b" ", b"", b"\xff\x00"):
        assert gateway.value("verify_event", webhook(body, headers, NOW)) is False
    body = b"\xff\x00 not text"
    headers = signed(body, at=NOW.timestamp())
    assert gateway.value("verify_event", webhook(body, headers, NOW)) is True


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t",
        "t=,v1=",
        "t=x,v1=abc",
        "t=1,t=2",
        "v1=abc",
        "t=1796126400",
        "t=1796126400,v1=ä",
        ",=",
    ],
)
def test_malformed_headers(gateway: Gateway, header: str) -> None:
    called = webhook(BODY, {"Stripe-Signature": header}, NOW)
    assert gateway.value("verify_event", called) is False


def test_a_signature_of_other_characters(gateway: Gateway) -> None:
    header = f"t={int(NOW.timestamp())},v1=ä,v1="
    assert gateway.value("verify_event", webhook(BODY, {"Stripe-Signature": header}, NOW)) is False


def test_no_secret_accepts_nothing(gateway: Gateway) -> None:
    called = webhook(BODY, signed(BODY, "", at=NOW.timestamp()), NOW)
    settings = {"webhook_secret": "", "previous_webhook_secret": None}
    assert gateway.value("verify_event", called, **settings) is False


def test_after_the_rotation_only_the_new_secret_counts(gateway: Gateway) -> None:
    called = webhook(BODY, signed(BODY, OLD_SECRET, at=NOW.timestamp()), NOW)
    assert gateway.value("verify_event", called, previous_webhook_secret="") is False
