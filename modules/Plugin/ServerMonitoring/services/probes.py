"""Probe one target.

Probes run in threads: they use the network only, not the database or the panel's context, and
never raise.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from puqpanel.sdk import __, http

from . import targets
from .ping import CannotPingError, ping
from .targets import HTTP, PING, Target

MAX_REDIRECTS = 5
TIMEOUT_SECONDS = 10
MIN_TIMEOUT_SECONDS = 0.1
MAX_REASON_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Probe:
    """A check to make, detached from its row.

    `allowed` lists the networks that are open besides the internet.
    """

    check_id: int
    type: str
    target: str
    config: Mapping[str, Any]
    allowed: Collection[str] = ()

    @property
    def timeout_seconds(self) -> float:
        """Return the limit for a response."""
        return float(self.config.get("timeout") or TIMEOUT_SECONDS)


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The result of a probe: up (True), down (False) or unknown (None), and the reason."""

    ok: bool | None
    milliseconds: int | None = None
    reason: str = ""


def run_probe(probe: Probe) -> ProbeResult:
    """Probe a target; return a result whatever happens."""
    started = time.monotonic()
    try:
        reason = _problem(probe, targets.of_check(probe.type, probe.target, probe.config))
    except ssl.SSLError as error:  # before ValueError, which certificate errors are too
        detail = (error.reason or type(error).__name__).replace("_", " ").lower()
        reason = __("TLS failed: :reason.", {"reason": detail})
    except http.NameUnknown as error:  # before AddressRefused, its base class
        reason = str(error)
    except (_UnableError, CannotPingError, http.AddressRefused, ValueError) as error:
        return ProbeResult(None, None, str(error))
    except TimeoutError:
        reason = timeout_reason(probe)
    except OSError as error:
        detail = error.strerror or type(error).__name__
        reason = __("Connection failed: :reason.", {"reason": detail})
    except Exception as error:
        kind = {"kind": type(error).__name__}
        return ProbeResult(None, None, __("The check failed internally (:kind).", kind))
    seconds = time.monotonic() - started
    if not reason and seconds > probe.timeout_seconds:
        reason = timeout_reason(probe)
    return ProbeResult(not reason, round(seconds * 1000), reason[:MAX_REASON_CHARACTERS])


class _UnableError(Exception):
    """The target can't be checked; the text says why."""


def timeout_reason(probe: Probe) -> str:
    """Return the reason for a target that did not respond in time."""
    return __("No response within :seconds s.", {"seconds": f"{probe.timeout_seconds:g}"})


def _problem(probe: Probe, target: Target) -> str:
    """Return why the target is down, or an empty string."""
    if probe.type == HTTP:
        return _probe_website(probe, target)
    deadline = time.monotonic() + probe.timeout_seconds
    addresses = http.resolve_public(target.host, target.port or 7, probe.allowed)
    if probe.type == PING:
        return "" if ping(addresses[0][0], _remaining(deadline)) else timeout_reason(probe)
    _probe_port(probe, target, addresses, deadline)
    return ""


def _remaining(deadline: float) -> float:
    return max(MIN_TIMEOUT_SECONDS, deadline - time.monotonic())


def _probe_port(
    probe: Probe, target: Target, addresses: list[tuple[str, int]], deadline: float
) -> None:
    """Connect to the first address that responds, and shake hands if TLS is required."""
    for tried, address in enumerate(addresses):
        timeout = _remaining(deadline) / (len(addresses) - tried)
        try:
            connection = socket.create_connection(address, timeout=timeout)
        except OSError:
            if tried == len(addresses) - 1:
                raise
            continue
        with connection:
            if probe.config.get("tls"):
                connection.settimeout(_remaining(deadline))
                context = _tls_context(verify=bool(probe.config.get("verify_tls", True)))
                context.wrap_socket(connection, server_hostname=target.host).close()
            return


def _tls_context(*, verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False  # check: off tls-not-verified, staff chose it
        context.verify_mode = ssl.CERT_NONE  # check: off tls-not-verified, staff chose it
    return context


def _probe_website(probe: Probe, target: Target) -> str:
    """Request a page; follow redirects unless a redirect is the expected status.

    Each address is checked against the allowed networks before the connection.
    """
    refusals: list[str] = []

    def policy(host: str, port: int) -> list[tuple[str, int]]:
        try:
            return http.resolve_public(host, port, probe.allowed)
        except http.NameUnknown:
            raise
        except http.AddressRefused as error:
            refusals.append(str(error))
            raise

    expected = targets.statuses(str(probe.config.get("status") or ""))
    expects_redirect = any(low < 400 and high >= 300 for low, high in expected)
    text = str(probe.config.get("text") or "")
    timeout = probe.timeout_seconds
    with http.session(
        verify=bool(probe.config.get("verify_tls", True)),
        timeout=timeout,
        connect_timeout=timeout,
        policy=policy,
    ) as client:
        follow = 0 if expects_redirect else MAX_REDIRECTS
        response = client.get(
            target.url, headers={"Accept": "*/*"}, follow=follow, read_body=bool(text)
        )
    if refusals:
        raise _UnableError(refusals[0])
    status = response.http_code
    if not status:
        return response.error or timeout_reason(probe)
    if not any(low <= status <= high for low, high in expected):
        return __("The page returned status :status.", {"status": status})
    if text and text not in response.text:
        return __("The page doesn't contain the expected text.")
    return ""
