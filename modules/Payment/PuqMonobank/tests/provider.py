"""The monobank of the contract suite."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from puqpanel.sdk.testing import Lab, Supply

from .monobank_server import SETTINGS, MonobankServer, lead
from .simulator import Simulator


@contextmanager
def provider() -> Iterator[Supply]:
    """Run a monobank."""
    with MonobankServer() as server:

        def prepare(lab: Lab) -> None:
            lead(lab, server)

        yield Supply(faults=server, settings=SETTINGS, prepare=prepare, money=Simulator(server))
