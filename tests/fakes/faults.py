"""Base class of the fake servers; module tests use it as `puqpanel.sdk.testing.Provider`."""

from __future__ import annotations

from puqpanel.sdk.testing.provider import GARBAGE, NAMED, PAGE, Fault, Reply, Seen, wait_for
from puqpanel.sdk.testing.provider import Provider as FaultyServer

__all__ = ["GARBAGE", "NAMED", "PAGE", "Fault", "FaultyServer", "Reply", "Seen", "wait_for"]
