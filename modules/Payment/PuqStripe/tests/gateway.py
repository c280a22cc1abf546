"""The module in a lab, called as the panel calls it, and attempts to pay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from modules.Payment.PuqStripe.tests.stripe_server import SETTINGS, StripeServer, event, signed
from puqpanel.host.calls import Called
from puqpanel.sdk import PaymentAttempt, WebhookEvent
from puqpanel.sdk.testing import Lab


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


def webhook(body: bytes, headers: Mapping[str, str], at: datetime | None = None) -> WebhookEvent:
    """Return a webhook as the panel stores it."""
    lower = {name.lower(): value for name, value in headers.items()}
    return WebhookEvent("event-uuid", body, lower, at or datetime.now(UTC))


def happened(name: str, item: Mapping[str, Any]) -> WebhookEvent:
    """Return a signed webhook about an object."""
    body = event(name, dict(item))
    return webhook(body, signed(body))
