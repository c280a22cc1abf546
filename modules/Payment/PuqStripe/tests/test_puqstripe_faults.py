"""Each call while Stripe fails: a clear error, and a repetition does the work once."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from modules.Payment.PuqStripe.tests.gateway import Gateway, attempt, happened
from modules.Payment.PuqStripe.tests.stripe_server import KEY, card
from puqpanel.sdk import SavedMethod

Work = tuple[str, Callable[[Gateway], tuple[Any, ...]]]


def _paid(gateway: Gateway) -> str:
    intent = gateway.server.new_intent(2190, "eur", {"puqpanel_attempt": "a"}, None)
    gateway.server.settle_intent(intent, "succeeded")
    return str(intent["id"])


def _method(gateway: Gateway) -> SavedMethod:
    customer = gateway.server.keep("cus_", {"object": "customer"})["id"]
    return SavedMethod(gateway.server.keep("pm_", card("", customer))["id"], customer)


CALLS: dict[str, Callable[[Gateway], tuple[Any, ...]]] = {
    "start_payment": lambda gateway: (attempt(),),
    "observe_payment": lambda gateway: (_paid(gateway),),
    "read_event": lambda gateway: (happened("payment_intent.succeeded", {"id": _paid(gateway)}),),
    "charge": lambda gateway: (attempt(method=_method(gateway)),),
    "refund_payment": lambda gateway: (_paid(gateway), Decimal(5), "refund-1"),
    "remove_method": lambda gateway: (_method(gateway),),
}
CHANGING = ("start_payment", "charge", "refund_payment", "remove_method")


@pytest.mark.parametrize("fault", ["500", "503", "429", "timeout", "garbage", "empty", "drop"])
@pytest.mark.parametrize("method", CALLS)
def test_failing(gateway: Gateway, method: str, fault: str) -> None:
    arguments = CALLS[method](gateway)
    gateway.server.fail(fault, times=100)
    text = gateway.error(method, *arguments)
    assert "Stripe" in text
    assert KEY not in text
    assert "<" not in text
    gateway.server.heal()
    called = gateway.call(method, *arguments)
    assert not called.raised, called.error
    if method in CHANGING:
        assert len(gateway.server.done) == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"{}",
        b"[]",
        b"null",
        b"7",
        b'{"object": "list", "data": 7}',
        b'{"id": 7, "object": "x", "status": 7, "currency": 7, "url": 7, "customer": 7}',
        b'{"object": "list", "data": [7, null, {"metadata": 7}]}',
        b"[" * 5000,
    ],
)
@pytest.mark.parametrize("method", [*CALLS, "test_connection"])
def test_other_json(gateway: Gateway, method: str, answer: bytes) -> None:
    arguments = CALLS[method](gateway) if method in CALLS else ()
    gateway.server.answer = answer
    called = gateway.call(method, *arguments)
    assert not called.reference, called.error
    assert called.raised or not called.result.ok or method == "remove_method"


@pytest.mark.parametrize("fault", ["500_after", "timeout_after", "drop_after", "empty"])
@pytest.mark.parametrize("method", CHANGING)
def test_done_without_an_answer(gateway: Gateway, method: str, fault: str) -> None:
    arguments = CALLS[method](gateway)
    gateway.server.fail(fault, times=100, changing=True)
    gateway.error(method, *arguments)
    gateway.server.heal()
    gateway.value(method, *arguments)
    assert len(gateway.server.done) == 1


@pytest.mark.parametrize("fault", ["500", "drop", "drop_after"])
@pytest.mark.parametrize("method", CHANGING)
def test_one_fault_is_repeated_at_once(gateway: Gateway, method: str, fault: str) -> None:
    arguments = CALLS[method](gateway)
    gateway.server.fail(fault, changing=True)
    gateway.value(method, *arguments)
    assert len(gateway.server.done) == 1
    keys = {request.headers["idempotency-key"] for request in gateway.server.seen("POST")}
    assert len(keys) == 1


@pytest.mark.parametrize("method", CALLS)
def test_a_wrong_key(gateway: Gateway, method: str) -> None:
    arguments = CALLS[method](gateway)
    wrong = "sk_test_51Wrong"
    text = gateway.error(method, *arguments, secret_key=wrong)
    assert "refused the secret key" in text
    assert wrong not in text + " ".join(gateway.lab.logged())
    assert "no secret key" in gateway.error(method, *arguments, secret_key="")
