"""Parse the targets of checks, without any network access."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from puqpanel.sdk import __, http

PING, HTTP, PORT = "ping", "http", "port"
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\.?|[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*")
_STATUS = re.compile(r"([1-5]\d\d)(?:\s*-\s*([1-5]\d\d))?")


@dataclass(frozen=True, slots=True)
class Target:
    """The target of a check; `port` is 0 for a ping, `url` is set for websites only."""

    host: str
    port: int = 0
    url: str = ""


def parse(kind: str, text: str, port: int | None = None) -> Target:
    """Parse what staff entered.

    Args:
        kind: The type of the check.
        text: The target.
        port: The port of a port check.

    Raises:
        ValueError: The target does not fit the type; the message is meant for the form.
    """
    text = text.strip()
    if kind == HTTP:
        return _parse_url(text)
    host = http.ascii_host(_without_brackets(text))
    if "@" in text:
        raise ValueError(__("Remove the user name and password."))
    if not _HOST.fullmatch(host) or len(host) > 253 or ".." in host:
        raise ValueError(__("Enter a host name or IP address, without http:// and port."))
    if kind == PING:
        return Target(host)
    if port is None or not 1 <= port <= 65535:
        raise ValueError(__("Enter a port from 1 to 65535."))
    return Target(host, port)


def _parse_url(text: str) -> Target:
    try:
        parts = urlsplit(text)
        host, port = http.ascii_host(parts.hostname or ""), parts.port
    except ValueError:
        raise ValueError(__("Enter a full URL such as https://example.com/status.")) from None
    if parts.username is not None or parts.password is not None:
        raise ValueError(__("Remove the user name and password."))
    if (
        parts.scheme not in ("http", "https")
        or not _HOST.fullmatch(host)
        or ".." in host
        or port == 0
        or any(char.isspace() or not char.isprintable() for char in text)
    ):
        raise ValueError(__("Enter a full URL such as https://example.com/status."))
    return Target(host, port or (443 if parts.scheme == "https" else 80), text)


def is_host(text: str) -> bool:
    """Return whether a text looks like a host name or an IP address."""
    return _HOST.fullmatch(http.ascii_host(_without_brackets(text.strip()))) is not None


def _without_brackets(host: str) -> str:
    return host.removeprefix("[").removesuffix("]")


def of_check(kind: str, text: str, config: Mapping[str, Any]) -> Target:
    """Return the target of a saved check."""
    return parse(kind, text, config.get("port"))


def statuses(text: str) -> list[tuple[int, int]]:
    """Return `200-299, 404` as ranges.

    Raises:
        ValueError: A part is not a status or a range; the message is meant for the form.
    """
    ranges = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        match = _STATUS.fullmatch(part)
        if match is None or int(match[2] or match[1]) < int(match[1]):
            raise ValueError(__("Enter status codes such as 200 or 200-299, separated by commas."))
        ranges.append((int(match[1]), int(match[2] or match[1])))
    return ranges or [(200, 299)]
