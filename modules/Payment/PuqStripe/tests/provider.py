"""The Stripe of the contract suite, with a payment to refund."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

from puqpanel.sdk.testing import Lab, Supply

from .simulator import Simulator
from .stripe_server import SETTINGS, StripeServer, signed


@contextmanager
def provider() -> Iterator[Supply]:
    """Run a Stripe with one succeeded payment."""
    with StripeServer() as server:
        paid = server.new_intent(2190, "eur", {"puqpanel_attempt": "a"}, None)
        server.settle_intent(paid, "succeeded")

        def prepare(lab: Lab) -> None:
            lab.part("services.client").API["api"] = server.url

        body = json.dumps({"id": "evt_1", "type": "other", "data": {"object": {}}}).encode()
        yield Supply(
            faults=server,
            settings=SETTINGS,
            prepare=prepare,
            transaction=(paid["id"], Decimal("21.90")),
            webhook=(body, {"Content-Type": "application/json", **signed(body)}),
            money=Simulator(server),
        )
