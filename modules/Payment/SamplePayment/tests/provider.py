"""The bank of the contract suite: its service, and a signed webhook message."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import contextmanager

from puqpanel.sdk import Invoice
from puqpanel.sdk.testing import Lab, Provider, Reply, Supply

IBAN, SECRET = "DE89370400440532013000", "sixteen letters, and more"


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
        supply = Supply(faults=bank, settings=settings)

        def prepare(lab: Lab) -> None:
            transfers = lab.part("models.transfers")
            transfer = transfers.expected_transfer("", Invoice.sample())
            body = json.dumps(
                {
                    "id": "tx-1",
                    "reference": transfer.reference,
                    "amount": "21.90",
                    "currency": "EUR",
                    "status": "received",
                }
            ).encode()
            signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
            supply.webhook = (
                body,
                {
                    "Content-Type": "application/json",
                    "X-Signature": f"sha256={signature}",
                },
            )

        supply.prepare = prepare
        yield supply
