"""Sentinel URLs of the queue server."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

SENTINEL = "redis+sentinel://"
SENTINEL_PORT = 26379


@dataclass(frozen=True, slots=True)
class SentinelAddress:
    """A parsed redis+sentinel:// URL."""

    nodes: tuple[tuple[str, int], ...]
    service: str
    username: str | None
    password: str | None


def parse_sentinel(url: str) -> SentinelAddress:
    """Parse redis+sentinel://user:password@host:port,[ipv6]:port/service; all but hosts optional.

    User name and password may be percent-encoded.

    Raises:
        ValueError: A host or port is invalid.
    """
    credentials, _, rest = url.removeprefix(SENTINEL).rpartition("@")
    hosts, _, service = rest.partition("?")[0].partition("/")
    username, _, password = credentials.partition(":")
    return SentinelAddress(
        tuple(_node(host.strip()) for host in hosts.split(",")),
        unquote(service) or "mymaster",
        unquote(username) or None,
        unquote(password) or None,
    )


def _node(text: str) -> tuple[str, int]:
    if text.startswith("["):
        host, closed, port = text[1:].partition("]")
        valid = bool(closed) and port[:1] in ("", ":")
        port = port[1:]
    elif text.count(":") > 1:
        host, port, valid = text, "", True  # an IPv6 address without brackets has no port
    else:
        host, _, port = text.partition(":")
        valid = True
    number = int(port) if port.isascii() and port.isdecimal() else 0 if port else SENTINEL_PORT
    if not host or not valid or not 0 < number < 65536:
        raise ValueError(f"“{text}” is not a host or host:port.")
    return host, number
