"""The BTCPay Server of the contract suite, with a payment to refund and its webhook."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

from puqpanel.sdk.testing import Supply

from .btcpay_server import BtcPayServer, event, payment, settings, signed
from .simulator import Simulator


@contextmanager
def provider() -> Iterator[Supply]:
    """Run a server with one paid invoice."""
    with BtcPayServer() as server:
        server.add_invoice(payment("tx-0", "0.000438"), status="Settled")
        body = event("InvoiceSettled", invoiceId="Inv1")
        yield Supply(
            faults=server,
            settings=settings(server),
            transaction=("Inv1:tx-0", Decimal("21.90")),
            webhook=(body, {"Content-Type": "application/json", **signed(body)}),
            money=Simulator(server),
        )
