"""What the tests of a Payment module say about its simulated provider, for the payment cards."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from puqpanel.sdk.attempt import PaymentAttempt


class PaymentSimulator:
    """The customer and the provider in the payment cards of the contract suite; `Supply.money`.

    A method makes something happen at the simulated provider and returns the body of the webhook
    that it sends about it. `pay` and `sign` are required; a card that needs another one is not
    tested without it. The guide to gateways has an example.

    Attributes:
        currency: of the documents.
        other_currency: of the payment in another currency; empty if the provider takes one only.
        stale_after: the age at which a signature must be refused; None if it contains no time.
        refund_path: pattern of the path of the request that refunds, of which one answer is lost;
            any request that changes something unless given.
        charge_path: pattern of the path of the request that charges a saved method.
    """

    currency = "EUR"
    other_currency = "USD"
    stale_after: timedelta | None = None
    refund_path = ""
    charge_path = ""

    def pay(self, attempt: PaymentAttempt, amount: Decimal, currency: str) -> bytes:
        """Let the customer pay an attempt, and return the body of the webhook about it.

        Args:
            attempt: what the customer opened; `outside_id` and `url` are of its checkout, and
                `invoice` is what the payment page was rendered with.
            amount: what arrives, in major units; it may differ from what was asked for.
            currency: in which it arrives.
        """
        raise NotImplementedError("The simulator has no pay().")

    def sign(self, body: bytes, at: datetime) -> Mapping[str, str]:
        """Return the headers of a webhook with this body that is sent at a time."""
        raise NotImplementedError("The simulator has no sign().")

    def cancel(self, attempt: PaymentAttempt) -> bytes:
        """Return the body of the webhook that an attempt was cancelled, expired or failed.

        It is delivered after the payment succeeded, as providers do that do not keep the order.
        """
        raise NotImplementedError("The simulator has no cancel().")

    def refund(self, attempt: PaymentAttempt) -> bytes:
        """Refund the payment of an attempt at the provider, and return the body of its webhook."""
        raise NotImplementedError("The simulator has no refund().")

    def held(self, attempt: PaymentAttempt) -> Decimal:
        """Return what the provider holds of an attempt: what was paid less what was refunded."""
        raise NotImplementedError("The simulator has no held().")
