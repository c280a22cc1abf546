"""The thin client: the requests of this module through Stripe's own SDK."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

import stripe

from puqpanel.sdk import ExternalServiceError, __

from .errors import failure
from .wire import Wire

API_VERSION = "2026-10-28.endive"
"""The version of requests and responses, whatever the account's default is."""
API: dict[str, str] = {"api": "https://api.stripe.com"}
RETRIES = 1
PAYMENT: Any = {"expand": ["payment_intent"]}
INTENT = ["latest_charge.balance_transaction", "payment_method"]


class Client:
    """Stripe with the settings of a gateway; a context manager."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.key = str(settings.get("secret_key") or "")
        if not self.key:
            raise ExternalServiceError(__("The gateway has no secret key."))
        self.wire = Wire(self.key)
        self.api = stripe.StripeClient(
            self.key,
            stripe_version=API_VERSION,
            base_addresses={"api": API["api"]},
            max_network_retries=RETRIES,
            http_client=self.wire,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.wire.close()

    def account(self) -> dict[str, Any]:
        """Return the account of the key."""
        return self._send(lambda v1: v1.accounts.retrieve_current())

    def webhooks(self) -> list[dict[str, Any]]:
        """Return the webhook endpoints of the account."""
        return self._list(lambda v1: v1.webhook_endpoints.list({"limit": 100}))

    def create_checkout(self, params: Any, key: str) -> dict[str, Any]:
        """Create a Checkout Session, once for each key."""
        return self._send(lambda v1: v1.checkout.sessions.create(params, {"idempotency_key": key}))

    def checkout(self, outside_id: str) -> dict[str, Any]:
        """Return a Checkout Session with its PaymentIntent."""
        expand: Any = {"expand": ["payment_intent", *(f"payment_intent.{name}" for name in INTENT)]}
        return self._send(lambda v1: v1.checkout.sessions.retrieve(outside_id, expand))

    def create_intent(self, params: Any, key: str) -> dict[str, Any]:
        """Create a PaymentIntent, once for each key."""
        params = {**params, "expand": INTENT}
        return self._send(lambda v1: v1.payment_intents.create(params, {"idempotency_key": key}))

    def intent(self, outside_id: str) -> dict[str, Any]:
        """Return a PaymentIntent with its charge, fee and payment method."""
        return self._send(lambda v1: v1.payment_intents.retrieve(outside_id, {"expand": INTENT}))

    def intents_of(self, customer: str) -> list[dict[str, Any]]:
        """Return the last PaymentIntents of a customer."""
        return self._list(
            lambda v1: v1.payment_intents.list(
                {"customer": customer, "limit": 100, "expand": [f"data.{name}" for name in INTENT]}
            )
        )

    def create_refund(self, params: Any, key: str) -> dict[str, Any]:
        """Create a refund, once for each key."""
        return self._send(lambda v1: v1.refunds.create(params, {"idempotency_key": key}))

    def refund(self, outside_id: str) -> dict[str, Any]:
        """Return a refund with its PaymentIntent."""
        return self._send(lambda v1: v1.refunds.retrieve(outside_id, PAYMENT))

    def refunds_of(self, intent: str) -> list[dict[str, Any]]:
        """Return the refunds of a PaymentIntent."""
        return self._list(lambda v1: v1.refunds.list({"payment_intent": intent, "limit": 100}))

    def dispute(self, outside_id: str) -> dict[str, Any]:
        """Return a dispute with its PaymentIntent."""
        return self._send(lambda v1: v1.disputes.retrieve(outside_id, PAYMENT))

    def disputes_of(self, intent: str) -> list[dict[str, Any]]:
        """Return the disputes of a PaymentIntent."""
        return self._list(lambda v1: v1.disputes.list({"payment_intent": intent, "limit": 100}))

    def payout(self, outside_id: str) -> dict[str, Any]:
        """Return a payout to the bank account of the company."""
        return self._send(lambda v1: v1.payouts.retrieve(outside_id))

    def method(self, outside_id: str) -> dict[str, Any]:
        """Return a payment method."""
        return self._send(lambda v1: v1.payment_methods.retrieve(outside_id))

    def detach(self, outside_id: str, key: str) -> dict[str, Any]:
        """Detach a payment method from its customer."""
        return self._send(
            lambda v1: v1.payment_methods.detach(outside_id, {}, {"idempotency_key": key})
        )

    def _list(self, work: Callable[[Any], Any]) -> list[dict[str, Any]]:
        items = self._send(work).get("data")
        if not isinstance(items, list):
            raise ExternalServiceError(__("Stripe's response could not be read."))
        return [item for item in items if isinstance(item, dict)]

    def _send(self, work: Callable[[Any], Any]) -> dict[str, Any]:
        """Send a request and return its object.

        Raises:
            Refused: nothing happened, and a repetition changes nothing.
            ExternalServiceError: anything else; the request may have taken effect.
        """
        try:
            answer = work(self.api.v1)
            if isinstance(answer, stripe.StripeObject):
                return answer.to_dict()
        except stripe.StripeError as error:
            raise failure(error, self.key) from None
        except (TypeError, ValueError, AttributeError, KeyError):
            pass  # the SDK could not read the response
        raise ExternalServiceError(__("Stripe's response could not be read."))
