"""PuqPayPal with the cache: access tokens and certificates are requested once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from modules.Payment.PuqPayPal.PuqPayPal import PuqPayPal
from modules.Payment.PuqPayPal.services import client
from modules.Payment.PuqPayPal.services.client import PayPal
from modules.Payment.PuqPayPal.tests.paypal_server import (
    CERTIFICATE,
    SETTINGS,
    PayPalServer,
    key_pair,
    signed,
)
from puqpanel.app import Panel
from puqpanel.host.context import Context, entered
from puqpanel.infra import queue
from puqpanel.sdk import ExternalServiceError


@pytest.fixture
def server(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> Iterator[PayPalServer]:
    with PayPalServer() as server, entered(Context("Payment", "PuqPayPal")):
        monkeypatch.setitem(client.API, client.SANDBOX, server.url)
        for host in client.CERTIFICATES[client.SANDBOX]:
            monkeypatch.setitem(client.CERTIFICATES[client.SANDBOX], host, server.url)
        yield server


def gateway() -> PuqPayPal:
    module = PuqPayPal()
    module.module_data = dict(SETTINGS)
    return module


def test_token_is_requested_once_per_app(server: PayPalServer) -> None:
    for _ in range(3):
        assert gateway().observe_payment("ORDER") == []
    assert server.tokens == 1
    with pytest.raises(ExternalServiceError), PayPal({**SETTINGS, "client_secret": "b"}) as other:
        other.order("ORDER")
    server.valid = "revoked"
    assert gateway().observe_payment("ORDER") == []
    assert server.tokens == 2
    assert gateway().observe_payment("ORDER") == []
    assert server.tokens == 2
    kept = [queue.connection().get(key) for key in queue.connection().keys("puqpanel:cache:*")]  # type: ignore[union-attr]
    assert not any(server.valid.encode() in value for value in kept if isinstance(value, bytes))


def test_certificate_is_fetched_once(server: PayPalServer) -> None:
    event = signed({"event_type": "x"})
    server.fail("500", path="certs")
    with pytest.raises(ExternalServiceError):
        gateway().verify_event(event)
    for _ in range(3):
        assert gateway().verify_event(event)
    assert len(server.seen("GET", "certs")) == 2
    key, server.certificate = key_pair(2)
    assert gateway().verify_event(signed({"event_type": "x"}, url=CERTIFICATE + "-new", key=key))
    assert not gateway().verify_event(signed({"event_type": "x"}, key=key))
