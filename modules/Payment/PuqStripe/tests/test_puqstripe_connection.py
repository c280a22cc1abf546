"""Test connection."""

from __future__ import annotations

from typing import Any

import pytest

from modules.Payment.PuqStripe.services.events import SUBSCRIBED
from modules.Payment.PuqStripe.tests.gateway import Gateway
from puqpanel.infra.links import link


def endpoint(gateway: Gateway, **changed: Any) -> None:
    """Add a webhook endpoint at Stripe."""
    gateway.server.keep(
        "we_",
        {
            "object": "webhook_endpoint",
            "url": link("webhooks", "Payment", "PuqStripe"),
            "status": "enabled",
            "enabled_events": list(SUBSCRIBED),
            **changed,
        },
    )


def test_right(gateway: Gateway) -> None:
    endpoint(gateway)
    result = gateway.call("test_connection").result
    assert (result.ok, result.message) == (
        True,
        "Connected to the sandbox of “Lumen”: test payments only.",
    )
    assert {request.method for request in gateway.server.requests} == {"GET"}


def test_live(gateway: Gateway) -> None:
    endpoint(gateway, enabled_events=["*"])
    result = gateway.call("test_connection", sandbox=False).result
    assert (result.ok, result.message) == (True, "Connected to “Lumen”, live mode.")
    gateway.server.account["charges_enabled"] = False
    result = gateway.call("test_connection", sandbox=False).result
    assert not result.ok
    assert "activation" in result.message


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"url": "https://elsewhere.example"}, "no webhook endpoint"),
        ({"status": "disabled"}, "switched off"),
        ({"enabled_events": list(SUBSCRIBED[1:])}, "checkout.session.completed"),
    ],
)
def test_the_webhook_is_checked(gateway: Gateway, changed: dict[str, Any], said: str) -> None:
    endpoint(gateway, **changed)
    result = gateway.call("test_connection").result
    assert not result.ok
    assert said in result.message


def test_restricted_keys(gateway: Gateway) -> None:
    gateway.server.forbidden = {"webhook_endpoints"}
    assert gateway.call("test_connection").result.ok
    gateway.server.forbidden = {"account"}
    assert "may not do this" in gateway.call("test_connection").result.message


@pytest.mark.parametrize("fault", ["500", "429", "timeout", "garbage", "drop"])
def test_failing(gateway: Gateway, fault: str) -> None:
    gateway.server.fail(fault, times=100)
    called = gateway.call("test_connection")
    assert not called.raised
    assert not called.result.ok
    assert "Stripe" in called.result.message
