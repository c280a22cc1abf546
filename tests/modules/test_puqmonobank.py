"""PuqMonobank with the cache: one invoice per attempt, and the public key's rotation."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from modules.Payment.PuqMonobank.PuqMonobank import PuqMonobank
from modules.Payment.PuqMonobank.services import client
from modules.Payment.PuqMonobank.tests.monobank_server import (
    ATTEMPT,
    SETTINGS,
    MonobankServer,
    signed,
)
from puqpanel.app import Panel
from puqpanel.host.context import Context, entered
from puqpanel.infra import queue
from puqpanel.sdk import ExternalServiceError, cache


@pytest.fixture
def server(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> Iterator[MonobankServer]:
    with MonobankServer() as server, entered(Context("Payment", "PuqMonobank")):
        monkeypatch.setitem(client.API, "live", server.url)
        yield server


def gateway() -> PuqMonobank:
    module = PuqMonobank()
    module.module_data = dict(SETTINGS)
    return module


def minute_later() -> None:
    """Let the note expire that the key was requested."""
    with client.Monobank(SETTINGS) as api:
        assert cache.forget(f"key-asked-{api._merchant}")


def test_same_key_returns_the_same_invoice(server: MonobankServer) -> None:
    first, second = (gateway().start_payment(ATTEMPT) for _ in range(2))
    assert first == second
    assert len(server.invoices) == 1
    keys = queue.connection().keys("puqpanel:cache:*")
    assert keys


def test_key_is_requested_at_most_once_a_minute(server: MonobankServer) -> None:
    for _ in range(3):
        assert gateway().verify_event(signed({"a": 1}))
        assert not gateway().verify_event(signed({"a": 1}, number=9))
    assert len(server.seen("GET", "pubkey")) == 1


def test_rotated_key(server: MonobankServer) -> None:
    assert gateway().verify_event(signed({"a": 1}))
    server.key = 1
    minute_later()
    assert gateway().verify_event(signed({"a": 1}, number=1))
    assert len(server.seen("GET", "pubkey")) == 2
    assert not gateway().verify_event(signed({"a": 1}))
    assert len(server.seen("GET", "pubkey")) == 2


def test_key_that_cannot_be_requested_again(server: MonobankServer) -> None:
    assert gateway().verify_event(signed({"a": 1}))
    server.key = 1
    minute_later()
    server.fail("500", path="pubkey")
    for _ in range(2):  # the second time without another request
        with pytest.raises(ExternalServiceError):
            gateway().verify_event(signed({"a": 1}, number=1))
    assert len(server.seen("GET", "pubkey")) == 2
    minute_later()
    assert gateway().verify_event(signed({"a": 1}, number=1))
