"""The bank of the contract suite: its service, and a signed webhook message."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from puqpanel.sdk import Invoice, now
from puqpanel.sdk.testing import Lab, Provider, Reply, Supply

from .simulator import SECRET, Simulator

IBAN = "DE89370400440532013000"


@contextmanager
def provider() -> Iterator[Supply]:
    """Run a bank service, and prepare the webhook message of a transfer."""
    with Provider(lambda request: Reply.of({"iban": IBAN})) as bank:
        settings = {
            "holder": "Firm",
            "iban": IBAN,
            "bic": "",
            "webhook_secret": SECRET,
            "bank_api": bank.url,
            "api_key": "bank-key-1",
        }
        simulator = Simulator()
        supply = Supply(faults=bank, settings=settings, money=simulator)

        def prepare(lab: Lab) -> None:
            transfers = lab.part("models.transfers")
            simulator.table = transfers.Transfer
            transfer = transfers.expected_transfer("", Invoice.sample())
            message = {"id": "tx-1", "reference": transfer.reference, "amount": "21.90"}
            body = json.dumps({**message, "currency": "EUR", "status": "received"}).encode()
            supply.webhook = (body, simulator.sign(body, now()))

        supply.prepare = prepare
        yield supply
