"""The PayPal of the contract suite."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from puqpanel.sdk.testing import Lab, Supply

from .paypal_server import SETTINGS, PayPalServer, lead
from .simulator import Simulator


@contextmanager
def provider() -> Iterator[Supply]:
    """Run a PayPal."""
    with PayPalServer() as server:

        def prepare(lab: Lab) -> None:
            lead(lab, server)

        yield Supply(faults=server, settings=SETTINGS, prepare=prepare, money=Simulator(server))
