"""What may be checked: the text that staff write for a target, taken apart. No network here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from puqpanel.sdk import __

PING, HTTP, PORT = "ping", "http", "port"
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\.?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")
_STATUS = re.compile(r"([1-5]\d\d)(?:\s*-\s*([1-5]\d\d))?")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a check goes. `port` is 0 for a ping; `url` is empty but for the web."""

    host: str
    port: int = 0
    url: str = ""


def parse(kind: str, text: str, port: int | None = None) -> Target:
    """The target of a check of that type. Raises ValueError with a sentence for staff.

    Args: port, for a port check.
    """
    text = text.strip()
    if kind == HTTP:
        return _web(text)
    host = text.removeprefix("[").removesuffix("]")
    if "@" in text:
        raise ValueError(__("Leave user names and passwords out."))
    if not _HOST.fullmatch(host) or len(host) > 253 or ".." in host:
        raise ValueError(__("Write a host name or an address, without http:// and without a port."))
    if kind == PING:
        return Target(host)
    if port is None or not 1 <= port <= 65535:
        raise ValueError(__("Write the port, 1 to 65535."))
    return Target(host, port)


def _web(text: str) -> Target:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError(
            __("Write a whole web address such as https://example.com/status.")
        ) from None
    if parts.username is not None or parts.password is not None:
        raise ValueError(__("Leave user names and passwords out."))
    if (
        parts.scheme not in ("http", "https")
        or not _HOST.fullmatch(host)
        or ".." in host
        or port == 0
        or any(sign.isspace() or not sign.isprintable() for sign in text)
    ):
        raise ValueError(__("Write a whole web address such as https://example.com/status."))
    return Target(host, port or (443 if parts.scheme == "https" else 80), text)


def is_host(text: str) -> bool:
    """Whether a text is written like a host's name or address."""
    return _HOST.fullmatch(text.strip().removeprefix("[").removesuffix("]")) is not None


def of(kind: str, text: str, config: Mapping[str, Any]) -> Target:
    """The target of a stored check."""
    return parse(kind, text, config.get("port"))


def statuses(text: str) -> list[tuple[int, int]]:
    """`200-299, 404` as ranges. Raises ValueError with a sentence for staff."""
    found = []
    for part in filter(None, (one.strip() for one in text.split(","))):
        match = _STATUS.fullmatch(part)
        if match is None or int(match[2] or match[1]) < int(match[1]):
            raise ValueError(
                __("Write status codes such as 200 or 200-299, with commas between them.")
            )
        found.append((int(match[1]), int(match[2] or match[1])))
    return found or [(200, 299)]
