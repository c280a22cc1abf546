"""A gateway in a lab, called as the panel calls it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modules.Payment.PuqPayPal.tests.paypal_server import (
    ATTEMPT,
    SECRET,
    SETTINGS,
    PayPalServer,
    lead,
)
from puqpanel.host.contract.payments import reports_of
from puqpanel.sdk.testing import Lab

FOLDER = Path(__file__).parents[1]


class Gateway:
    """A gateway in a lab, called as the panel calls it."""

    def __init__(self, lab: Lab, server: PayPalServer) -> None:
        self.lab, self.server, self.settings = lab, server, dict(SETTINGS)

    def called(self, method: str, *args: Any) -> Any:
        return self.lab.call(method, *args, stored={"module_data": self.settings})

    def call(self, method: str, *args: Any) -> Any:
        """Return what a method returns, its reports checked."""
        called = self.called(method, *args)
        assert not called.error, called.error
        return called.value

    def error(self, method: str, *args: Any) -> str:
        """Return the error that a method raised on purpose."""
        called = self.called(method, *args)
        assert called.error
        assert not called.reference, called.error
        assert SECRET not in called.error
        return str(called.error)

    def reports(self, method: str, *args: Any) -> list[Any]:
        return reports_of(self.call(method, *args))

    def approved(self) -> str:
        """Return the id of an order that its payer has approved."""
        order_id = self.call("start_payment", ATTEMPT).outside_id
        self.server.approve(order_id)
        return str(order_id)


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with PayPalServer() as server, Lab(FOLDER) as lab:
        lab.activate()
        lead(lab, server)
        yield Gateway(lab, server)
