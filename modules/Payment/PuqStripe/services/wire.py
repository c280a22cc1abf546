"""How requests of Stripe's SDK are sent: through the panel's HTTP client.

So they have its timeouts, are in the module log with secrets masked, and a task waits when Stripe
limits the rate.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import stripe

from puqpanel.sdk import http

TIMEOUT = (10.0, 30.0)
"""Seconds to connect, and to wait for a response."""

stripe.enable_telemetry = False  # it would write a file, and send timings and the platform
logging.getLogger("stripe").setLevel(logging.WARNING)  # below, it logs bodies


class Wire(stripe.HTTPClient):
    """An HTTP client for the SDK.

    Args:
        secret: the key, which the module log masks.
    """

    name = "puqpanel"

    def __init__(self, secret: str) -> None:
        super().__init__()
        self.session = http.session(timeout=TIMEOUT, secrets=[secret])

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        """Send one request; the SDK decides whether to repeat it."""
        answer = self.session.request(method, url, headers=headers, data=post_data)
        if not answer.http_code:
            # Safe to repeat: each POST has an idempotency key.
            raise stripe.APIConnectionError(answer.error, should_retry=True)  # type: ignore[no-untyped-call]
        lower = {name.lower(): value for name, value in answer.headers.items()}
        return answer.text, answer.http_code, lower

    def close(self) -> None:
        """Close the connections."""
        self.session.close()
