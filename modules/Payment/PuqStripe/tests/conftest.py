"""A lab of the module with a Stripe of the tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from modules.Payment.PuqStripe.tests.stripe_server import KEY, OLD_SECRET, SECRET, StripeServer
from puqpanel.host.calls import Called
from puqpanel.sdk import PaymentAttempt
from puqpanel.sdk.testing import Lab

SETTINGS = {
    "sandbox": True,
    "secret_key": KEY,
    "webhook_secret": SECRET,
    "previous_webhook_secret": OLD_SECRET,
}


@dataclass
class Gateway:
    """A gateway of the module in a lab, and its Stripe."""

    lab: Lab
    server: StripeServer

    def call(self, method: str, *args: Any, **settings: Any) -> Called:
        """Call a method as the panel does."""
        stored = {"module_data": {**SETTINGS, **settings}}
        return self.lab.call(method, *args, stored=stored)

    def value(self, method: str, *args: Any, **settings: Any) -> Any:
        """Return what a method returns; it must not raise."""
        called = self.call(method, *args, **settings)
        assert not called.error, called.error
        return called.value

    def error(self, method: str, *args: Any, **settings: Any) -> str:
        """Return the text of the clear error that a method raises."""
        called = self.call(method, *args, **settings)
        assert called.raised, f"{method} returned {called.value}"
        assert not called.reference, called.error
        return called.error


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    """Run a Stripe and load the module in a lab."""
    folder = Path(__file__).parents[1]
    with StripeServer() as server, Lab(folder) as lab:
        server.silence = 2
        lab.part("services.client").API["api"] = server.url
        lab.part("services.wire").TIMEOUT = (1.0, 0.5)
        yield Gateway(lab.activate(), server)


def attempt(uuid: str = "0192-a", amount: str = "21.90", **changed: Any) -> PaymentAttempt:
    """Return an attempt to pay the sample invoice."""
    sample = PaymentAttempt.sample(changed.pop("currency", "EUR"))
    return replace(
        sample,
        uuid=uuid,
        key=f"attempt-{uuid}",
        amount=Decimal(amount),
        description="Invoice FV/2026/12/0001",
        **changed,
    )
