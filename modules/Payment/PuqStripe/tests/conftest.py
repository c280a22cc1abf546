"""A lab of the module with a Stripe of the tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from modules.Payment.PuqStripe.tests.gateway import Gateway
from modules.Payment.PuqStripe.tests.stripe_server import StripeServer
from puqpanel.sdk.testing import Lab


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    """Run a Stripe and load the module in a lab."""
    folder = Path(__file__).parents[1]
    with StripeServer() as server, Lab(folder) as lab:
        server.silence = 2
        lab.part("services.client").API["api"] = server.url
        lab.part("services.wire").TIMEOUT = (1.0, 0.5)
        yield Gateway(lab.activate(), server)
