"""A gateway in a lab, called as the panel calls it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modules.Payment.PuqMonobank.tests.monobank_server import (
    ATTEMPT,
    SETTINGS,
    TOKEN,
    MonobankServer,
    lead,
)
from puqpanel.host.contract.payments import reports_of
from puqpanel.sdk.testing import Lab

FOLDER = Path(__file__).parents[1]


class Gateway:
    """A gateway in a lab, called as the panel calls it."""

    def __init__(self, lab: Lab, server: MonobankServer) -> None:
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
        assert TOKEN not in called.error
        return str(called.error)

    def reports(self, method: str, *args: Any) -> list[Any]:
        return reports_of(self.call(method, *args))

    def started(self) -> str:
        """Return the id of an invoice that can be paid."""
        return str(self.call("start_payment", ATTEMPT).outside_id)

    def paid(self) -> str:
        """Return the id of an invoice that has been paid."""
        invoice_id = self.started()
        self.server.pay(invoice_id)
        return invoice_id


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with MonobankServer() as server, Lab(FOLDER) as lab:
        lab.activate()
        lead(lab, server)
        yield Gateway(lab, server)
