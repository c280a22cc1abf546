"""The settings of the contract suite; a bank transfer has no provider to contact."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from puqpanel.sdk.testing import Supply

ACCOUNTS = (
    "EUR; Lumen GmbH; DE89 3704 0044 0532 0130 00; COBADEFFXXX; Commerzbank\n"
    "PLN; Lumen GmbH; PL61 1090 1014 0000 0712 1981 2874\n"
    "GBP; Lumen GmbH; sort code 12-34-56, account 12345678"
)


@contextmanager
def provider() -> Iterator[Supply]:
    """Supply the settings."""
    yield Supply(settings={"accounts": ACCOUNTS, "days": 7})
