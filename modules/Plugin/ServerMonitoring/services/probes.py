"""One look at one target.

Runs in threads: network only, no database, nothing of the panel's context, and nothing raised.
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

REDIRECTS = 5
TIMEOUT = 10


@dataclass(frozen=True, slots=True)
class Job:
    """A check to be made, apart from its row.

    `allowed` are the networks that are open besides the internet.
    """

    check_id: int
    type: str
    target: str
    config: Mapping[str, Any]
    allowed: Collection[str] = ()

    @property
    def timeout(self) -> float:
        """Seconds that the answer may take."""
        return float(self.config.get("timeout") or TIMEOUT)


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found: up (True), down (False), or that it could not be found out (None), in how
    many milliseconds, and why.
    """

    ok: bool | None
    milliseconds: int | None = None
    reason: str = ""


def look(job: Job) -> Finding:
    """Looks once. Whatever happens is a finding."""
    started = time.monotonic()
    try:
        target = targets.of(job.type, job.target, job.config)
        reason = _ask(job, target)
    except ssl.SSLError as error:  # first: one about a certificate is a ValueError too
        reason = __(
            "TLS failed: :reason.",
            {"reason": (error.reason or type(error).__name__).replace("_", " ").lower()},
        )
    except (_UnableError, CannotPingError, ValueError) as error:
        return Finding(None, None, str(error))
    except http.NameUnknown as error:
        reason = str(error)
    except http.AddressRefused as error:
        return Finding(None, None, str(error))
    except TimeoutError:
        reason = late(job)
    except OSError as error:
        reason = __(
            "The connection failed: :reason.", {"reason": error.strerror or type(error).__name__}
        )
    except Exception as error:
        return Finding(
            None, None, __("The check itself failed (:kind).", {"kind": type(error).__name__})
        )
    took = time.monotonic() - started
    if not reason and took > job.timeout:
        reason = late(job)
    return Finding(not reason, round(took * 1000), reason[:300])


class _UnableError(Exception):
    """It cannot be found out; the text says why."""


def late(job: Job) -> str:
    """The sentence for a target that kept silent."""
    return __("There was no answer within :seconds s.", {"seconds": f"{job.timeout:g}"})


def _ask(job: Job, target: Target) -> str:
    """What is wrong, or nothing."""
    if job.type == HTTP:
        return _web(job, target)
    ends = time.monotonic() + job.timeout
    addresses = http.resolve_public(target.host, target.port or 7, job.allowed)
    if job.type == PING:
        return "" if ping(addresses[0][0], max(0.1, ends - time.monotonic())) else late(job)
    return _port(job, target, addresses, ends)


def _port(job: Job, target: Target, addresses: list[tuple[str, int]], ends: float) -> str:
    """Connects to the first address that answers, and speaks TLS where that is asked for."""
    for number, address in enumerate(addresses, 1):
        left = max(0.1, ends - time.monotonic())
        try:
            opened = socket.create_connection(address, timeout=left / (len(addresses) - number + 1))
        except OSError:
            if number == len(addresses):
                raise
            continue
        with opened:
            if job.config.get("tls"):
                opened.settimeout(max(0.1, ends - time.monotonic()))
                with _tls(verify=bool(job.config.get("verify_tls", True))).wrap_socket(
                    opened, server_hostname=target.host
                ):
                    pass
            return ""
    return ""


def _tls(*, verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _web(job: Job, target: Target) -> str:
    """Asks for a page; a redirect is followed unless it is what is expected.

    Each address on the way is looked at before it is connected to.
    """
    refused: list[str] = []

    def policy(host: str, port: int) -> list[tuple[str, int]]:
        try:
            return http.resolve_public(host, port, job.allowed)
        except http.NameUnknown:
            raise
        except http.AddressRefused as error:
            refused.append(str(error))
            raise

    wanted = targets.statuses(str(job.config.get("status") or ""))
    follow = 0 if any(low < 400 and high >= 300 for low, high in wanted) else REDIRECTS
    verify = bool(job.config.get("verify_tls", True))
    with http.session(
        verify=verify, timeout=job.timeout, connect_timeout=job.timeout, policy=policy
    ) as client:
        answer = client.get(target.url, headers={"Accept": "*/*"}, follow=follow)
    if refused:
        raise _UnableError(refused[0])
    if not answer.http_code:
        return answer.error or late(job)
    if not any(low <= answer.http_code <= high for low, high in wanted):
        return __("The page answered with status :status.", {"status": answer.http_code})
    text = str(job.config.get("text") or "")
    return __("The expected text is not on the page.") if text and text not in answer.text else ""
